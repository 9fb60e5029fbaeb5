import time

from polybot.adapters.clock import SystemClock


def test_wall_time_is_utc_epoch_nanoseconds() -> None:
    before = time.time_ns()
    assert before <= SystemClock().now_ns() <= time.time_ns()


def test_monotonic_time_is_the_one_every_process_shares() -> None:
    before = time.clock_gettime_ns(time.CLOCK_MONOTONIC)
    assert before <= SystemClock().monotonic_ns() <= time.clock_gettime_ns(time.CLOCK_MONOTONIC)
