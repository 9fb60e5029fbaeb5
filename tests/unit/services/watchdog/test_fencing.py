"""A trader that falls silent is shut out: epoch first, then its process, then its orders."""

import pytest

from polybot.domain.fence import FencePhase, FenceRecord
from polybot.messages.commands import ResumeTrading, StopEntries
from polybot.messages.safety import (
    AlertCleared,
    AlertRaised,
    FenceCleared,
    FencedOrdersCanceled,
    FencedTraderEnded,
    FenceRaised,
)
from polybot.ports.fence import ProcessIdentity
from polybot.services.watchdog.state import restore
from tests.unit.services.watchdog.test_service import Bench

TRADER_PID = 11
TRADER = ProcessIdentity(TRADER_PID, 500)
BUDGET_S = 20


@pytest.fixture
def bench() -> Bench:
    bench = Bench()
    bench.killer.running[TRADER_PID] = TRADER
    bench.run(5)
    return bench


def silence(bench: Bench, seconds: int = BUDGET_S + 1) -> None:
    bench.beating.discard("trader")
    bench.run(seconds)


def comes_back(bench: Bench, session: str = "s2") -> None:
    bench.sessions["trader"] = session
    bench.beating.add("trader")


def test_a_trader_that_beats_is_never_shut_out(bench: Bench) -> None:
    bench.run(120)

    assert bench.fence.record is None or bench.fence.record.epoch == 0
    assert bench.killer.killed == []
    assert bench.sweeper.begun == []


def test_a_restart_within_the_budget_is_no_reason(bench: Bench) -> None:
    silence(bench, BUDGET_S - 2)
    comes_back(bench)
    bench.run(60)

    assert bench.outbox.events(FenceRaised) == []
    assert bench.killer.killed == []


def test_the_epoch_is_durable_and_shown_before_the_process_is_killed(bench: Bench) -> None:
    silence(bench)

    assert bench.killer.killed == [TRADER]
    assert bench.killer.shown_at_kill == [1]
    assert [record.epoch for record in bench.fence.written] == [0, 1]
    assert not bench.fence.written[1].is_cleared
    [raised] = bench.outbox.events(FenceRaised)
    assert (raised.epoch, raised.pid, raised.started_ticks) == (1, TRADER_PID, 500)
    assert (raised.session, raised.trader_seq) == ("s1", 40)
    assert "no heartbeat of the trader for 20 s" in raised.reason
    [ended] = bench.outbox.events(FencedTraderEnded)
    assert ended.is_over


def test_its_orders_are_canceled_until_two_listings_five_seconds_apart_are_empty(
    bench: Bench,
) -> None:
    bench.sweeper.resting = ["0xa", "0xb"]
    bench.sweeper.stubborn = {"0xb"}
    silence(bench)
    bench.run(10)
    assert bench.outbox.events(FenceCleared) == []
    assert not bench.fence.written[-1].is_cleared

    bench.sweeper.stubborn.clear()
    bench.run(4)
    assert bench.outbox.events(FenceCleared) == []
    bench.run(5)

    [cleared] = bench.outbox.events(FenceCleared)
    assert (cleared.epoch, cleared.canceled) == (1, 2)
    assert bench.fence.written[-1] == FenceRecord(
        epoch=1, is_cleared=True, reason=bench.fence.written[1].reason
    )
    asked = bench.outbox.events(FencedOrdersCanceled)
    assert asked[0].order_ids == ("0xa", "0xb")
    assert asked[0].refused == {"0xb": "order can't be canceled"}
    assert set(bench.sweeper.begun) == {40}
    assert len(asked) == 3, "what the exchange says again and again is said once"


def test_an_exchange_that_does_not_answer_is_asked_until_it_does_and_that_is_said(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    bench.sweeper.error = "no answer"
    silence(bench)
    bench.run(100)
    assert bench.outbox.events(FenceCleared) == []
    assert 4 < len(bench.sweeper.begun) < 12
    assert "cannot be canceled" in caplog.text
    assert "fence" in bench.alerts()

    bench.sweeper.error = ""
    bench.run(40)

    assert len(bench.outbox.events(FenceCleared)) == 1


def test_what_happened_is_an_alert_that_stops_entries_until_the_fence_is_cleared(
    bench: Bench,
) -> None:
    silence(bench)
    [raised] = [event for event in bench.outbox.events(AlertRaised) if event.key == "fence"]
    assert raised.severity == "critical"
    assert "epoch 1" in raised.text
    comes_back(bench)
    bench.run(2)
    assert isinstance(bench.commands.sent[-1][1], StopEntries)

    bench.run(20)

    assert "fence" in [event.key for event in bench.outbox.events(AlertCleared)]
    assert isinstance(bench.commands.sent[-1][1], ResumeTrading)


def test_it_shuts_out_once_for_each_silence(bench: Bench) -> None:
    silence(bench, 300)
    assert len(bench.outbox.events(FenceRaised)) == 1

    bench.killer.running[TRADER_PID] = ProcessIdentity(TRADER_PID, 900)
    comes_back(bench)
    bench.run(10)
    silence(bench)

    assert [event.epoch for event in bench.outbox.events(FenceRaised)] == [1, 2]
    assert bench.killer.killed[-1].started_ticks == 900


def test_a_trader_that_comes_back_and_falls_silent_while_orders_are_canceled_is_shut_out_too(
    bench: Bench,
) -> None:
    bench.sweeper.resting, bench.sweeper.stubborn = ["0xa"], {"0xa"}
    silence(bench)
    bench.killer.running[TRADER_PID] = ProcessIdentity(TRADER_PID, 900)
    comes_back(bench)
    bench.run(5)
    silence(bench)

    assert [event.epoch for event in bench.outbox.events(FenceRaised)] == [1, 2]
    assert bench.outbox.events(FenceCleared) == []


def test_a_process_that_nobody_may_kill_is_named_and_its_orders_are_canceled_all_the_same(
    bench: Bench,
) -> None:
    bench.killer.refuses = "pid 11 cannot be verified"
    bench.sweeper.resting = ["0xa"]
    silence(bench)

    [ended] = bench.outbox.events(FencedTraderEnded)
    assert (ended.is_over, ended.detail) == (False, "pid 11 cannot be verified")
    assert "it still may run: pid 11 cannot be verified" in bench.service.status()
    bench.run(20)
    assert [e.order_ids for e in bench.outbox.events(FencedOrdersCanceled)] == [("0xa",)]
    assert bench.fence.shown == 1


def test_a_process_the_kernel_does_not_confirm_is_found_by_its_lock(bench: Bench) -> None:
    bench.killer.running.clear()
    comes_back(bench)
    bench.run(2)
    holder = ProcessIdentity(4242, 7)
    bench.killer.holder = bench.killer.running[4242] = holder

    silence(bench)

    assert bench.killer.killed == [holder]


def test_without_anybody_to_kill_orders_are_canceled_all_the_same(bench: Bench) -> None:
    bench.killer.running.clear()
    bench.sweeper.resting = ["0xa"]
    bench.start()
    bench.run(5)
    silence(bench, 40)

    [ended] = bench.outbox.events(FencedTraderEnded)
    assert ended.is_over
    assert bench.sweeper.resting == []


def test_a_trader_that_was_never_heard_is_shut_out_by_its_lock(bench: Bench) -> None:
    bench.killer.holder = TRADER
    bench.beating.discard("trader")
    bench.start()

    bench.run(BUDGET_S + 2)

    assert bench.killer.killed == [TRADER]


def test_a_disk_that_refuses_the_epoch_keeps_everything_else_from_being_done(
    bench: Bench,
) -> None:
    bench.fence.refuses = True
    silence(bench, 30)
    assert bench.killer.killed == []
    assert bench.outbox.events(FenceRaised) == []
    assert "could not: cannot write fence.json" in bench.service.status()

    bench.fence.refuses = False
    bench.run(10)

    assert bench.killer.killed == [TRADER]
    assert [event.epoch for event in bench.outbox.events(FenceRaised)] == [1]


def test_who_slept_itself_calls_nobody_silent(bench: Bench) -> None:
    bench.clock.advance(60)
    bench.beating.discard("trader")
    bench.run(BUDGET_S - 1)
    assert bench.outbox.events(FenceRaised) == []

    bench.run(3)

    assert len(bench.outbox.events(FenceRaised)) == 1


@pytest.mark.parametrize("seconds", range(20, 34))
def test_a_watchdog_killed_at_any_moment_goes_on_where_it_was(bench: Bench, seconds: int) -> None:
    bench.sweeper.resting, bench.sweeper.stubborn = ["0xa"], {"0xa"}
    silence(bench, seconds)
    bench.start()
    bench.sweeper.stubborn.clear()
    bench.run(40)

    assert bench.killer.killed == [TRADER]
    assert [event.epoch for event in bench.outbox.events(FenceRaised)] == [1]
    assert len(bench.outbox.events(FenceCleared)) == 1
    assert bench.sweeper.resting == []
    assert bench.fence.shown == 1


def test_a_watchdog_killed_between_the_file_and_its_event_finishes_what_it_began(
    bench: Bench,
) -> None:
    bench.fence.record = FenceRecord(epoch=1, is_cleared=False, reason="silent")
    bench.fence.shown = 0
    bench.killer.holder = TRADER
    bench.beating.discard("trader")

    bench.start()
    bench.run(12)

    assert bench.fence.shown == 1
    assert bench.killer.killed == [TRADER]
    assert [event.epoch for event in bench.outbox.events(FenceRaised)] == [1]
    assert bench.fence.written[-1].is_cleared


@pytest.mark.parametrize("lost", ["damaged", "missing", "older"])
def test_the_epoch_never_goes_back_whatever_became_of_the_file(bench: Bench, lost: str) -> None:
    silence(bench)
    comes_back(bench)
    bench.run(30)
    if lost == "damaged":
        bench.fence.damaged = True
    else:
        bench.fence.record = None if lost == "missing" else FenceRecord(epoch=0)

    bench.start()
    bench.run(2)

    assert bench.fence.record is not None
    assert bench.fence.record.epoch == (2 if lost == "damaged" else 1)
    assert bench.fence.record.is_cleared
    assert bench.fence.shown == bench.fence.record.epoch


def test_a_checkpoint_keeps_the_fence(bench: Bench) -> None:
    bench.sweeper.resting, bench.sweeper.stubborn = ["0xa"], {"0xa"}
    silence(bench, 100)
    assert bench.checkpoints.saved is not None
    assert bench.checkpoints.saved[0] > 0

    fence = restore(*bench.checkpoints.saved[:2], []).state.fence
    assert (fence.epoch, fence.phase, fence.pid) == (1, FencePhase.CANCELING, TRADER_PID)
    assert fence.canceled == {"0xa"}
