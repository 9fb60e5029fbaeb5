"""When a resting order fills: queue, trade prints and quotes that go through it, and nothing else.

A recorded market does not know our order, so its fill is inferred, and always on the careful side:

- it stands behind all that was displayed at its price when it came, and moves up as that shrinks;
- a print at its price serves the queue ahead first, and us with what is left;
- a print through its price (below our bid, above our ask) would have met us first, and fills us;
- an opposite quote through its price fills us, as far as the size shown there goes;
- displayed size that shrinks is somebody leaving: never a fill.

No print and no quote is counted twice: what our orders took from a level is remembered, and several
of our orders share one print, best price first and oldest first. A print should be applied before
the book change it caused: applied after it, the same trade shortens the queue twice.
"""

from collections.abc import Iterable, Iterator, Sequence

import msgspec

from polybot.domain.book import OrderBook
from polybot.domain.market import Outcome
from polybot.domain.matching import Consumption, Execution, available_levels, to_up
from polybot.domain.order import Side


class RestingOrder(msgspec.Struct, frozen=True, kw_only=True):
    """An order in the book, with the shares displayed ahead of it."""

    order_id: str
    outcome: Outcome
    side: Side
    price_bps: int
    remaining_shares: int
    queue_ahead_shares: int

    @property
    def up_side(self) -> Side:
        """Its side written for the Up token."""
        return to_up(self.outcome, self.side, self.price_bps)[0]

    @property
    def up_price_bps(self) -> int:
        """Its price written for the Up token."""
        return to_up(self.outcome, self.side, self.price_bps)[1]


class TradePrint(msgspec.Struct, frozen=True, kw_only=True):
    """A trade somebody else made; `aggressor` is the taker's side, None where unrecorded."""

    outcome: Outcome
    price_bps: int
    size_shares: int
    aggressor: Side | None = None


class RestingUpdate(msgspec.Struct, frozen=True):
    """What an event did to a resting order.

    `order` is its state after, `filled_shares` what it got, at its own price (0 when only the queue
    ahead of it changed). `taken` are the external levels a quote filled it from, in its own token.
    """

    order: RestingOrder
    filled_shares: int = 0
    taken: tuple[Execution, ...] = ()


def displayed_at(
    order: RestingOrder, up_book: OrderBook, unknown_depth_shares: int | None = None
) -> int:
    """Return the external shares displayed at an order's price, on its own side.

    `unknown_depth_shares` is None for a book with full depth. Where only best prices are known, it
    is the size assumed behind the best one; an order that improves on the best has none ahead.
    """
    side, price = order.up_side, order.up_price_bps
    displayed = up_book.size_at(side, price)
    if displayed or unknown_depth_shares is None:
        return displayed
    best = up_book.best_bid if side is Side.BUY else up_book.best_ask
    if best is None:
        return 0
    is_behind = price < best if side is Side.BUY else price > best
    return unknown_depth_shares if is_behind else 0


def after_book(
    order: RestingOrder, up_book: OrderBook, unknown_depth_shares: int | None = None
) -> RestingOrder:
    """Return the order after a change of the book: never more ahead of it than is displayed."""
    if not order.queue_ahead_shares:
        return order
    displayed = displayed_at(order, up_book, unknown_depth_shares)
    if displayed >= order.queue_ahead_shares:
        return order
    return msgspec.structs.replace(order, queue_ahead_shares=displayed)


def fill_through_quote(
    order: RestingOrder, up_book: OrderBook, consumed: Consumption
) -> RestingUpdate | None:
    """Fill an order whose price the opposite quote went through; None when it did not.

    Strictly through: an ask equal to our bid does not count. The fill is at our price, up to the
    size shown through it that we have not taken before; the caller remembers `taken`. Call it after
    `after_book`: a queue still shown ahead of us then means a crossed book, and is served first.
    """
    taken: list[Execution] = []
    left = order.remaining_shares
    ahead = order.queue_ahead_shares
    opposite = order.side.opposite
    for price, offered in available_levels(order.outcome, opposite, up_book, consumed):
        is_through = price < order.price_bps if order.side is Side.BUY else price > order.price_bps
        if not left or not is_through:
            break
        served = min(ahead, offered)
        ahead -= served
        if offered > served:
            taken.append(Execution(price, min(left, offered - served)))
            left -= taken[-1].size_shares
    if not taken:
        return None
    filled = order.remaining_shares - left
    return RestingUpdate(_filled(order, filled, queue_ahead_shares=0), filled, tuple(taken))


def fill_on_print(
    orders: Sequence[RestingOrder], trade: TradePrint, consumed: Consumption
) -> list[RestingUpdate]:
    """Return what a trade print does to our resting orders, given oldest first.

    What we took from the level the print traded at is taken off its size: that trade cannot have
    happened beside ours. A print whose taker is known to have been on our own side cannot have met
    us at an equal price and changes nothing there.
    """
    side = Side.BUY if trade.aggressor is None else trade.aggressor
    up_side, price = to_up(trade.outcome, side, trade.price_bps)
    taker = None if trade.aggressor is None else up_side
    updates: list[RestingUpdate] = []
    size = trade.size_shares
    for ours in (Side.BUY, Side.SELL):
        left = size - consumed.taken(Outcome.UP, ours.opposite, price)
        queue = in_priority([order for order in orders if order.up_side is ours])
        served = list(_serve(queue, price, left, meets_equals=taker is not ours))
        size -= sum(update.filled_shares for update in served)
        updates.extend(served)
    return updates


def in_priority(orders: Iterable[RestingOrder]) -> list[RestingOrder]:
    """Sort orders of one up side, given oldest first, by who is served first."""
    return sorted(
        orders,
        key=lambda order: -order.up_price_bps if order.up_side is Side.BUY else order.up_price_bps,
    )


def _serve(
    orders: Sequence[RestingOrder], price: int, size: int, *, meets_equals: bool
) -> Iterator[RestingUpdate]:
    """Hand a print's size to the orders of one up side, best first."""
    if size <= 0:
        return
    left = size
    eaten = 0
    for order in orders:
        ours = order.up_price_bps
        is_through = price < ours if order.up_side is Side.BUY else price > ours
        if is_through:
            queue = 0
        elif ours == price and meets_equals:
            # What was eaten for an older order of ours stood ahead of this one too.
            step = min(left, max(order.queue_ahead_shares - eaten, 0))
            eaten += step
            left -= step
            queue = max(order.queue_ahead_shares - eaten, 0)
        else:
            return
        filled = 0 if queue else min(left, order.remaining_shares)
        left -= filled
        if filled or queue != order.queue_ahead_shares:
            yield RestingUpdate(_filled(order, filled, queue_ahead_shares=queue), filled)


def _filled(order: RestingOrder, shares: int, *, queue_ahead_shares: int) -> RestingOrder:
    return msgspec.structs.replace(
        order,
        remaining_shares=order.remaining_shares - shares,
        queue_ahead_shares=queue_ahead_shares,
    )
