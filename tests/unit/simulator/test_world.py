"""The world keeps market, books and journal in step, and never shows what is not durable."""

import asyncio

import pytest

from polybot.domain.market import Outcome
from polybot.domain.order import Side
from polybot.errors import DiskFull
from polybot.simulator.books.records import TimeMark, WorldOpened, decode_record
from polybot.simulator.happenings import (
    CloseWindow,
    ListWindow,
    ResolveWindow,
    SetLevels,
    SettleWindow,
)
from tests.unit.simulator.samples import MARKET, SHARES, SLUG, START, S
from tests.unit.simulator.stand import MemoryLog, Stand

HOUR = 3600 * S


def later(number: int) -> type(MARKET):  # type: ignore[valid-type]
    return MARKET.__class__(
        slug=f"later-{number}",
        condition_id=f"c{number}",
        token_up=f"u{number}",
        token_down=f"d{number}",
        asset="btc",
        open_ns=START + number * HOUR,
        close_ns=START + number * HOUR + 300 * S,
    )


def records(log: MemoryLog) -> list[object]:
    return [decode_record(payload) for payload in log.payloads[: log.synced]]


def test_it_is_opened_once_and_named() -> None:
    stand = Stand()
    stand.world.open()
    opened = [r for r in records(stand.log) if isinstance(r, WorldOpened)]
    assert opened == [WorldOpened(ts_ns=START, source="a script")]


def test_what_is_due_happens_and_nothing_else() -> None:
    better = SetLevels(START + 2 * S, SLUG, ((Side.BUY, 5100, SHARES),))
    stand = Stand([better])
    stand.step(1.9)
    book = stand.world.exchange.book(SLUG)
    assert book is not None
    assert book.best(Outcome.UP)[0] == 5000
    assert stand.world.due_wall_ns() is not None
    stand.step(0.1)
    assert book.best(Outcome.UP)[0] == 5100
    assert stand.world.happened == 3


def test_times_are_leased_ahead_of_what_anybody_sees() -> None:
    stand = Stand()
    for _ in range(50):
        stand.step(0.05)
        durable = records(stand.log)
        leases = [r.lease_ns for r in durable if isinstance(r, TimeMark)]
        assert leases[-1] > stand.world.clock.now_ns()
        assert len(leases) == len(set(leases))
    marks = [r for r in durable if isinstance(r, TimeMark)]
    assert len(marks) < 30


def test_a_restart_resumes_after_the_last_lease() -> None:
    stand = Stand()
    stand.step(1)
    seen = stand.world.clock.now_ns()
    stand.clock.advance(100)
    again = Stand(log=MemoryLog(stand.log.payloads), clock=stand.clock)
    assert seen < again.world.clock.now_ns() <= seen + S


def test_a_gap_is_jumped_only_when_nothing_is_under_way() -> None:
    stand = Stand(
        [
            CloseWindow(START + 10 * S, SLUG),
            ResolveWindow(START + 20 * S, SLUG, Outcome.UP),
            ListWindow(START + HOUR, later(1)),
        ]
    )
    stand.step(5)
    assert stand.world.skip_unplayed() is None
    stand.step(20)
    assert stand.world.skip_unplayed() is None, "the winners are not paid yet"
    stand.step(6)
    assert stand.world.skip_unplayed() == START + HOUR
    stand.world.jump_to(START + HOUR)
    assert stand.world.clock.now_ns() == START + HOUR
    assert list(stand.world.exchange.core.books) == ["later-1"]
    assert stand.world.skip_unplayed() is None
    assert not stand.world.idle


def test_windows_that_are_only_settled_are_settled_on_the_way() -> None:
    stand = Stand(
        [
            ResolveWindow(START + S, SLUG, Outcome.UP),
            *(SettleWindow(START + n * HOUR, later(n), Outcome.DOWN) for n in range(1, 40)),
            ListWindow(START + 50 * HOUR, later(50)),
        ]
    )
    stand.step(20)
    assert stand.world.skip_unplayed() == START + 50 * HOUR
    state = stand.ledger.state
    assert sum(window.outcome is Outcome.DOWN for window in state.windows.values()) == 39


def test_after_the_last_window_it_is_idle_and_time_goes_on() -> None:
    stand = Stand(
        [
            ResolveWindow(START + S, SLUG, Outcome.UP),
            SettleWindow(START + HOUR, later(1), Outcome.UP),
        ]
    )
    stand.step(20)
    target = stand.world.skip_unplayed()
    assert target == START + HOUR
    stand.world.jump_to(target)
    assert stand.world.idle
    assert stand.world.skip_unplayed() is None
    stand.step(5)
    assert stand.world.clock.now_ns() == START + HOUR + 5 * S


async def test_those_who_wait_for_the_disk_share_one_sync() -> None:
    class Counting(MemoryLog):
        syncs = 0

        def sync(self) -> None:
            self.syncs += 1
            super().sync()

    log = Counting()
    stand = Stand(log=log)
    before = log.syncs
    stand.clock.advance(1)
    stand.world.catch_up()
    await asyncio.gather(*(stand.world.durable() for _ in range(10)))
    assert log.syncs == before + 1
    await stand.world.durable()
    assert log.syncs == before + 1
    assert log.synced == len(log.payloads)


async def test_a_disk_that_refuses_is_told_to_everybody_who_waits() -> None:
    class Full(MemoryLog):
        def sync(self) -> None:
            if len(self.payloads) > 3:
                raise DiskFull("expected room, was none")
            super().sync()

    stand = Stand(log=Full())
    stand.step()
    stand.clock.advance(1)
    stand.world.catch_up()
    with pytest.raises(DiskFull):
        await stand.world.durable()
    assert isinstance(stand.world.failure, DiskFull)
