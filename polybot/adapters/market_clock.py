"""Market time as a process knows it: the wall clock, or the simulator's segments."""

from polybot.messages.lifecycle import MarketTimeChanged
from polybot.ports import Clock


class WallMarketClock:
    """Market time of live mode: it is the wall clock."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def now_ns(self) -> int:
        """Return the wall time."""
        return self._clock.now_ns()

    def speed(self) -> float:
        """Return 1: market seconds are wall seconds."""
        return 1.0

    def ready(self) -> bool:
        """Return True: the wall clock is always known."""
        return True

    def accept(self, change: MarketTimeChanged) -> None:
        """Ignore a simulator's time."""


class SegmentMarketClock:
    """Market time of a simulated exchange, from the newest segment heard; never goes back."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._segment: MarketTimeChanged | None = None
        self._newest_ns = 0

    def accept(self, change: MarketTimeChanged) -> None:
        """Take over a segment of market time."""
        self._segment = change

    def now_ns(self) -> int:
        """Return market time; 0 before the first segment."""
        segment = self._segment
        if segment is None:
            return 0
        elapsed = self._clock.monotonic_ns() - segment.origin_mono_ns
        now = segment.origin_market_ns + int(max(0, elapsed) * segment.speed)
        self._newest_ns = max(self._newest_ns, now)
        return self._newest_ns

    def speed(self) -> float:
        """Return market seconds per wall second, 0 while paused or unknown."""
        return 0.0 if self._segment is None else self._segment.speed

    def ready(self) -> bool:
        """Return whether a segment was heard."""
        return self._segment is not None

    def idle(self) -> bool:
        """Return whether the simulator has played everything it had."""
        return self._segment is not None and self._segment.idle
