"""The two kinds of time: wall and monotonic, and market time."""

from typing import Protocol

from polybot.messages.lifecycle import MarketTimeChanged


class Clock(Protocol):
    """Wall and monotonic time, for authentication, timeouts, back-off and ages."""

    def now_ns(self) -> int:
        """Return UTC epoch nanoseconds."""

    def monotonic_ns(self) -> int:
        """Return nanoseconds of the system-wide monotonic clock."""


class TurnClock(Clock, Protocol):
    """Time that stands still during a turn, so that a turn can be repeated exactly as it was."""

    def begin_turn(self) -> None:
        """Read both clocks; every reading until the next call is this one."""

    def elapsed_ns(self) -> int:
        """Return how long ago the turn began: a fresh reading, for limits on the turn itself."""


class MarketClock(Protocol):
    """Market time: the wall clock in live mode, the simulator's segments otherwise."""

    def now_ns(self) -> int:
        """Return market time in UTC epoch nanoseconds; never goes back."""

    def speed(self) -> float:
        """Return market seconds per wall second; 0 while paused."""

    def ready(self) -> bool:
        """Return whether market time is known yet."""

    def accept(self, change: MarketTimeChanged) -> None:
        """Take over a segment of a simulator's market time."""
