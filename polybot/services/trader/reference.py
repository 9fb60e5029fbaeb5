"""Reference prices of an asset as the trader heard them, and what a strategy sees of them."""

from collections import deque
from typing import Final

import msgspec

from polybot.domain.market import Market, SettlementRule
from polybot.domain.reference_price import (
    OWN_AVERAGE,
    SECOND_NS,
    SETTLEMENT_ORDER,
    SPOT_ORDER,
    ReferencePrice,
    preferred,
)
from polybot.domain.settlement import twap_e8
from polybot.strategies.base import ReferenceView

SAMPLES: Final = 60
# Every window opens at a multiple of this.
BOUNDARY_NS: Final = 300 * SECOND_NS
# Two days of boundaries: the longest series looks back eight windows of four hours.
BOUNDARIES: Final = 576
# Prices at window opens are remembered for the trend guard, this many windows back.
OPENS: Final = 8
# Measured: the stream's average stamped t is that of the minute before t - 2 s.
AVERAGE_LAG_NS: Final = 2 * SECOND_NS
AVERAGE_NS: Final = 60 * SECOND_NS
# An average of fewer prices than this many in its minute is a guess.
AVERAGE_PRICES: Final = 40
_HISTORY: Final = 70


class _Instant(msgspec.Struct):
    """The instant prices of one feed: the newest, and one a second."""

    newest: ReferencePrice
    samples: deque[tuple[int, int]] = msgspec.field(default_factory=lambda: deque(maxlen=SAMPLES))
    history: deque[tuple[int, int]] = msgspec.field(default_factory=lambda: deque(maxlen=_HISTORY))

    def add(self, price: ReferencePrice) -> None:
        """Take a price unless a newer one is there."""
        if price.price_ns < self.newest.price_ns:
            return
        self.newest = price
        second = price.price_ns // SECOND_NS
        if not self.samples or second > self.samples[-1][0] // SECOND_NS:
            self.samples.append((price.price_ns, price.price_e8))
            self.history.append((price.price_ns, price.price_e8))

    def average(self, stamp_ns: int) -> ReferencePrice | None:
        """Return the average a stream would stamp `stamp_ns`, None when too little is known."""
        end_ns = stamp_ns - AVERAGE_LAG_NS
        inside = sum(end_ns - AVERAGE_NS <= at < end_ns for at, _ in self.history)
        if inside < AVERAGE_PRICES:
            return None
        price_e8 = twap_e8(tuple(self.history), end_ns, AVERAGE_NS)
        if price_e8 is None:
            return None
        return msgspec.structs.replace(
            self.newest,
            feed=OWN_AVERAGE,
            is_average=True,
            is_stand_in=True,
            price_ns=stamp_ns,
            price_e8=price_e8,
        )


class _Asset(msgspec.Struct):
    """One asset: each feed's prices, and those exactly at a boundary by (is average, time)."""

    instants: dict[str, _Instant] = msgspec.field(default_factory=dict)
    averages: dict[str, ReferencePrice] = msgspec.field(default_factory=dict)
    at_boundary: dict[tuple[bool, int], dict[str, ReferencePrice]] = msgspec.field(
        default_factory=dict
    )

    def spot(self, now_ns: int, pace: float) -> _Instant | None:
        """Return the feed to believe now."""
        for rule in SPOT_ORDER:
            instant = self.instants.get(rule.feed)
            if instant is not None and rule.believes(instant.newest, now_ns, pace):
                return instant
        return None

    def remember(self, price: ReferencePrice) -> None:
        """Keep a price that stands exactly at a boundary."""
        key = (price.is_average, price.price_ns)
        self.at_boundary.setdefault(key, {}).setdefault(price.feed, price)
        while len(self.at_boundary) > 2 * BOUNDARIES:
            del self.at_boundary[next(iter(self.at_boundary))]

    def boundary(
        self, at_ns: int, *, average: bool, beside: ReferencePrice | None
    ) -> ReferencePrice | None:
        """Return the price at a boundary that may be compared with another, best feed first.

        Two prices of different sources differ by more than windows are decided by: a stand-in is
        compared with prices of its own feed only.
        """
        told = self.at_boundary.get((average, at_ns))
        if told is None:
            return None
        for rule in SETTLEMENT_ORDER:
            price = told.get(rule.feed)
            if price is not None and _comparable(price, beside):
                return price
        return None


class ReferenceBook:
    """Keeps each feed's newest prices, a sample a second, and the ticks at window boundaries.

    Which feed is believed is decided at every look, by the order and the limits of
    `domain.reference_price`; `pace` is how fast market time runs. A feed that is absent stays
    absent: every answer is then empty, and neutral to strategies.
    """

    def __init__(self) -> None:
        self.pace = 1.0
        self._assets: dict[str, _Asset] = {}

    def accept(self, price: ReferencePrice) -> None:
        """Take one price of a feed, in any order."""
        asset = self._assets.setdefault(price.asset, _Asset())
        if price.price_ns % BOUNDARY_NS == 0:
            asset.remember(price)
        if price.is_average:
            known = asset.averages.get(price.feed)
            if known is None or price.price_ns >= known.price_ns:
                asset.averages[price.feed] = price
            return
        instant = asset.instants.get(price.feed)
        if instant is None:
            instant = asset.instants[price.feed] = _Instant(price)
        before_ns = instant.newest.price_ns
        instant.add(price)
        boundary_ns = price.price_ns - price.price_ns % BOUNDARY_NS
        if before_ns < boundary_ns and not price.is_stand_in:
            average = instant.average(boundary_ns)
            if average is not None:
                asset.remember(average)

    def view(self, market: Market, now_ns: int) -> ReferenceView:
        """Return what a strategy may know of the reference price at `now_ns`."""
        asset = self._assets.get(market.asset)
        if asset is None or not asset.instants:
            return ReferenceView()
        spot = asset.spot(now_ns, self.pace)
        price = None if spot is None else spot.newest
        average = market.rule is SettlementRule.TWAP
        strike = asset.boundary(market.open_ns, average=average, beside=price)
        strike_e8 = None if strike is None else strike.price_e8
        opens = _opens(asset, market, price)
        is_stand_in = strike is not None and strike.is_stand_in
        if spot is None or price is None:
            return ReferenceView(
                age_ns=now_ns - max(i.newest.price_ns for i in asset.instants.values()),
                strike_e8=strike_e8,
                window_opens_e8=opens,
                strike_is_stand_in=is_stand_in,
            )
        return ReferenceView(
            price_e8=price.price_e8,
            age_ns=now_ns - price.price_ns,
            strike_e8=strike_e8,
            samples=tuple(spot.samples),
            window_opens_e8=opens,
            feed=price.feed,
            price_is_stand_in=price.is_stand_in,
            strike_is_stand_in=is_stand_in,
        )

    def assets(self) -> tuple[str, ...]:
        """Return the assets any price came of."""
        return tuple(self._assets)

    def spot(self, asset: str, now_ns: int) -> ReferencePrice | None:
        """Return the instant price that is believed now."""
        known = self._assets.get(asset)
        found = None if known is None else known.spot(now_ns, self.pace)
        return None if found is None else found.newest

    def settlement(self, asset: str, now_ns: int) -> ReferencePrice | None:
        """Return the average that is believed now; without any, our own of the instant prices."""
        known = self._assets.get(asset)
        if known is None:
            return None
        told = preferred(SETTLEMENT_ORDER, known.averages.get, now_ns, self.pace)
        spot = known.spot(now_ns, self.pace)
        if told is not None or spot is None or spot.newest.is_stand_in:
            return told
        return spot.average(spot.newest.price_ns)

    def age_s(self, now_ns: int) -> float:
        """Return the age of the newest price in wall seconds, -1 when there is none."""
        newest = [
            instant.newest.price_ns
            for asset in self._assets.values()
            for instant in asset.instants.values()
        ]
        return (now_ns - max(newest)) / 1e9 / max(1.0, self.pace) if newest else -1.0


def _comparable(price: ReferencePrice, beside: ReferencePrice | None) -> bool:
    return beside is None or not beside.is_stand_in or price.feed == beside.feed


def _opens(asset: _Asset, market: Market, beside: ReferencePrice | None) -> tuple[int, ...]:
    length = market.close_ns - market.open_ns
    prices: list[int] = []
    for back in range(OPENS - 1, -1, -1):
        price = asset.boundary(market.open_ns - back * length, average=False, beside=beside)
        if price is None:
            prices.clear()  # a hole: only the unbroken run up to this window counts
        else:
            prices.append(price.price_e8)
    return tuple(prices)
