"""The order book of one outcome token, with its best prices and depth always at hand.

Sizes live in plain lists of 10,001 slots, one for each 1e-4 dollars, so an update is an index and a
store. A byte beside each slot marks the occupied ones: when the best level goes, the next one is
found by a memory search instead of a walk. The two sides are written out twice on purpose, because
a shared routine would cost each update a call.
"""

from collections.abc import Iterable, Iterator
from typing import Final, Protocol

import msgspec

from polybot.domain.money import PRICE_ONE_BPS
from polybot.domain.order import Side
from polybot.errors import InvalidValue

_SLOTS = PRICE_ONE_BPS + 1
# Slots 0 and 10000 are no prices; their marks stay set, so that a search always ends on a slot.
_NO_BID = 0
_NO_ASK = PRICE_ONE_BPS
# Python 3.11 looks an enum's member up slowly: 70 ns, half the price of an update.
_BUY: Final = Side.BUY
_SELL: Final = Side.SELL


class Quote(msgspec.Struct, frozen=True, kw_only=True):
    """The best prices of one token at a moment; None where a side is empty or a size unknown."""

    bid_bps: int | None = None
    bid_shares: int | None = None
    ask_bps: int | None = None
    ask_shares: int | None = None

    def mirrored(self) -> "Quote":
        """Return the same quote seen from the other token: Up bid p is Down ask 1 - p."""
        return Quote(
            bid_bps=None if self.ask_bps is None else PRICE_ONE_BPS - self.ask_bps,
            bid_shares=self.ask_shares,
            ask_bps=None if self.bid_bps is None else PRICE_ONE_BPS - self.bid_bps,
            ask_shares=self.bid_shares,
        )


class BookReader(Protocol):
    """What a strategy or a matching rule may ask of a book, whichever token it was kept for."""

    @property
    def best_bid(self) -> int | None:
        """The highest bid in 1e-4 dollars, None when there is none."""

    @property
    def best_ask(self) -> int | None:
        """The lowest ask in 1e-4 dollars, None when there is none."""

    def size_at(self, side: Side, price_bps: int) -> int:
        """Return the shares shown at a price; BUY means the bids."""

    def levels(self, side: Side) -> Iterator[tuple[int, int]]:
        """Yield (price, shares) of one side, best price first."""

    def depth_usdc(self, side: Side) -> int:
        """Return the whole side's size x price in micro-dollars."""

    def imbalance(self) -> float:
        """Return (bid depth - ask depth) / (bid depth + ask depth), 0.0 for an empty book."""

    def quote(self) -> Quote:
        """Return best prices and sizes as a value that can travel."""


class OrderBook:
    """A token's book, changed in place by snapshots and levels.

    Prices are 1..9999 (1e-4 dollars), sizes micro-shares. A crossed book is accepted and reported
    by `is_crossed`: streams cross for a moment, and hiding it would hide a lost message.
    `best_bid` and `best_ask` are for reading only; they are plain attributes because a property
    would double the cost of the most frequent reading of all.
    """

    __slots__ = (
        "_ask_depth",
        "_ask_marks",
        "_ask_sizes",
        "_bid_depth",
        "_bid_marks",
        "_bid_sizes",
        "best_ask",
        "best_bid",
    )

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """Remove every level of both sides."""
        self._bid_sizes = [0] * _SLOTS
        self._ask_sizes = [0] * _SLOTS
        self._bid_marks = bytearray(_SLOTS)
        self._ask_marks = bytearray(_SLOTS)
        self._bid_marks[_NO_BID] = 1
        self._ask_marks[_NO_ASK] = 1
        self.best_bid: int | None = None
        self.best_ask: int | None = None
        # Size x price in 1e-10 dollars: exact, and kept up to date so that reading it is free.
        self._bid_depth = 0
        self._ask_depth = 0

    def set_bid(self, price_bps: int, size_shares: int) -> None:
        """Set the total size bid at a price; 0 removes the level."""
        if not _NO_BID < price_bps < _NO_ASK or size_shares < 0:
            raise _impossible_level(price_bps, size_shares)
        old = self._bid_sizes[price_bps]
        if size_shares == old:
            return
        self._bid_sizes[price_bps] = size_shares
        self._bid_depth += (size_shares - old) * price_bps
        if not old:
            self._bid_marks[price_bps] = 1
            best = self.best_bid
            if best is None or price_bps > best:
                self.best_bid = price_bps
        elif not size_shares:
            self._bid_marks[price_bps] = 0
            if price_bps == self.best_bid:
                found = self._bid_marks.rfind(1, 0, price_bps)
                self.best_bid = found if found != _NO_BID else None

    def set_ask(self, price_bps: int, size_shares: int) -> None:
        """Set the total size asked at a price; 0 removes the level."""
        if not _NO_BID < price_bps < _NO_ASK or size_shares < 0:
            raise _impossible_level(price_bps, size_shares)
        old = self._ask_sizes[price_bps]
        if size_shares == old:
            return
        self._ask_sizes[price_bps] = size_shares
        self._ask_depth += (size_shares - old) * price_bps
        if not old:
            self._ask_marks[price_bps] = 1
            best = self.best_ask
            if best is None or price_bps < best:
                self.best_ask = price_bps
        elif not size_shares:
            self._ask_marks[price_bps] = 0
            if price_bps == self.best_ask:
                found = self._ask_marks.find(1, price_bps)
                self.best_ask = found if found != _NO_ASK else None

    def apply_level(self, side: Side, price_bps: int, size_shares: int) -> None:
        """Set the total size of one level; BUY means the bids, 0 removes it.

        Raises InvalidValue when the price is not 1..9999 or the size is negative; the book is then
        unchanged.
        """
        if side is _BUY:
            self.set_bid(price_bps, size_shares)
        else:
            self.set_ask(price_bps, size_shares)

    def apply_snapshot(
        self, bids: Iterable[tuple[int, int]], asks: Iterable[tuple[int, int]]
    ) -> None:
        """Replace the whole book by (price, shares) pairs in any order.

        Raises InvalidValue at an impossible level; the book then holds only what came before it, so
        the caller drops it and waits for another snapshot.
        """
        self.clear()
        set_bid = self.set_bid
        for price_bps, size_shares in bids:
            set_bid(price_bps, size_shares)
        set_ask = self.set_ask
        for price_bps, size_shares in asks:
            set_ask(price_bps, size_shares)

    def apply_quote(self, bid_bps: int | None, ask_bps: int | None, depth_shares: int) -> None:
        """Replace the book by best prices alone, for sources that send no sizes.

        `depth_shares` is the assumed size of each level; None means an empty side.
        """
        # The new level first: an impossible price then leaves the book as it was.
        if bid_bps is not None:
            self.set_bid(bid_bps, depth_shares)
        if ask_bps is not None:
            self.set_ask(ask_bps, depth_shares)
        for price, _ in tuple(self.levels(_BUY)):
            if price != bid_bps:
                self.set_bid(price, 0)
        for price, _ in tuple(self.levels(_SELL)):
            if price != ask_bps:
                self.set_ask(price, 0)

    @property
    def is_crossed(self) -> bool:
        """Whether the best bid reaches the best ask: a message was lost, or is still to come."""
        bid, ask = self.best_bid, self.best_ask
        return bid is not None and ask is not None and bid >= ask

    def size_at(self, side: Side, price_bps: int) -> int:
        """Return the shares shown at a price (1..9999); BUY means the bids."""
        if not _NO_BID < price_bps < _NO_ASK:
            raise _impossible_level(price_bps, 0)
        return (self._bid_sizes if side is _BUY else self._ask_sizes)[price_bps]

    def levels(self, side: Side) -> Iterator[tuple[int, int]]:
        """Yield (price, shares) of one side, best price first; do not change the book meanwhile."""
        if side is _BUY:
            sizes, marks = self._bid_sizes, self._bid_marks
            price = self.best_bid or _NO_BID
            while price != _NO_BID:
                yield price, sizes[price]
                price = marks.rfind(1, 0, price)
        else:
            sizes, marks = self._ask_sizes, self._ask_marks
            price = self.best_ask or _NO_ASK
            while price != _NO_ASK:
                yield price, sizes[price]
                price = marks.find(1, price + 1)

    def depth_usdc(self, side: Side) -> int:
        """Return the whole side's size x price in micro-dollars, rounded down."""
        return (self._bid_depth if side is _BUY else self._ask_depth) // PRICE_ONE_BPS

    def imbalance(self) -> float:
        """Return (bid depth - ask depth) / (bid depth + ask depth), in [-1, 1].

        Depth is size x price of the whole side (seeds 2.1); an empty book gives 0.0.
        """
        return _imbalance(self._bid_depth, self._ask_depth)

    def quote(self) -> Quote:
        """Return best prices and sizes as a value that can travel."""
        bid, ask = self.best_bid, self.best_ask
        return Quote(
            bid_bps=bid,
            bid_shares=None if bid is None else self._bid_sizes[bid],
            ask_bps=ask,
            ask_shares=None if ask is None else self._ask_sizes[ask],
        )


class MirroredBook:
    """The other token's book, read through this one's without copying: Up bid p is Down ask 1 - p.

    It follows every later change of the book it was made from.
    """

    __slots__ = ("_book",)

    def __init__(self, book: OrderBook) -> None:
        self._book = book

    @property
    def best_bid(self) -> int | None:
        """The highest bid in 1e-4 dollars, None when there is none."""
        ask = self._book.best_ask
        return None if ask is None else PRICE_ONE_BPS - ask

    @property
    def best_ask(self) -> int | None:
        """The lowest ask in 1e-4 dollars, None when there is none."""
        bid = self._book.best_bid
        return None if bid is None else PRICE_ONE_BPS - bid

    @property
    def is_crossed(self) -> bool:
        """Whether the best bid reaches the best ask."""
        return self._book.is_crossed

    def size_at(self, side: Side, price_bps: int) -> int:
        """Return the shares shown at a price (1..9999); BUY means the bids."""
        return self._book.size_at(side.opposite, PRICE_ONE_BPS - price_bps)

    def levels(self, side: Side) -> Iterator[tuple[int, int]]:
        """Yield (price, shares) of one side, best price first."""
        for price, size in self._book.levels(side.opposite):
            yield PRICE_ONE_BPS - price, size

    def depth_usdc(self, side: Side) -> int:
        """Return the whole side's size x price in micro-dollars, rounded down."""
        return self._depth(side) // PRICE_ONE_BPS

    def imbalance(self) -> float:
        """Return (bid depth - ask depth) / (bid depth + ask depth), in [-1, 1]."""
        return _imbalance(self._depth(_BUY), self._depth(_SELL))

    def quote(self) -> Quote:
        """Return best prices and sizes as a value that can travel."""
        return self._book.quote().mirrored()

    def _depth(self, side: Side) -> int:
        return sum(price * size for price, size in self.levels(side))


def _imbalance(bid_depth: int, ask_depth: int) -> float:
    total = bid_depth + ask_depth
    return (bid_depth - ask_depth) / total if total else 0.0


def _impossible_level(price_bps: int, size_shares: int) -> InvalidValue:
    return InvalidValue(
        f"expected a price of 1..9999 bps and a size of 0 or more, was {size_shares} at {price_bps}"
    )
