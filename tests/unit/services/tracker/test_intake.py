from collections.abc import Sequence
from typing import Any

import pytest

from polybot.domain.stored import StoreResult
from polybot.errors import StorageError
from polybot.messages.lifecycle import Heartbeat
from polybot.services.tracker.intake import MOST_WAITING, Intake
from polybot.services.tracker.needs import Record
from tests.fakes import FakeInbox, FakeOutbox
from tests.story import bought, opening


class ListLedger:
    """Stores into a list, unless told to refuse."""

    def __init__(self) -> None:
        self.stored: list[Record] = []
        self.refuses = False
        self.conflicts: tuple[str, ...] = ()

    def store(self, records: Sequence[Record]) -> StoreResult:
        if self.refuses:
            raise StorageError("expected room, was none")
        self.stored += records
        return StoreResult(stored=len(records), conflicts=self.conflicts)

    def store_position(self, source: str) -> int:
        return max((e.seq for e, _, _ in self.stored if e.source == source), default=0)

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"the intake has no use for {name}")


@pytest.fixture
def ledger() -> ListLedger:
    return ListLedger()


@pytest.fixture
def inbox() -> FakeInbox:
    return FakeInbox()


@pytest.fixture
def outbox() -> FakeOutbox:
    return FakeOutbox("tracker")


@pytest.fixture
def intake(ledger: ListLedger, inbox: FakeInbox, outbox: FakeOutbox) -> Intake:
    return Intake(inbox, ledger, outbox, "tracker")


def beat(last_seq: int) -> Heartbeat:
    return Heartbeat(process="trader", pid=1, last_seq=last_seq, turns=1, progress=0, status="")


def test_sources_hear_what_is_stored_and_not_before(
    intake: Intake, inbox: FakeInbox, ledger: ListLedger
) -> None:
    for event in bought():
        inbox.put(event)
    ledger.refuses = True
    assert intake.take() == []
    assert inbox.acknowledged == {}
    assert intake.problem

    ledger.refuses = False
    inbox.put(opening())
    taken = intake.take()

    assert [envelope.seq for envelope, _, _ in taken] == list(range(1, 11))
    assert inbox.acknowledged == {"trader": 10}
    assert (intake.stored, intake.problem) == (10, "")


def test_volatile_messages_are_handed_on_and_not_stored(
    intake: Intake, inbox: FakeInbox, ledger: ListLedger
) -> None:
    inbox.put_volatile(beat(0))

    assert intake.take() == []
    assert intake.volatile == [beat(0)]
    intake.take()
    assert intake.volatile == []
    assert ledger.stored == []


def test_what_waits_in_memory_is_bounded(
    intake: Intake, inbox: FakeInbox, ledger: ListLedger
) -> None:
    ledger.refuses = True
    intake._waiting.extend([(None, None, "")] * MOST_WAITING)  # type: ignore[list-item] # noqa: SLF001
    inbox.put(opening())

    intake.take()

    assert inbox.positions == {}


def test_own_events_are_stored_in_batches_until_none_is_left(
    intake: Intake, outbox: FakeOutbox, ledger: ListLedger
) -> None:
    for _ in range(1_200):
        outbox.record(opening())
    assert intake.take_own() == []
    outbox.commit()

    taken = intake.take_own()

    assert [envelope.seq for envelope, _, _ in taken] == list(range(1, 1_201))
    assert intake.take_own() == []


def test_own_events_wait_while_the_database_refuses(
    intake: Intake, outbox: FakeOutbox, ledger: ListLedger
) -> None:
    outbox.record(opening())
    outbox.commit()
    ledger.refuses = True

    assert intake.take_own() == []

    ledger.refuses = False
    assert len(intake.take_own()) == 1


def test_conflicts_are_kept_for_an_alert(
    intake: Intake, inbox: FakeInbox, ledger: ListLedger
) -> None:
    ledger.conflicts = ("expected one hash, was another",)
    inbox.put(opening())

    intake.take()

    assert intake.conflicts == ledger.conflicts


def test_a_source_with_another_journal_is_told_with_what_to_do(
    intake: Intake, inbox: FakeInbox
) -> None:
    for event in bought():
        inbox.put(event)
    intake.take()
    assert intake.replaced() == {}

    inbox.other_journals = {"trader": 700}

    [(source, text)] = intake.replaced().items()
    assert source == "trader"
    assert "to hold event 9, which is stored, was another journal that ends at event 700" in text
    assert "restore it, or move the database aside" in text
