"""The operating system's clocks; the only place that reads them."""

import time

from polybot.ports import Clock


class SystemClock:
    """Wall and monotonic time of this machine."""

    def now_ns(self) -> int:
        """Return UTC epoch nanoseconds."""
        return time.time_ns()

    def monotonic_ns(self) -> int:
        """Return nanoseconds of CLOCK_MONOTONIC, the same for every process of this boot."""
        return time.monotonic_ns()


class SystemTurnClock:
    """A clock that is read once a turn: whatever a turn decides, it decides at one moment."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.begin_turn()

    def begin_turn(self) -> None:
        """Read both clocks; every reading until the next call is this one."""
        self._mono_ns = self._clock.monotonic_ns()
        self._wall_ns = self._clock.now_ns()

    def now_ns(self) -> int:
        """Return UTC epoch nanoseconds of the turn's begin."""
        return self._wall_ns

    def monotonic_ns(self) -> int:
        """Return monotonic nanoseconds of the turn's begin."""
        return self._mono_ns

    def elapsed_ns(self) -> int:
        """Return how long ago the turn began, by a fresh reading."""
        return self._clock.monotonic_ns() - self._mono_ns
