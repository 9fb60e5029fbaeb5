"""The accounts' resting orders of one window, by level of the Up token and in price-time priority.

It is derived from the ledger's order rows and never stored.
"""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable, Iterator
from typing import Final, TypeAlias

from polybot.domain.matching import to_up
from polybot.domain.order import Side
from polybot.simulator.books.accounts import OrderRow
from polybot.simulator.books.records import OrderState
from polybot.simulator.happenings import Level

UpLevel: TypeAlias = tuple[Side, int]
"""A level by side and price of the Up token."""

# Python 3.11 looks an enum's member up slowly, and hashes one slower still.
_BUY: Final = Side.BUY
_LIVE: Final = OrderState.LIVE
_NOBODY: Final[dict[str, OrderRow]] = {}


class _Ladder:
    """One side: its prices in order, and by price the orders and how much they wait for."""

    __slots__ = ("orders", "prices", "sizes", "sizes_of")

    def __init__(self) -> None:
        self.prices: list[int] = []
        self.orders: dict[int, dict[str, OrderRow]] = {}
        self.sizes: dict[int, int] = {}
        self.sizes_of: dict[tuple[str, int], int] = {}

    def count(self, price: int, address: str, shares: int) -> None:
        """Add shares to a level and to an account's part of it; an empty level is none."""
        own = self.sizes_of.pop((address, price), 0) + shares
        if own:
            self.sizes_of[address, price] = own
        total = self.sizes.get(price, 0) + shares
        if total:
            self.sizes[price] = total
        else:
            del self.sizes[price]
            del self.orders[price]
            del self.prices[bisect_left(self.prices, price)]


class OrderQueue:
    """Resting orders by level, oldest first in each, with the shares they wait for."""

    def __init__(self) -> None:
        self._bids = _Ladder()
        self._asks = _Ladder()
        self._left: dict[str, int] = {}

    def __bool__(self) -> bool:
        return bool(self._left)

    def follow(self, order: OrderRow) -> UpLevel | None:
        """Take over an order's state; return the level whose size it changed, None if none."""
        left = order.remaining_shares if order.state is _LIVE else 0
        before = self._left.get(order.order_id, 0)
        if left == before:
            return None
        level = to_up(order.outcome, order.side, order.limit_bps)
        ladder, price = self._ladder(level[0]), level[1]
        if left:
            self._left[order.order_id] = left
            if price not in ladder.orders:
                ladder.orders[price] = {}
                insort(ladder.prices, price)
            ladder.orders[price][order.order_id] = order
        else:
            del self._left[order.order_id]
            del ladder.orders[price][order.order_id]
        ladder.count(price, order.address, left - before)
        return level

    def at(self, level: UpLevel) -> Iterable[OrderRow]:
        """Return the orders of a level, oldest first."""
        return self._ladder(level[0]).orders.get(level[1], _NOBODY).values()

    def size_at(self, level: UpLevel) -> int:
        """Return the shares that rest at a level."""
        return self._ladder(level[0]).sizes.get(level[1], 0)

    def size_of(self, address: str, level: UpLevel) -> int:
        """Return the shares of one account that rest at a level."""
        return self._ladder(level[0]).sizes_of.get((address, level[1]), 0)

    def best(self, side: Side) -> int | None:
        """Return the best price of a side, None when nothing rests there."""
        prices = self._ladder(side).prices
        if not prices:
            return None
        return prices[-1] if side is _BUY else prices[0]

    def levels(self, side: Side) -> Iterator[Level]:
        """Yield (price, shares) of one side, best price first; do not change it meanwhile."""
        ladder = self._ladder(side)
        for price in reversed(ladder.prices) if side is _BUY else ladder.prices:
            yield price, ladder.sizes[price]

    def of_side(self, side: Side) -> Iterator[OrderRow]:
        """Yield the orders of one side, best price first and oldest first."""
        for price, _ in self.levels(side):
            yield from self.at((side, price))

    def among(self, levels: Iterable[UpLevel]) -> list[UpLevel]:
        """Return those of some levels at which anything rests."""
        return [level for level in levels if level[1] in self._ladder(level[0]).orders]

    def met_by(self, price_bps: int) -> list[OrderRow]:
        """Return the orders a trade at a price of the Up token could have met, oldest first."""
        bids, asks = self.crossed_by(price_bps, price_bps)
        met = [order for level in (*bids, *asks) for order in self.at(level)]
        return sorted(met, key=lambda order: order.priority)

    def crossed_by(
        self, bid_bps: int | None, ask_bps: int | None
    ) -> tuple[tuple[UpLevel, ...], tuple[UpLevel, ...]]:
        """Return the bids and the asks that would cross or lock a book with these best prices."""
        bids, asks = self._bids.prices, self._asks.prices
        high = bids[bisect_left(bids, ask_bps) :] if ask_bps is not None else ()
        low = asks[: bisect_right(asks, bid_bps)] if bid_bps is not None else ()
        return tuple((_BUY, price) for price in high), tuple((Side.SELL, price) for price in low)

    def _ladder(self, side: Side) -> _Ladder:
        return self._bids if side is _BUY else self._asks
