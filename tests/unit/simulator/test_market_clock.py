"""Market time runs, pauses and jumps, and never goes back."""

import pytest

from polybot.errors import InvalidValue
from polybot.simulator.market_clock import SegmentedClock
from tests.fakes import FakeClock

S = 1_000_000_000


def make(speed: float = 20.0, held: str = "") -> tuple[FakeClock, SegmentedClock]:
    wall = FakeClock()
    return wall, SegmentedClock(wall.monotonic_ns, start_ns=100 * S, speed=speed, held=held)


def test_item_20_the_clock_runs_as_fast_as_it_was_told() -> None:
    wall, clock = make(speed=20)
    wall.advance(2)
    assert clock.now_ns() == 140 * S
    assert clock.segment().speed == 20
    assert clock.wall_ns_until(160 * S) == S + 1
    assert clock.wall_ns_until(100 * S) == 0
    assert clock.span_ns(S) == 20 * S


def test_a_day_at_an_odd_speed_loses_nothing() -> None:
    wall, clock = make(speed=0.1)
    wall.mono_ns += 86_400 * S + 7
    assert clock.now_ns() == 100 * S + 8_640 * S


def test_it_stands_still_until_the_last_reason_is_gone() -> None:
    wall, clock = make(speed=1)
    clock.pause("jump")
    clock.pause("slow client")
    wall.advance(5)
    clock.resume("jump")
    wall.advance(5)
    assert (clock.now_ns(), clock.paused) == (100 * S, True)
    assert clock.segment().speed == 0
    assert clock.wall_ns_until(101 * S) is None
    clock.resume("slow client")
    wall.advance(5)
    assert (clock.now_ns(), clock.paused) == (105 * S, False)


def test_resuming_for_a_reason_nobody_gave_changes_nothing() -> None:
    wall, clock = make(speed=1)
    wall.advance(3)
    before = clock.segment()
    clock.resume("nothing")
    assert clock.segment() == before


def test_it_starts_held_when_asked_to() -> None:
    wall, clock = make(held="starting")
    wall.advance(9)
    assert clock.now_ns() == 100 * S
    clock.resume("starting")
    wall.advance(1)
    assert clock.now_ns() == 120 * S


def test_it_jumps_forward_only() -> None:
    wall, clock = make(speed=1)
    clock.jump_to(500 * S)
    wall.advance(1)
    assert clock.now_ns() == 501 * S
    with pytest.raises(InvalidValue, match="not before"):
        clock.jump_to(500 * S)


def test_a_speed_of_nothing_is_refused() -> None:
    with pytest.raises(InvalidValue, match="speed above 0"):
        make(speed=0)


def test_another_speed_holds_from_the_moment_it_is_set() -> None:
    wall = FakeClock()
    clock = SegmentedClock(wall.monotonic_ns, start_ns=1000 * S, speed=1.0)
    wall.advance(10)
    clock.set_speed(20.0)
    wall.advance(1)
    assert (clock.now_ns(), clock.speed) == (1030 * S, 20.0)
    with pytest.raises(InvalidValue):
        clock.set_speed(0)
    assert clock.speed == 20.0


def test_it_says_what_it_is_held_for() -> None:
    clock = SegmentedClock(FakeClock().monotonic_ns, start_ns=0, speed=1.0, held="starting")
    assert clock.is_held_for("starting")
    assert not clock.is_held_for("jump")
