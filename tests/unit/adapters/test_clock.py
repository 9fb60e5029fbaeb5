import time

from polybot.adapters.clock import BootClock, SystemClock, SystemTurnClock
from tests.fakes import FakeClock


def test_wall_time_is_utc_epoch_nanoseconds() -> None:
    before = time.time_ns()
    assert before <= SystemClock().now_ns() <= time.time_ns()


def test_monotonic_time_is_the_one_every_process_shares() -> None:
    before = time.clock_gettime_ns(time.CLOCK_MONOTONIC)
    assert before <= SystemClock().monotonic_ns() <= time.clock_gettime_ns(time.CLOCK_MONOTONIC)


def test_boot_time_is_the_one_nobody_can_set_and_the_boot_has_a_name() -> None:
    before = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
    clock = BootClock()
    assert before <= clock.now_ns() <= time.clock_gettime_ns(time.CLOCK_BOOTTIME)
    assert clock.boot == BootClock().boot != ""


def test_a_turn_clock_stands_still_until_the_next_turn_begins() -> None:
    source = FakeClock(now_ns=1_000, mono_ns=10)
    clock = SystemTurnClock(source)
    source.advance(3)
    assert (clock.now_ns(), clock.monotonic_ns()) == (1_000, 10)
    assert clock.elapsed_ns() == 3_000_000_000
    clock.begin_turn()
    assert (clock.now_ns(), clock.monotonic_ns()) == (3_000_001_000, 3_000_000_010)
    assert clock.elapsed_ns() == 0
