from typing import Any

import pytest

from polybot.messages.commands import ResumeTrading, StopEntries
from polybot.messages.lifecycle import Heartbeat
from polybot.services.watchdog.entry_brake import EntryBrake
from tests.fakes import FakeCommandSender

SECOND_NS = 1_000_000_000


def beat(state: str = "ACTIVE") -> Heartbeat:
    return Heartbeat(
        process="trader", pid=7, last_seq=0, turns=1, progress=0, status="", trading_state=state
    )


@pytest.fixture
def sender() -> FakeCommandSender:
    return FakeCommandSender()


@pytest.fixture
def brake(sender: FakeCommandSender) -> EntryBrake:
    return EntryBrake(sender)


def kinds(sender: FakeCommandSender) -> list[type[Any]]:
    return [type(command) for _, command in sender.sent]


def test_nothing_is_said_to_a_trader_that_was_not_heard(
    brake: EntryBrake, sender: FakeCommandSender
) -> None:
    brake.want(("disk",), None, 0)

    assert sender.sent == []


def test_a_fresh_watchdog_without_a_reason_takes_back_what_was_claimed(
    brake: EntryBrake, sender: FakeCommandSender
) -> None:
    brake.want((), beat("REDUCING"), 0)

    [(process, command)] = sender.sent
    assert process == "trader"
    assert command == ResumeTrading(source="watchdog", reason="what stopped entries is over")


def test_a_reason_stops_entries_once_and_its_end_resumes(
    brake: EntryBrake, sender: FakeCommandSender
) -> None:
    brake.want((), beat(), 0)
    brake.want(("disk", "clock"), beat(), SECOND_NS)
    for second in range(2, 60):
        brake.want(("disk",), beat("REDUCING"), second * SECOND_NS)
    brake.want((), beat("REDUCING"), 60 * SECOND_NS)

    assert kinds(sender) == [ResumeTrading, StopEntries, ResumeTrading]
    assert sender.sent[1][1] == StopEntries(source="watchdog", reason="disk; clock")


def test_a_command_that_was_lost_is_repeated(brake: EntryBrake, sender: FakeCommandSender) -> None:
    for second in range(11):
        brake.want(("disk",), beat("ACTIVE"), second * SECOND_NS)

    assert kinds(sender) == [StopEntries] * 3


def test_others_may_keep_the_trader_reducing(brake: EntryBrake, sender: FakeCommandSender) -> None:
    for second in range(61):
        brake.want((), beat("REDUCING"), second * SECOND_NS)

    assert kinds(sender) == [ResumeTrading] * 2


def test_a_new_trader_is_told_again(brake: EntryBrake, sender: FakeCommandSender) -> None:
    brake.want(("disk",), beat("REDUCING"), 0)
    brake.trader_began()
    brake.want(("disk",), beat("REDUCING"), SECOND_NS)

    assert kinds(sender) == [StopEntries] * 2
