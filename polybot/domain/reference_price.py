"""A reference price as a feed told it, and which feed is believed when several speak.

Settlement compares time-weighted prices, so an average is never mixed with an instant price. A
price that does not come from the source the exchange settles by is a stand-in, and says so.
"""

import enum
from collections.abc import Callable
from typing import Final

import msgspec

SECOND_NS: Final = 1_000_000_000

POLYBOLT: Final = "polybolt"
RTDS: Final = "rtds"
BINANCE: Final = "binance"
COINBASE: Final = "coinbase"
# Made here, from the instant prices of a feed, where no feed tells the average itself.
OWN_AVERAGE: Final = "own_average"


class PriceKind(enum.Enum):
    """What a price is: the average that settles, the instant price behind it, or neither."""

    TWAP = "twap"
    SPOT = "spot"
    STAND_IN = "stand-in"


class ReferencePrice(msgspec.Struct, frozen=True, kw_only=True):
    """One price of an asset ("btc"): `price_e8` in 1e-8 dollars.

    `feed` is who told it ("polybolt", "rtds", "binance", "coinbase"), `source` whose price it is
    ("chainlink", "binance"…). `is_average` tells the average over the last minute from an instant
    price, `is_stand_in` that settlement does not go by it. `price_ns` is the source's own time,
    `received_ns` market time when it was taken; clocks differ, so it may be the earlier of the two.
    """

    asset: str
    feed: str
    source: str
    is_average: bool = False
    is_stand_in: bool = False
    price_ns: int
    price_e8: int
    received_ns: int = 0

    @property
    def kind(self) -> PriceKind:
        """Return what the price may be used for."""
        if self.is_stand_in:
            return PriceKind.STAND_IN
        return PriceKind.TWAP if self.is_average else PriceKind.SPOT

    def age_ns(self, now_ns: int) -> int:
        """Return how old the price is by its source's own time."""
        return now_ns - self.price_ns


class FeedRule(msgspec.Struct, frozen=True):
    """A feed's place in an order of preference; a price older than `limit_ns` is passed over.

    The limit is wall time: how long a line may be silent has nothing to do with how fast a
    simulated market runs. `pace` is market seconds per wall second.
    """

    feed: str
    limit_ns: int

    def believes(self, price: ReferencePrice, now_ns: int, pace: float = 1.0) -> bool:
        """Return whether a price is not too old at `now_ns` (market time)."""
        return now_ns - price.price_ns <= self.limit_ns * max(1.0, pace)


# The exchange's own feeds bring a price a second. Others stand in while those are away; what they
# trade is not the source that settles (Binance quotes in USDT), so they are believed for less long.
SPOT_ORDER: Final = (
    FeedRule(POLYBOLT, 30 * SECOND_NS),
    FeedRule(RTDS, 30 * SECOND_NS),
    FeedRule(BINANCE, 10 * SECOND_NS),
    FeedRule(COINBASE, 15 * SECOND_NS),
)
SETTLEMENT_ORDER: Final = (
    FeedRule(POLYBOLT, 30 * SECOND_NS),
    FeedRule(RTDS, 30 * SECOND_NS),
    FeedRule(OWN_AVERAGE, 30 * SECOND_NS),
)


def preferred(
    order: tuple[FeedRule, ...],
    newest: Callable[[str], ReferencePrice | None],
    now_ns: int,
    pace: float = 1.0,
) -> ReferencePrice | None:
    """Return the newest price of the first feed in `order` whose price is not too old.

    None when there is none. `newest` returns a feed's newest price; `pace` as in `FeedRule`.
    """
    for rule in order:
        price = newest(rule.feed)
        if price is not None and rule.believes(price, now_ns, pace):
            return price
    return None
