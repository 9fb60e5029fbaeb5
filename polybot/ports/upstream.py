"""What a mirror asks of the exchange it follows, beside its catalog and its streams."""

from typing import Protocol

import msgspec


class MarketMoment(msgspec.Struct, frozen=True):
    """Market time of another exchange at a moment of our monotonic clock.

    `speed` is its market seconds per wall second, 0 while it stands still.
    """

    mono_ns: int
    market_ns: int
    speed: float

    def at(self, mono_ns: int) -> int:
        """Return its market time at another moment of our monotonic clock."""
        return self.market_ns + int((mono_ns - self.mono_ns) * self.speed)


class UpstreamTime(Protocol):
    """Market time of the exchange that is mirrored."""

    def moment(self) -> MarketMoment | None:
        """Return the newest known moment, None while there is none; asks again by itself."""
