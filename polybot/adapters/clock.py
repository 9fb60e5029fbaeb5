"""The operating system's clocks; the only place that reads them."""

import time
from pathlib import Path

from polybot.ports import Clock

_BOOT = Path("/proc/sys/kernel/random/boot_id")


class SystemClock:
    """Wall and monotonic time of this machine."""

    def now_ns(self) -> int:
        """Return UTC epoch nanoseconds."""
        return time.time_ns()

    def monotonic_ns(self) -> int:
        """Return nanoseconds of CLOCK_MONOTONIC, the same for every process of this boot."""
        return time.monotonic_ns()


class BootClock:
    """Time since the machine was started, which nobody can set; `boot` tells its starts apart."""

    def __init__(self) -> None:
        try:
            self.boot = _BOOT.read_text().strip()
        except OSError:
            # Without /proc every start of the machine looks the same; its time still begins anew.
            self.boot = ""

    def now_ns(self) -> int:
        """Return nanoseconds of CLOCK_BOOTTIME: it goes on while the machine sleeps."""
        return time.clock_gettime_ns(time.CLOCK_BOOTTIME)


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
