"""The operating system's clocks; the only place that reads them."""

import time


class SystemClock:
    """Wall and monotonic time of this machine."""

    def now_ns(self) -> int:
        """Return UTC epoch nanoseconds."""
        return time.time_ns()

    def monotonic_ns(self) -> int:
        """Return nanoseconds of CLOCK_MONOTONIC, the same for every process of this boot."""
        return time.monotonic_ns()
