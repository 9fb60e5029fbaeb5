"""One window's book as clients see it: the outside market's levels and the accounts' orders."""

from collections.abc import Iterable, Iterator
from typing import Final

from polybot.domain.book import OrderBook
from polybot.domain.market import Outcome
from polybot.domain.matching import Consumption, Execution, available_levels, to_up
from polybot.domain.money import PRICE_ONE_BPS
from polybot.domain.order import Side
from polybot.domain.resting import TradePrint
from polybot.simulator.books.accounts import OrderRow, TradeRow, WindowRow
from polybot.simulator.engine.order_queue import OrderQueue, UpLevel
from polybot.simulator.happenings import Level

_UP: Final = Outcome.UP

__all__ = ["UpLevel", "WindowBook"]


class WindowBook:
    """The outside book of one window, what was taken from it, and the orders that rest in it.

    `outside` is what the recording (or the synthetic market) shows, which knows nothing of our
    orders; `consumed` is what our orders took; `queue` are the accounts' resting orders. Clients
    see outside less consumed, plus the queue, save for resting orders that the outside market has
    come to meet: they would cross the book, and wait to be filled. Every change returns the levels
    it touched.
    """

    def __init__(self, window: WindowRow) -> None:
        self.window = window
        self.outside = OrderBook()
        self.consumed = Consumption()
        self.queue = OrderQueue()
        self.started = False
        self.last_trade: tuple[int, Side] | None = None
        self._hidden: tuple[UpLevel, ...] = ()

    @property
    def unknown_depth_shares(self) -> int | None:
        """The size assumed behind the best prices, None where all depth is known."""
        return self.window.unknown_depth_shares or None

    def set_book(self, bids: Iterable[Level], asks: Iterable[Level]) -> list[UpLevel]:
        """Take over a whole book."""
        touched: list[UpLevel] = []
        for side, levels in ((Side.BUY, dict(bids)), (Side.SELL, dict(asks))):
            gone = [price for price, _ in self.outside.levels(side) if price not in levels]
            changes = [(side, price, 0) for price in gone]
            changes += [
                (side, price, size)
                for price, size in levels.items()
                if self.outside.size_at(side, price) != size
            ]
            touched += self._set(changes)
        return self._changed(touched)

    def set_levels(self, levels: Iterable[tuple[Side, int, int]]) -> list[UpLevel]:
        """Take over new total sizes of some levels."""
        return self._changed(self._set(levels))

    def set_best(self, bid_bps: int | None, ask_bps: int | None) -> list[UpLevel]:
        """Take over best prices that came without sizes."""
        before = set(self._sides())
        self.outside.apply_quote(bid_bps, ask_bps, self.window.unknown_depth_shares)
        changed = before ^ set(self._sides())
        return self._changed(sorted(changed, key=lambda level: (level[0].value, level[1])))

    def take(
        self, outcome: Outcome, side: Side, levels: Iterable[tuple[int, int]]
    ) -> list[UpLevel]:
        """Remember what an order took from `side` of an outcome's book."""
        executions = [Execution(price, size) for price, size in levels]
        if not executions:
            return []
        self.consumed.take(outcome, side, executions)
        touched = [to_up(outcome, side, execution.price_bps) for execution in executions]
        return touched + self._look_for_crossing()

    def take_again(self, trade: TradeRow) -> None:
        """Remember, after a restart, what a trade took before it."""
        self.take(trade.outcome, trade.side.opposite, trade.taken)
        if not trade.is_maker:
            self.note_trade(trade.outcome, trade.price_bps, trade.side)

    def follow(self, order: OrderRow) -> list[UpLevel]:
        """Take over how an account's order stands now: it rests, has less left, or is gone."""
        level = self.queue.follow(order)
        return [] if level is None else [level, *self._look_for_crossing()]

    def note_trade(self, outcome: Outcome, price_bps: int, side: Side) -> None:
        """Remember the last trade, in the Up token's price."""
        up_side, up_price = to_up(outcome, side, price_bps)
        self.last_trade = (up_price, up_side)

    def aggressor_of(self, trade: TradePrint) -> Side | None:
        """Return which side of the printed token took, by the outside's best prices.

        None if it was in between.
        """
        if trade.aggressor is not None:
            return trade.aggressor
        bid, ask = self.outside_best(trade.outcome)
        if ask is not None and trade.price_bps >= ask:
            return Side.BUY
        if bid is not None and trade.price_bps <= bid:
            return Side.SELL
        return None

    def levels(self, outcome: Outcome, side: Side) -> Iterator[Level]:
        """Yield what an outcome's book offers on a side, best price first."""
        outside = available_levels(outcome, side, self.outside, self.consumed)
        if not self.queue:
            return outside
        up_side = side if outcome is _UP else side.opposite
        ours = (
            (price if outcome is _UP else PRICE_ONE_BPS - price, size)
            for price, size in self.queue.levels(up_side)
            if not self._hidden or (up_side, price) not in self._hidden
        )
        return merge_levels(side, outside, ours)

    def size_at(self, side: Side, price_bps: int) -> int:
        """Return what stands at a level of the Up token."""
        shown = self.outside.size_at(side, price_bps)
        left = shown - self.consumed.taken(Outcome.UP, side, price_bps)
        level = (side, price_bps)
        return left if level in self._hidden else left + self.queue.size_at(level)

    def best(self, outcome: Outcome) -> tuple[int | None, int | None]:
        """Return the best bid and ask an outcome's book offers, None for an empty side."""
        bid = next(self.levels(outcome, Side.BUY), None)
        ask = next(self.levels(outcome, Side.SELL), None)
        return bid[0] if bid else None, ask[0] if ask else None

    def is_between(self, low_bps: int, high_bps: int) -> bool:
        """Say at little cost that no bid is above, no ask below and no trade beyond two prices.

        True is certain, in the Up token's terms; after False `best` has to be asked, which knows
        what was taken and what is hidden.
        """
        bid, ask, queue = self.outside.best_bid, self.outside.best_ask, self.queue
        if (bid or low_bps) > high_bps or (ask or high_bps) < low_bps:
            return False
        if queue:
            bid, ask = queue.best(Side.BUY), queue.best(Side.SELL)
            if (bid or low_bps) > high_bps or (ask or high_bps) < low_bps:
                return False
        return self.last_trade is None or low_bps <= self.last_trade[0] <= high_bps

    def last_price(self, outcome: Outcome) -> int | None:
        """Return the price of the last trade for an outcome, None before the first."""
        if self.last_trade is None:
            return None
        price = self.last_trade[0]
        return price if outcome is Outcome.UP else PRICE_ONE_BPS - price

    def _set(self, levels: Iterable[tuple[Side, int, int]]) -> list[UpLevel]:
        touched = []
        for side, price, size in levels:
            self.outside.apply_level(side, price, size)
            touched.append((side, price))
        return touched

    def _changed(self, touched: list[UpLevel]) -> list[UpLevel]:
        self.started = True
        self.consumed.on_book(self.outside)
        return touched + self._look_for_crossing()

    def _look_for_crossing(self) -> list[UpLevel]:
        """Hide the resting orders the outside's best prices reach; return what changed by that."""
        if not self.queue and not self._hidden:
            return []
        bid, ask = self.outside_best(Outcome.UP)
        bids, asks = self.queue.crossed_by(bid, ask)
        before, self._hidden = self._hidden, bids + asks
        if before == self._hidden:
            return []
        return [
            level
            for level in (*before, *self._hidden)
            if (level in before) is not (level in self._hidden)
        ]

    def outside_best(self, outcome: Outcome) -> tuple[int | None, int | None]:
        """Return the best prices the outside market still offers."""
        bid, ask = (
            next(available_levels(outcome, side, self.outside, self.consumed), None)
            for side in (Side.BUY, Side.SELL)
        )
        return bid[0] if bid else None, ask[0] if ask else None

    def _sides(self) -> list[UpLevel]:
        return [
            (side, price)
            for side in (Side.BUY, Side.SELL)
            for price, _ in self.outside.levels(side)
        ]


def merge_levels(side: Side, outside: Iterable[Level], ours: Iterable[Level]) -> Iterator[Level]:
    """Merge two runs of levels of one side, each best price first, adding up equal prices."""
    first, second = iter(outside), iter(ours)
    one, other = next(first, None), next(second, None)
    while one is not None and other is not None:
        if one[0] == other[0]:
            yield one[0], one[1] + other[1]
            one, other = next(first, None), next(second, None)
        elif (one[0] > other[0]) is (side is Side.BUY):
            yield one
            one = next(first, None)
        else:
            yield other
            other = next(second, None)
    if one is not None:
        yield one
        yield from first
    if other is not None:
        yield other
        yield from second
