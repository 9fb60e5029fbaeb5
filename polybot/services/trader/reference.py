"""Reference prices of an asset as the trader heard them, and what a strategy sees of them."""

from collections import deque
from dataclasses import dataclass, field

import msgspec

from polybot.domain.market import Market, SettlementRule
from polybot.strategies.base import ReferenceView

SAMPLES = 60
SECOND_NS = 1_000_000_000
# A price older than this (market time) is no price: the signals that need one become neutral.
STALE_NS = 30 * SECOND_NS
# Prices at window opens are remembered for the trend guard, this many windows back.
OPENS = 8


class PriceTick(msgspec.Struct, frozen=True):
    """One reference price: `twap` tells the time-weighted stream from the instant one."""

    asset: str
    source: str
    twap: bool
    price_ns: int
    price_e8: int


@dataclass(slots=True)
class _Asset:
    instant: PriceTick | None = None
    samples: deque[tuple[int, int]] = field(default_factory=lambda: deque(maxlen=SAMPLES))
    at_boundary: dict[tuple[bool, int], int] = field(default_factory=dict)


class ReferenceBook:
    """Keeps the newest instant price, a sample a second, and the ticks at window boundaries.

    A feed that is absent stays absent: every answer is then empty, and neutral to strategies.
    """

    def __init__(self) -> None:
        self._assets: dict[str, _Asset] = {}

    def accept(self, tick: PriceTick) -> None:
        """Take one price of a stream, in any order."""
        asset = self._assets.setdefault(tick.asset, _Asset())
        if tick.price_ns % (60 * SECOND_NS) == 0:
            asset.at_boundary[tick.twap, tick.price_ns] = tick.price_e8
            self._trim(asset)
        if tick.twap:
            return
        if asset.instant is not None and tick.price_ns < asset.instant.price_ns:
            return
        asset.instant = tick
        if not asset.samples or tick.price_ns // SECOND_NS > asset.samples[-1][0] // SECOND_NS:
            asset.samples.append((tick.price_ns, tick.price_e8))

    def view(self, market: Market, now_ns: int) -> ReferenceView:
        """Return what a strategy may know of the reference price at `now_ns`."""
        asset = self._assets.get(market.asset)
        if asset is None or asset.instant is None:
            return ReferenceView()
        age = now_ns - asset.instant.price_ns
        strike = asset.at_boundary.get((market.rule is SettlementRule.TWAP, market.open_ns))
        opens = self._opens(asset, market)
        if age > STALE_NS:
            return ReferenceView(age_ns=age, strike_e8=strike, window_opens_e8=opens)
        return ReferenceView(
            price_e8=asset.instant.price_e8,
            age_ns=age,
            strike_e8=strike,
            samples=tuple(asset.samples),
            window_opens_e8=opens,
        )

    def age_s(self, now_ns: int) -> float:
        """Return the age of the newest price in market seconds, -1 when there is none."""
        newest = [a.instant.price_ns for a in self._assets.values() if a.instant is not None]
        return (now_ns - max(newest)) / 1e9 if newest else -1.0

    def _opens(self, asset: _Asset, market: Market) -> tuple[int, ...]:
        length = market.close_ns - market.open_ns
        prices: list[int] = []
        for back in range(OPENS - 1, -1, -1):
            price = asset.at_boundary.get((False, market.open_ns - back * length))
            if price is None:
                prices.clear()  # a hole: only the unbroken run up to this window counts
            else:
                prices.append(price)
        return tuple(prices)

    def _trim(self, asset: _Asset) -> None:
        while len(asset.at_boundary) > 2 * 24 * 60:
            del asset.at_boundary[next(iter(asset.at_boundary))]
