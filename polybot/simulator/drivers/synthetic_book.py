"""The order book of one synthetic window: makers around a fair value, takers in between.

Calibrated on recorded 5-minute windows (`polybot simulator calibrate` prints both): a spread of one
cent most of the time, about 300 shares at the best price and 500 further away, trades of a few
shares, and makers who take the favorite's offers away as the close comes near. Only the rate of
updates is kept below the real one, so that a small machine plays many times faster than life.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from math import sqrt

from polybot.domain.market import Market, Outcome
from polybot.domain.order import Side
from polybot.domain.resting import TradePrint
from polybot.simulator.drivers.synthetic_fair import quoted_chance
from polybot.simulator.drivers.synthetic_prices import PricePath
from polybot.simulator.happenings import Happening, Level, PrintTrade, SetBook, SetLevels

NS_PER_S = 1_000_000_000
# A book is shown this long before its window opens.
EARLY_S = 30
CENT_BPS = 100
CENTS = 100

_STEPS_PER_WINDOW = 1500
_SHARE_HUNDREDTH = 10_000
_DEPTH_MEDIAN = (310, 370, 420, 460, 510, 520)
_DEPTH_SPREAD = (0.95, 0.85, 0.75, 0.65, 0.6, 0.6)
_WALL_SHARES = 9_000
_SPREADS = (1,) * 54 + (2,) * 4 + (3, 5)
_TRADE_CHANCE = 0.3
_TRADE_MEDIAN = 8.0
_NOISE_CENTS = 0.6
_NOISE_MEMORY = 0.98
# What keeps the noise's size steady while it forgets.
_NOISE_STEP = sqrt(1 - _NOISE_MEMORY**2)
_RESIZED = 3
# By which share of the windows a clear favorite's offers are gone so many seconds before the close.
_GONE = ((0.0, 150.0), (0.13, 120.0), (0.42, 90.0), (0.58, 60.0), (0.61, 28.0), (1.0, 20.0))
_CLEAR_FAVORITE = 0.85
# From here on nobody offers any favorite.
_LAST_S = 22

SideSizes = dict[int, int]


@dataclass(slots=True)
class _Shown:
    """What is in the book: micro-shares by price in cents."""

    bids: SideSizes
    asks: SideSizes


class SyntheticBook:
    """Draws one window's book and trades; the same ones for the same seed and slug."""

    def __init__(self, seed: int, market: Market, path: PricePath, first_ns: int) -> None:
        self._market = market
        self._path = path
        self._dice = random.Random(f"{seed}:{market.slug}")
        self._open_s = market.open_ns // NS_PER_S
        self._close_s = market.close_ns // NS_PER_S
        self._first_ns = max(first_ns, market.open_ns - EARLY_S * NS_PER_S)
        self._withdrawn_s = self._close_s - _gone_before_close_s(self._dice.random())
        self._noise_cents = 0.0
        self._shown = _Shown({}, {})

    def happenings(self) -> Iterator[Happening]:
        """Yield the first book, then trades and changed levels up to the close."""
        step_ns = max((self._close_s - self._open_s) * NS_PER_S // _STEPS_PER_WINDOW, NS_PER_S // 5)
        ts_ns = self._first_ns
        self._move(ts_ns)
        yield self._whole(ts_ns)
        while (ts_ns := ts_ns + step_ns) < self._market.close_ns:
            moment = ts_ns + self._dice.randrange(step_ns // 2)
            if moment >= self._market.close_ns:
                return
            print_, levels = self._trade()
            if print_ is not None:
                yield PrintTrade(moment, self._market.slug, print_)
            levels |= self._move(moment)
            if levels:
                yield SetLevels(moment, self._market.slug, _as_levels(levels))

    def _whole(self, ts_ns: int) -> SetBook:
        return SetBook(
            ts_ns, self._market.slug, _as_side(self._shown.bids), _as_side(self._shown.asks)
        )

    def _trade(self) -> tuple[TradePrint | None, dict[tuple[Side, int], int]]:
        """Let somebody take from the best level, now and then."""
        if self._dice.random() > _TRADE_CHANCE:
            return None, {}
        side = Side.BUY if self._dice.random() < 0.5 else Side.SELL  # noqa: PLR2004
        sizes = self._shown.asks if side is Side.BUY else self._shown.bids
        if not sizes:
            return None, {}
        price = min(sizes) if side is Side.BUY else max(sizes)
        size = min(self._size(_TRADE_MEDIAN, 1.2), sizes[price])
        left = sizes[price] - size
        if left:
            sizes[price] = left
        else:
            del sizes[price]
        trade = TradePrint(
            outcome=Outcome.UP, price_bps=price * CENT_BPS, size_shares=size, aggressor=side
        )
        return trade, {(side.opposite, price): left}

    def _move(self, ts_ns: int) -> dict[tuple[Side, int], int]:
        """Move the book to the fair value of a moment; return the levels that changed."""
        fair = quoted_chance(self._path, self._open_s, self._close_s, ts_ns // NS_PER_S)
        bid, ask = self._best(fair)
        changed: dict[tuple[Side, int], int] = {}
        limit = self._dearest_offered(ts_ns)
        # A bid for Up at p is an offer of Down at 1 - p.
        bids = range(bid, 0, -1) if 1 - fair <= limit else range(0)
        asks = range(ask, CENTS) if fair <= limit else range(0)
        for side, sizes, prices in (
            (Side.BUY, self._shown.bids, bids),
            (Side.SELL, self._shown.asks, asks),
        ):
            changed |= self._reshape(side, sizes, prices)
        return changed

    def _dearest_offered(self, ts_ns: int) -> float:
        """Return the chance of winning above which nobody offers an outcome any more."""
        if ts_ns >= (self._close_s - _LAST_S) * NS_PER_S:
            return 0.5
        return _CLEAR_FAVORITE if ts_ns >= self._withdrawn_s * NS_PER_S else 1.0

    def _best(self, fair: float) -> tuple[int, int]:
        """Return the best bid and ask in cents; 0 and 100 where there is none."""
        self._noise_cents = _NOISE_MEMORY * self._noise_cents + self._dice.gauss(
            0, _NOISE_CENTS * _NOISE_STEP
        )
        uncertainty = 2 * (fair * (1 - fair)) ** 0.5
        middle = fair * CENTS + self._noise_cents * uncertainty
        spread = self._dice.choice(_SPREADS)
        bid = min(max(int(middle - spread / 2 + 0.5), 0), CENTS - 1)
        return bid, bid + spread

    def _reshape(self, side: Side, sizes: SideSizes, prices: range) -> dict[tuple[Side, int], int]:
        """Remove levels outside the range, add missing ones, resize a few of the others."""
        changed: dict[tuple[Side, int], int] = {}
        for price in [price for price in sizes if price not in prices]:
            del sizes[price]
            changed[side, price] = 0
        resized = set(self._dice.sample(prices, min(_RESIZED, len(prices))))
        resized |= set(prices[:1]) if self._dice.random() < 0.5 else set()  # noqa: PLR2004
        for depth, price in enumerate(prices):
            if price not in sizes or price in resized:
                sizes[price] = self._level_size(depth, price)
                changed[side, price] = sizes[price]
        return changed

    def _level_size(self, depth: int, price: int) -> int:
        row = min(depth, len(_DEPTH_MEDIAN) - 1)
        size = self._size(_DEPTH_MEDIAN[row], _DEPTH_SPREAD[row])
        return size + _WALL_SHARES * 1_000_000 if price in (1, CENTS - 1) and depth else size

    def _size(self, median: float, spread: float) -> int:
        """Draw micro-shares around a median, in hundredths of a share."""
        shares = median * self._dice.lognormvariate(0, spread)
        return max(round(shares * CENTS), 1) * _SHARE_HUNDREDTH


def _gone_before_close_s(share: float) -> float:
    """Return how long before the close the favorite's offers are gone, for a window's share."""
    for (low, earlier), (high, later) in pairwise(_GONE):
        if share <= high:
            return earlier + (later - earlier) * (share - low) / (high - low)
    return _GONE[-1][1]


def _as_side(sizes: SideSizes) -> tuple[Level, ...]:
    return tuple((price * CENT_BPS, size) for price, size in sizes.items())


def _as_levels(levels: dict[tuple[Side, int], int]) -> tuple[tuple[Side, int, int], ...]:
    return tuple((side, price * CENT_BPS, size) for (side, price), size in levels.items())
