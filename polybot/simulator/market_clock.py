"""Market time: segments of an injected monotonic clock, each with its origin and its speed.

The simulated exchange lives in market time. It runs faster or slower than the wall, is paused while
a client cannot keep up, jumps forward over the gaps of a recording, and never goes back.
"""

from collections.abc import Callable
from fractions import Fraction

import msgspec

from polybot.errors import InvalidValue


class Segment(msgspec.Struct, frozen=True):
    """A stretch of market time: it runs from `market_ns` at `mono_ns` with one speed.

    `mono_ns` is CLOCK_MONOTONIC; `speed` is market seconds per wall second, 0 while paused.
    """

    mono_ns: int
    market_ns: int
    speed: float


class SegmentedClock:
    """Market time that runs only while nobody holds it.

    Each reason to pause is named, so that a jump and a slow client do not end each other's pause.
    """

    def __init__(
        self, monotonic_ns: Callable[[], int], *, start_ns: int, speed: float, held: str = ""
    ) -> None:
        self._monotonic_ns = monotonic_ns
        self._speed = speed
        self._ratio = _ratio_of(speed)
        self._holds: set[str] = {held} if held else set()
        self._mono_ns = monotonic_ns()
        self._market_ns = start_ns

    @property
    def paused(self) -> bool:
        """Whether anybody holds the clock."""
        return bool(self._holds)

    @property
    def speed(self) -> float:
        """Market seconds per wall second while nobody holds it."""
        return self._speed

    def is_held_for(self, reason: str) -> bool:
        """Say whether it is held for this reason."""
        return reason in self._holds

    def segment(self) -> Segment:
        """Return the current stretch, as clients need it to follow."""
        return Segment(self._mono_ns, self._market_ns, 0.0 if self._holds else self._speed)

    def now_ns(self) -> int:
        """Return market time in UTC epoch nanoseconds."""
        if self._holds:
            return self._market_ns
        elapsed = self._monotonic_ns() - self._mono_ns
        return self._market_ns + elapsed * self._ratio.numerator // self._ratio.denominator

    def wall_ns_until(self, market_ns: int) -> int | None:
        """Return the wall nanoseconds until a market time, 0 when it is over, None while paused."""
        ahead = market_ns - self.now_ns()
        if ahead <= 0:
            return 0
        if self._holds:
            return None
        return ahead * self._ratio.denominator // self._ratio.numerator + 1

    def span_ns(self, wall_ns: int) -> int:
        """Return the market time that passes in a stretch of wall time while running."""
        return wall_ns * self._ratio.numerator // self._ratio.denominator

    def pause(self, reason: str) -> None:
        """Stop market time until `resume` is called for the same reason."""
        self._begin_segment(self.now_ns())
        self._holds.add(reason)

    def resume(self, reason: str) -> None:
        """Take one reason to pause back; time runs on when it was the last."""
        if reason in self._holds:
            self._begin_segment(self.now_ns())
            self._holds.discard(reason)

    def jump_to(self, market_ns: int) -> None:
        """Move market time forward at once; raise InvalidValue for a time already over."""
        now = self.now_ns()
        if market_ns < now:
            raise InvalidValue(f"expected a market time not before {now}, was {market_ns}")
        self._begin_segment(market_ns)

    def set_speed(self, speed: float) -> None:
        """Run at another speed from now on; raise InvalidValue for one that is not above 0."""
        ratio = _ratio_of(speed)
        self._begin_segment(self.now_ns())
        self._speed, self._ratio = speed, ratio

    def _begin_segment(self, market_ns: int) -> None:
        self._mono_ns = self._monotonic_ns()
        self._market_ns = market_ns


def _ratio_of(speed: float) -> Fraction:
    if not speed > 0:
        raise InvalidValue(f"expected a speed above 0, was {speed}")
    # Exact arithmetic: a float speed times a day of nanoseconds loses whole nanoseconds.
    return Fraction(speed).limit_denominator(1_000_000)
