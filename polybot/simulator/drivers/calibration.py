"""What a market looks like in numbers: the same figures for a recorded and for a synthetic one.

Statistics, not money: figures are floats. A figure for which a market has nothing to count is None.
"""

import statistics
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice

import msgspec

from polybot.domain.book import OrderBook
from polybot.domain.market import Market
from polybot.domain.money import PRICE_ONE_BPS, SHARE
from polybot.domain.order import Side
from polybot.domain.settlement import PriceSource
from polybot.simulator.happenings import (
    ChangeTick,
    Happening,
    ListWindow,
    PrintTrade,
    ResolveWindow,
    SetBest,
    SetBook,
    SetLevels,
    TellPrice,
)

NS_PER_S = 1_000_000_000
# Seconds before the close at which is asked whether the favorite can still be bought.
LADDER_S = (120, 60, 30, 20, 10)
# It can when so much is offered below this price.
ENOUGH_SHARES = 5 * SHARE
DEAREST_BPS = 9_900
# Recorders sample a moment late; a book older than this says nothing.
_LATE_NS = 2 * NS_PER_S
_OLD_NS = 20 * NS_PER_S
# Beyond this price, or below its mirror, the tick becomes finer (the exchange's documentation).
FLIP_BPS = 9_600
# A move of the reference price within a second that counts as a jump.
JUMP_BPS = 1.0
_LEVELS = 5
_CENT_BPS = 100
_PRICE_SOURCES = (PriceSource.CHAINLINK, PriceSource.BINANCE)


class MarketFigures(msgspec.Struct, frozen=True, kw_only=True):
    """A market's figures; None where it has nothing to count.

    Spreads are in cents, sizes in shares, rates per second of an open window, moves of the
    reference price in 1e-4 of it. `buyable` is the share of windows whose favorite is offered with
    at least 5 shares below 0.99, by seconds to the close; best prices recorded without sizes count
    as enough. `tick_flips` is the share of windows whose price went beyond 0.96, where the exchange
    makes the tick finer, `fine_prices` that of windows with prices between the cents.
    """

    windows: int
    windows_with_book: int
    spread_median: float | None
    spread_mean: float | None
    spread_p99: float | None
    best_shares: float | None
    near_shares: float | None
    updates_per_s: float | None
    levels_per_s: float | None
    trades_per_s: float | None
    move_bps: float | None
    jumps_per_minute: float | None
    distance_bps: float | None
    tick_flips: float | None
    fine_prices: float | None
    buyable: dict[str, float | None]


@dataclass(slots=True)
class WindowTally:
    """Counts one window's happenings between its open and its close."""

    market: Market
    spreads: list[int] = field(default_factory=list)
    best: list[int] = field(default_factory=list)
    near: list[int] = field(default_factory=list)
    updates: int = 0
    levels: int = 0
    trades: int = 0
    has_sizes: bool = False
    is_flipped: bool = False
    is_fine: bool = False
    distance_bps: float | None = None
    buyable: dict[int, bool] = field(default_factory=dict)
    seconds: int = 0
    _book: OrderBook = field(default_factory=OrderBook)
    _newest_ns: int = 0
    _sampled_s: int = 0

    def take(self, happening: Happening) -> None:
        """Count a happening of this window; they come in order."""
        match happening:
            case SetBook() | SetLevels() | SetBest():
                self._look_until(happening.ts_ns)
                self._apply(happening)
            case PrintTrade():
                self.trades += self._is_open(happening.ts_ns)
            case ChangeTick():
                self.is_fine = self.is_flipped = True
            case ResolveWindow(strike_e8=int(strike), close_e8=int(close)):
                self.distance_bps = abs(close - strike) * PRICE_ONE_BPS / strike

    def end(self) -> None:
        """Count what the last book says about the rest of the window."""
        self._look_until(self.market.close_ns + _LATE_NS)

    def _is_open(self, ts_ns: int) -> bool:
        return self.market.open_ns <= ts_ns < self.market.close_ns

    def _apply(self, happening: SetBook | SetLevels | SetBest) -> None:
        book = self._book
        if isinstance(happening, SetBest):
            book.apply_quote(happening.bid_bps, happening.ask_bps, ENOUGH_SHARES)
            count = 1
        elif isinstance(happening, SetBook):
            book.apply_snapshot(happening.bids, happening.asks)
            count = 0
        else:
            for level in happening.levels:
                book.apply_level(*level)
            count = len(happening.levels)
        bid, ask = book.best_bid, book.best_ask
        beyond = (bid is not None and bid > FLIP_BPS) or (
            ask is not None and ask < PRICE_ONE_BPS - FLIP_BPS
        )
        self.is_flipped = self.is_flipped or beyond
        self.has_sizes = self.has_sizes or not isinstance(happening, SetBest)
        self._newest_ns = happening.ts_ns
        if self._is_open(happening.ts_ns):
            # A whole book repeats what is known; its own changes cannot be counted.
            self.updates += count > 0
            self.levels += count

    def _look_until(self, ts_ns: int) -> None:
        """Sample the book as it stood at every second, and at the ladder's steps, before a time."""
        if not self._newest_ns:
            return
        for left_s in LADDER_S:
            at_ns = self.market.close_ns - left_s * NS_PER_S + _LATE_NS
            if left_s not in self.buyable and at_ns < ts_ns and self._is_fresh(at_ns):
                self.buyable[left_s] = self._favorite_is_offered()
        first_s = max(self._newest_ns, self.market.open_ns) // NS_PER_S + 1
        last_s = min(ts_ns, self.market.close_ns) // NS_PER_S
        for second in range(max(first_s, self._sampled_s + 1), last_s + 1):
            if not self._is_fresh(second * NS_PER_S):
                break
            self._sampled_s = second
            self._sample()

    def _is_fresh(self, at_ns: int) -> bool:
        return self._newest_ns <= at_ns <= self._newest_ns + _OLD_NS

    def _sample(self) -> None:
        book = self._book
        self.seconds += 1
        if book.best_bid is None or book.best_ask is None:
            return
        self.spreads.append(book.best_ask - book.best_bid)
        if self.has_sizes:
            for side, best in ((Side.BUY, book.best_bid), (Side.SELL, book.best_ask)):
                self.best.append(book.size_at(side, best))
                self.near.append(sum(size for _, size in islice(book.levels(side), _LEVELS)))

    def _favorite_is_offered(self) -> bool:
        """Say whether enough of the dearer outcome is offered below 0.99."""
        book = self._book
        bid = 0 if book.best_bid is None else book.best_bid
        ask = PRICE_ONE_BPS if book.best_ask is None else book.best_ask
        is_up = bid + ask >= PRICE_ONE_BPS
        # The favorite's offers are Up's asks, or, mirrored, the bids for Up.
        side = Side.SELL if is_up else Side.BUY
        offered = sum(
            size
            for price, size in book.levels(side)
            if (price if is_up else PRICE_ONE_BPS - price) < DEAREST_BPS
        )
        return offered >= ENOUGH_SHARES


@dataclass(slots=True)
class PriceTally:
    """Counts the moves of a reference price from one second to the next."""

    moves_bps: list[float] = field(default_factory=list)
    _last: dict[tuple[str, PriceSource], tuple[int, int]] = field(default_factory=dict)

    def take(self, price: TellPrice) -> None:
        """Count a price of a source that ticks by the second."""
        if price.source not in _PRICE_SOURCES:
            return
        key = (price.asset, price.source)
        second = price.price_ns // NS_PER_S
        last = self._last.get(key)
        if last is not None and second <= last[0]:
            return
        self._last[key] = (second, price.price_e8)
        if last is not None and second == last[0] + 1 and price.source is PriceSource.CHAINLINK:
            self.moves_bps.append((price.price_e8 - last[1]) * PRICE_ONE_BPS / last[1])


class Calibration:
    """Adds up the happenings of many windows."""

    def __init__(self) -> None:
        self._windows: dict[str, WindowTally] = {}
        self._prices = PriceTally()

    def take(self, happenings: Iterable[Happening]) -> None:
        """Count happenings, in order for each window."""
        for happening in happenings:
            if isinstance(happening, TellPrice):
                self._prices.take(happening)
            elif isinstance(happening, ListWindow):
                self._windows[happening.market.slug] = WindowTally(happening.market)
            elif (slug := getattr(happening, "slug", "")) in self._windows:
                self._windows[slug].take(happening)

    def figures(self) -> MarketFigures:
        """Return the figures of everything counted."""
        tallies = list(self._windows.values())
        for tally in tallies:
            tally.end()
        sized = [tally for tally in tallies if tally.has_sizes]
        spreads = [spread / _CENT_BPS for tally in tallies for spread in tally.spreads]
        seconds = sum(tally.seconds for tally in sized)
        moves = self._prices.moves_bps
        jumps = sum(abs(move) > JUMP_BPS for move in moves)
        distances = [t.distance_bps for t in tallies if t.distance_bps is not None]
        return MarketFigures(
            windows=len(tallies),
            windows_with_book=len(sized),
            spread_median=statistics.median(spreads) if spreads else None,
            spread_mean=_mean(spreads),
            spread_p99=_quantile(spreads, 0.99),
            best_shares=_median_shares(size for tally in sized for size in tally.best),
            near_shares=_median_shares(size for tally in sized for size in tally.near),
            updates_per_s=_rate(sum(tally.updates for tally in sized), seconds),
            levels_per_s=_rate(sum(tally.levels for tally in sized), seconds),
            trades_per_s=_rate(sum(t.trades for t in sized if t.trades), seconds) or None,
            move_bps=statistics.pstdev(moves) if moves else None,
            jumps_per_minute=_rate(60 * jumps, len(moves)),
            distance_bps=statistics.median(distances) if distances else None,
            tick_flips=_mean([tally.is_flipped for tally in sized]),
            fine_prices=_mean([tally.is_fine for tally in sized]),
            buyable={str(left_s): _buyable(tallies, left_s) for left_s in LADDER_S},
        )


def _buyable(tallies: Iterable[WindowTally], left_s: int) -> float | None:
    return _mean([tally.buyable[left_s] for tally in tallies if left_s in tally.buyable])


def _median_shares(sizes: Iterator[int]) -> float | None:
    known = list(sizes)
    return statistics.median(known) / SHARE if known else None


def _mean(values: Sequence[float]) -> float | None:
    return statistics.fmean(values) if values else None


def _quantile(values: Sequence[float], share: float) -> float | None:
    if not values:
        return None
    ordered = sorted(values)
    return ordered[min(int(share * len(ordered)), len(ordered) - 1)]


def _rate(count: int, per: int) -> float | None:
    return count / per if per else None
