"""One window's book as clients see it: the outside market's levels, less what our orders took."""

from collections.abc import Iterable, Iterator

from polybot.domain.book import OrderBook
from polybot.domain.market import Outcome
from polybot.domain.matching import Consumption, Execution, available_levels, to_up
from polybot.domain.money import PRICE_ONE_BPS
from polybot.domain.order import Side
from polybot.domain.resting import TradePrint
from polybot.simulator.accounts import TradeRow, WindowRow
from polybot.simulator.happenings import Level

UpLevel = tuple[Side, int]
"""A level by side and price of the Up token."""


class WindowBook:
    """The outside book of one window, what was taken from it, and the last trade.

    `outside` is what the recording (or the synthetic market) shows, which knows nothing of our
    orders; `consumed` is what our orders took. Every change returns the levels it touched.
    """

    def __init__(self, window: WindowRow) -> None:
        self.window = window
        self.outside = OrderBook()
        self.consumed = Consumption()
        self.started = False
        self.last_trade: tuple[int, Side] | None = None

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
        self._changed()
        return touched

    def set_levels(self, levels: Iterable[tuple[Side, int, int]]) -> list[UpLevel]:
        """Take over new total sizes of some levels."""
        touched = self._set(levels)
        self._changed()
        return touched

    def set_best(self, bid_bps: int | None, ask_bps: int | None) -> list[UpLevel]:
        """Take over best prices that came without sizes."""
        before = set(self._sides())
        self.outside.apply_quote(bid_bps, ask_bps, self.window.unknown_depth_shares)
        self._changed()
        return sorted(before ^ set(self._sides()), key=lambda level: (level[0].value, level[1]))

    def take(
        self, outcome: Outcome, side: Side, levels: Iterable[tuple[int, int]]
    ) -> list[UpLevel]:
        """Remember what an order took from `side` of an outcome's book."""
        executions = [Execution(price, size) for price, size in levels]
        self.consumed.take(outcome, side, executions)
        return [to_up(outcome, side, execution.price_bps) for execution in executions]

    def take_again(self, trade: TradeRow) -> None:
        """Remember, after a restart, what a trade took before it."""
        self.take(trade.outcome, trade.side.opposite, trade.taken)
        if not trade.is_maker:
            self.note_trade(trade.outcome, trade.price_bps, trade.side)

    def note_trade(self, outcome: Outcome, price_bps: int, side: Side) -> None:
        """Remember the last trade, in the Up token's price."""
        up_side, up_price = to_up(outcome, side, price_bps)
        self.last_trade = (up_price, up_side)

    def aggressor_of(self, trade: TradePrint) -> Side | None:
        """Return which side of the printed token took, by the best prices; None if in between."""
        if trade.aggressor is not None:
            return trade.aggressor
        bid, ask = self.best(trade.outcome)
        if ask is not None and trade.price_bps >= ask:
            return Side.BUY
        if bid is not None and trade.price_bps <= bid:
            return Side.SELL
        return None

    def levels(self, outcome: Outcome, side: Side) -> Iterator[Level]:
        """Yield what an outcome's book still offers on a side, best price first."""
        return available_levels(outcome, side, self.outside, self.consumed)

    def size_at(self, side: Side, price_bps: int) -> int:
        """Return what is left of a level of the Up token."""
        shown = self.outside.size_at(side, price_bps)
        return shown - self.consumed.taken(Outcome.UP, side, price_bps)

    def best(self, outcome: Outcome) -> tuple[int | None, int | None]:
        """Return the best bid and ask an outcome's book still offers, None for an empty side."""
        bid = next(self.levels(outcome, Side.BUY), None)
        ask = next(self.levels(outcome, Side.SELL), None)
        return bid[0] if bid else None, ask[0] if ask else None

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

    def _changed(self) -> None:
        self.started = True
        self.consumed.on_book(self.outside)

    def _sides(self) -> list[UpLevel]:
        return [
            (side, price)
            for side in (Side.BUY, Side.SELL)
            for price, _ in self.outside.levels(side)
        ]
