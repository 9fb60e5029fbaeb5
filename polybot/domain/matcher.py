"""One market as our orders meet it: the recorded book with our resting orders laid over it."""

from collections.abc import Iterable

import msgspec

from polybot.domain.book import OrderBook
from polybot.domain.matching import Consumption, IncomingOrder, MatchResult, Verdict, match_order
from polybot.domain.order import Side
from polybot.domain.resting import (
    RestingOrder,
    RestingUpdate,
    TradePrint,
    after_book,
    displayed_at,
    fill_on_print,
    fill_through_quote,
    in_priority,
)
from polybot.errors import InvalidValue


class Matcher:
    """Match our orders against one market's external book.

    `book` is the Up token's: change it (Down rows through `to_up`), then call `on_book`.
    Pass each trade print to `on_print`, before the book change it caused where that is known. Our
    own orders do not trade with each other here; `matching.would_self_cross` tells when they could.
    `unknown_depth_shares` is None for recordings with sizes, and the assumed size of every level
    for those with best prices only. `resting` (oldest first) and `consumed` restore a checkpoint.
    """

    def __init__(
        self,
        book: OrderBook,
        *,
        unknown_depth_shares: int | None = None,
        resting: Iterable[RestingOrder] = (),
        consumed: Consumption | None = None,
    ) -> None:
        self.book = book
        self.consumed = Consumption() if consumed is None else consumed
        self._unknown_depth_shares = unknown_depth_shares
        self._resting = {order.order_id: order for order in resting}

    @property
    def resting(self) -> tuple[RestingOrder, ...]:
        """Our orders in the book, oldest first."""
        return tuple(self._resting.values())

    def submit(self, order_id: str, order: IncomingOrder) -> MatchResult:
        """Match an order now and let what remains of a GTC or GTD rest under `order_id`.

        Raises InvalidValue when an order with that id rests already.
        """
        if order_id in self._resting:
            raise InvalidValue(f"expected a new order id, was {order_id!r}, which rests already")
        result = match_order(order, self.book, self.consumed)
        self.consumed.take(order.outcome, order.side.opposite, result.executions)
        if result.verdict is Verdict.RESTS:
            self._rest(order_id, order, result.resting_shares)
        return result

    def cancel(self, order_id: str) -> RestingOrder | None:
        """Take an order out of the book; None when it is not there (any more)."""
        return self._resting.pop(order_id, None)

    def on_book(self) -> list[RestingUpdate]:
        """Apply a change of `book` to our resting orders and return those that were filled."""
        self.consumed.on_book(self.book)
        if not self._resting:
            return []
        for order in self.resting:
            self._resting[order.order_id] = after_book(order, self.book, self._unknown_depth_shares)
        fills: list[RestingUpdate] = []
        for side in (Side.BUY, Side.SELL):
            for order in in_priority([o for o in self.resting if o.up_side is side]):
                update = fill_through_quote(order, self.book, self.consumed)
                if update is None:
                    break
                self.consumed.take(order.outcome, order.side.opposite, update.taken)
                self._keep(update.order)
                fills.append(update)
        return fills

    def on_print(self, trade: TradePrint) -> list[RestingUpdate]:
        """Apply somebody else's trade to our resting orders and return those that were filled."""
        if not self._resting:
            return []
        updates = fill_on_print(self.resting, trade, self.consumed)
        for update in updates:
            self._keep(update.order)
        return [update for update in updates if update.filled_shares]

    def _rest(self, order_id: str, order: IncomingOrder, shares: int) -> None:
        placed = RestingOrder(
            order_id=order_id,
            outcome=order.outcome,
            side=order.side,
            price_bps=order.limit_bps,
            remaining_shares=shares,
            queue_ahead_shares=0,
        )
        ahead = displayed_at(placed, self.book, self._unknown_depth_shares)
        self._resting[order_id] = msgspec.structs.replace(placed, queue_ahead_shares=ahead)

    def _keep(self, order: RestingOrder) -> None:
        if order.remaining_shares:
            self._resting[order.order_id] = order
        else:
            del self._resting[order.order_id]
