from typing import Any

import pytest

from polybot.domain.alarms import AlarmRules, Readings
from polybot.domain.liveness import Judgement, Verdict
from polybot.messages.lifecycle import Heartbeat
from polybot.services.watchdog.gauges import Gauges
from tests.fakes import FakeClock
from tests.unit.services.watchdog.fakes import FakeExchangeTime, FakeHost, FakeStorage

ALIVE = {"trader": Judgement(verdict=Verdict.ALIVE, reason="", heartbeat_age_s=0.0)}
DEAD = {"trader": Judgement(verdict=Verdict.DEAD, reason="", heartbeat_age_s=60.0)}


def beats(**changes: Any) -> dict[str, Heartbeat]:
    values: dict[str, Any] = {
        "process": "trader",
        "pid": 7,
        "last_seq": 5,
        "turns": 1,
        "progress": 0,
        "status": "",
        "ages_s": {"market": 0.5, "price": -1.0},
        "uptime_s": 100.0,
    }
    return {"trader": Heartbeat(**(values | changes))}


class Bench:
    def __init__(self) -> None:
        self.host = FakeHost()
        self.time = FakeExchangeTime()
        self.storage = FakeStorage()
        self.clock = FakeClock()
        self.gauges = Gauges(
            self.host, self.time, self.storage, self.clock, AlarmRules(feed_age_s=60)
        )

    def read(
        self,
        heard: dict[str, Heartbeat] | None = None,
        judgements: dict[str, Judgement] | None = None,
    ) -> Readings:
        return self.gauges.read(beats() if heard is None else heard, judgements or ALIVE)


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_everything_is_read(bench: Bench) -> None:
    bench.host.rss = {7: 120}
    bench.storage.stored = {"trader": 5}
    bench.storage.commit_ns = bench.clock.now_ns() - 3_000_000_000

    assert bench.read() == Readings(
        feed_ages_s={"market": 0.5, "price": -1.0},
        feeds_expected=True,
        disk_free_mb=5_000,
        rss_mb={"trader": 120},
        clock_skew_s=0.1,
        database_writable=True,
        commit_age_s=3.0,
        events_waiting=False,
    )


def test_crash_loops_are_read_with_what_changes_slowly(bench: Bench) -> None:
    loops: dict[str, str] = {}
    bench.gauges.crash_loops = lambda: dict(loops)
    assert bench.read().crash_loops == {}
    loops["tracker"] = "3 crashes in 9 s"
    bench.clock.advance(1)
    assert bench.read().crash_loops == {}
    bench.clock.advance(4)
    assert bench.read().crash_loops == loops


def test_events_are_late_only_from_when_they_began_to_wait(bench: Bench) -> None:
    """A floor that was down for an hour has stored nothing for an hour, and is not late."""
    bench.storage.stored = {"trader": 4}
    bench.storage.commit_ns = bench.clock.now_ns() - 3_600_000_000_000
    assert bench.read().commit_age_s == 0.0
    bench.clock.advance(61)
    late = bench.read()
    assert (late.events_waiting, late.commit_age_s) == (True, 61.0)

    bench.storage.stored = {"trader": 5}
    bench.clock.advance(5)
    assert bench.read().events_waiting is False
    bench.storage.stored = {"trader": 4}
    bench.clock.advance(5)
    assert bench.read().commit_age_s == 0.0


def test_what_may_block_is_read_every_few_seconds(bench: Bench) -> None:
    for _ in range(6):
        bench.read()
        bench.clock.advance(1)

    assert (bench.host.reads, bench.time.asked) == (2, 1)
    bench.clock.advance(30)
    bench.read()
    assert bench.time.asked == 2


def test_events_wait_when_a_source_is_ahead_of_the_database(bench: Bench) -> None:
    bench.storage.stored = {"trader": 4}

    assert bench.read().events_waiting


def test_a_database_that_cannot_be_read_has_no_age(bench: Bench) -> None:
    bench.storage.commit_ns = 5
    bench.storage.fails = True

    assert bench.read().commit_age_s is None


def test_feeds_of_a_silent_trader_are_not_known(bench: Bench) -> None:
    readings = bench.read(judgements=DEAD)

    assert (readings.feed_ages_s, readings.feeds_expected) == ({}, False)
    assert bench.read(heard={}).feeds_expected is False


def test_a_feed_that_said_nothing_yet_has_time_to_begin(bench: Bench) -> None:
    silent = {"market": -1.0}

    assert bench.read(beats(ages_s=silent, uptime_s=59.0)).feed_ages_s == {}
    assert bench.read(beats(ages_s=silent, uptime_s=60.0)).feed_ages_s == silent


def test_feeds_may_be_silent_while_the_market_stands_still(bench: Bench) -> None:
    bench.gauges.market_moves = False

    assert not bench.read().feeds_expected


def test_memory_of_a_dead_process_is_not_asked_for(bench: Bench) -> None:
    bench.host.rss = {7: 120}

    assert bench.read(judgements=DEAD).rss_mb == {}


def test_a_jump_of_our_clock_asks_the_exchange_at_once_and_often(bench: Bench) -> None:
    jump = [0.0]
    bench.gauges.wall_jump_s = lambda: jump[0]
    bench.read()
    asked = bench.time.asked
    bench.clock.advance(1)
    bench.read()
    assert bench.time.asked == asked

    jump[0] = 3600.0
    assert bench.read().clock_jump_s == 3600.0
    assert bench.time.asked == asked + 1
    bench.clock.advance(2)
    bench.read()
    assert bench.time.asked == asked + 2
    jump[0] = 0.0
    assert bench.read().clock_jump_s == 0.0


def test_a_database_that_stands_still_is_late_after_the_clock_was_set_back(bench: Bench) -> None:
    bench.storage.stored = {"trader": 4}
    bench.storage.commit_ns = bench.clock.now_ns() + 3_600_000_000_000
    bench.read()
    bench.clock.advance(61)

    assert bench.read().commit_age_s == 61.0
