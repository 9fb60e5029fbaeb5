"""What an order meets: the outside's levels and other accounts' orders, in price-time priority.

Outside depth that was displayed at a level when an order came to rest there stands ahead of it;
depth that came later stands behind. An account's own resting orders are passed over.
"""

from collections.abc import Iterator

import msgspec

from polybot.domain.market import Outcome
from polybot.domain.matching import Execution as Match
from polybot.domain.matching import IncomingOrder, available_levels, to_up
from polybot.domain.money import PRICE_ONE_BPS
from polybot.simulator.books.accounts import OrderRow
from polybot.simulator.engine.window_book import WindowBook, merge_levels
from polybot.simulator.happenings import Level


class Division(msgspec.Struct, frozen=True):
    """Who an execution is with: so many shares of the outside, and of each of these orders.

    `queues` are the shares now ahead of orders that stay, where that changed.
    """

    outside_shares: int
    makers: tuple[tuple[OrderRow, int], ...]
    queues: tuple[tuple[str, int], ...]


def offers(book: WindowBook, order: IncomingOrder, address: str) -> Iterator[Level]:
    """Yield (price, shares) in the order's own token that an account can take, best first."""
    side = order.side.opposite
    outside = available_levels(order.outcome, side, book.outside, book.consumed)
    if not book.queue:
        return outside
    up_side, _ = to_up(order.outcome, side, 0)
    ours = (
        (price if order.outcome is Outcome.UP else PRICE_ONE_BPS - price, others)
        for price, size in book.queue.levels(up_side)
        if (others := size - book.queue.size_of(address, (up_side, price)))
    )
    return merge_levels(side, outside, ours)


def divide(book: WindowBook, order: IncomingOrder, address: str, match: Match) -> Division:
    """Share an execution out among those who stand at its price, oldest first."""
    level = to_up(order.outcome, order.side.opposite, match.price_bps)
    shown = book.outside.size_at(*level)
    available = shown - book.consumed.taken(Outcome.UP, *level)
    left = match.size_shares
    eaten = 0
    makers: dict[str, tuple[OrderRow, int]] = {}
    for resting in book.queue.at(level):
        if resting.address == address:
            continue
        ahead = min(left, max(min(resting.queue_ahead_shares, available) - eaten, 0))
        eaten += ahead
        left -= ahead
        filled = min(left, resting.remaining_shares)
        if not filled:
            break
        makers[resting.order_id] = resting, filled
        left -= filled
    eaten += left
    queues = tuple(
        (resting.order_id, 0 if resting.order_id in makers else max(ahead - eaten, 0))
        for resting in book.queue.at(level)
        if (ahead := resting.queue_ahead_shares) and eaten
    )
    return Division(eaten, tuple(makers.values()), queues)


def own_crossed(book: WindowBook, order: IncomingOrder, address: str) -> list[OrderRow]:
    """Return an account's own resting orders that an order would trade with."""
    up_side, _ = to_up(order.outcome, order.side.opposite, 0)
    crossed: list[OrderRow] = []
    for price, _ in book.queue.levels(up_side):
        if not order.accepts(price if order.outcome is Outcome.UP else PRICE_ONE_BPS - price):
            break
        if book.queue.size_of(address, (up_side, price)):
            at = book.queue.at((up_side, price))
            crossed += [resting for resting in at if resting.address == address]
    return crossed
