"""What an incoming order takes from the external book, for simulator and backtest alike.

The two books of a market are one: a bid for Up at p is an offer of Down at 1 - p, and a BUY of Up
fills against a BUY of Down as well as against a SELL of Up (the exchange's documentation:
matching). So there is one external book, the Up token's; an order for Down sees it mirrored, and
everything remembered between orders is kept in the Up token's prices and sides.
"""

import enum
from collections.abc import Iterable, Iterator
from typing import Final, Protocol

import msgspec

from polybot.domain.book import BookReader, MirroredBook, OrderBook
from polybot.domain.market import Outcome
from polybot.domain.money import PRICE_ONE_BPS, notional_usdc
from polybot.domain.order import OrderType, Side
from polybot.errors import InvalidValue

# Rounding to whole micro-shares can leave this much of a budget; nothing can be bought for it.
_UNSPENDABLE_USDC = 1
# Python 3.11 looks an enum's member up slowly, and these are asked for at every level.
_UP: Final = Outcome.UP
_BUY: Final = Side.BUY


def to_up(outcome: Outcome, side: Side, price_bps: int) -> tuple[Side, int]:
    """Return side and price of the same order written for the Up token."""
    if outcome is _UP:
        return side, price_bps
    return side.opposite, PRICE_ONE_BPS - price_bps


def book_of(outcome: Outcome, up_book: OrderBook) -> BookReader:
    """Return the outcome's own view of the market's one book."""
    return up_book if outcome is _UP else MirroredBook(up_book)


class IncomingOrder(msgspec.Struct, frozen=True, kw_only=True):
    """An order as the exchange receives it: two amounts, whose ratio is the exact limit price.

    `maker_amount` is given and `taker_amount` is wanted: micro-dollars and micro-shares for a BUY,
    the other way round for a SELL. A BUY of type FOK or FAK spends `maker_amount` whatever that
    buys; any other BUY gets `taker_amount` shares for no more than `maker_amount`.
    """

    outcome: Outcome
    side: Side
    order_type: OrderType
    maker_amount: int
    taker_amount: int
    post_only: bool = False

    def __post_init__(self) -> None:
        if self.maker_amount <= 0 or self.taker_amount <= 0:
            raise InvalidValue(
                f"expected amounts above 0, was {self.maker_amount} for {self.taker_amount}"
            )
        if not 0 < self.limit_bps < PRICE_ONE_BPS:
            raise InvalidValue(
                "expected a limit between 0.0001 and 0.9999 dollars, "
                f"was {self.limit_usdc} micro-dollars for {self.size_shares} micro-shares"
            )

    @property
    def spends_budget(self) -> bool:
        """Whether dollars drive it instead of shares."""
        return self.side is _BUY and not self.order_type.rests

    @property
    def size_shares(self) -> int:
        """The shares asked for; for a budget, the least that it buys at the limit."""
        return self.taker_amount if self.side is _BUY else self.maker_amount

    @property
    def limit_usdc(self) -> int:
        """The dollars of the limit price's ratio."""
        return self.maker_amount if self.side is _BUY else self.taker_amount

    @property
    def limit_bps(self) -> int:
        """The limit to the nearest 1e-4 dollars: the price at which it rests."""
        doubled = 2 * self.limit_usdc * PRICE_ONE_BPS + self.size_shares
        return doubled // (2 * self.size_shares)

    def accepts(self, price_bps: int) -> bool:
        """Tell whether the exact limit meets a price: an implied 0.06998 does not buy at 0.07."""
        asked, offered = price_bps * self.size_shares, self.limit_usdc * PRICE_ONE_BPS
        return asked <= offered if self.side is _BUY else asked >= offered


def order_at(
    outcome: Outcome, side: Side, order_type: OrderType, price_bps: int, amount: int
) -> IncomingOrder:
    """Build an order from a limit in 1e-4 dollars.

    `amount` is micro-dollars for a BUY of type FOK or FAK, micro-shares for every other order. The
    ratio is rounded so that the limit itself is still met; from 0.01 shares upward no worse is.
    """
    if side is _BUY and not order_type.rests:
        maker, taker = amount, amount * PRICE_ONE_BPS // price_bps
    elif side is _BUY:
        maker, taker = -(-price_bps * amount // PRICE_ONE_BPS), amount
    else:
        maker, taker = amount, notional_usdc(price_bps, amount)
    return IncomingOrder(
        outcome=outcome,
        side=side,
        order_type=order_type,
        maker_amount=maker,
        taker_amount=taker,
    )


class Execution(msgspec.Struct, frozen=True):
    """Shares that change hands at one price, in the order's own token."""

    price_bps: int
    size_shares: int

    @property
    def notional_usdc(self) -> int:
        """Price x size in micro-dollars."""
        return notional_usdc(self.price_bps, self.size_shares)


class Verdict(enum.Enum):
    """What becomes of an incoming order.

    FILLED: all of it was executed. RESTS: the remainder waits in the book. KILLED: the remainder is
    dropped (all of a FOK, what is left of a FAK). REFUSED: a post-only order would have crossed.
    """

    FILLED = "filled"
    RESTS = "rests"
    KILLED = "killed"
    REFUSED = "refused"


class MatchResult(msgspec.Struct, frozen=True):
    """What an incoming order took, best price first, and what is left to rest."""

    verdict: Verdict
    executions: tuple[Execution, ...] = ()
    resting_shares: int = 0

    @property
    def filled_shares(self) -> int:
        """All shares executed."""
        return sum(execution.size_shares for execution in self.executions)

    @property
    def notional_usdc(self) -> int:
        """Price x size of all executions in micro-dollars, each rounded down."""
        return sum(execution.notional_usdc for execution in self.executions)


class Consumption:
    """How much of each displayed level our own orders took already.

    A recording does not know our orders: it goes on showing what we took. So a level offers its
    displayed size less what was taken from it. What was taken is never more than what is displayed:
    it shrinks with the level and is forgotten when the level vanishes, and when a level grows only
    the growth is new. Call `on_book` after every change of the book, or a level that vanished and
    came back between two calls is taken for the old one.
    """

    __slots__ = ("_taken",)

    def __init__(self, rows: Iterable[tuple[str, int, int]] = ()) -> None:
        self._taken = {(Side(side), price): shares for side, price, shares in rows}

    def rows(self) -> tuple[tuple[str, int, int], ...]:
        """Return (side, price, shares) in the Up token's terms, for a checkpoint."""
        return tuple((side.value, price, taken) for (side, price), taken in self._taken.items())

    def taken(self, outcome: Outcome, side: Side, price_bps: int) -> int:
        """Return the shares taken from the level `side`, `price_bps` of an outcome's book."""
        if not self._taken:
            return 0
        return self._taken.get(to_up(outcome, side, price_bps), 0)

    def take(self, outcome: Outcome, side: Side, executions: Iterable[Execution]) -> None:
        """Remember executions against the levels of `side` of an outcome's book."""
        for execution in executions:
            key = to_up(outcome, side, execution.price_bps)
            self._taken[key] = self._taken.get(key, 0) + execution.size_shares

    def on_book(self, up_book: OrderBook) -> None:
        """Forget what the book no longer shows."""
        if not self._taken:
            return
        kept: dict[tuple[Side, int], int] = {}
        for (side, price), taken in self._taken.items():
            displayed = up_book.size_at(side, price)
            if displayed:
                kept[side, price] = min(taken, displayed)
        self._taken = kept


def available_levels(
    outcome: Outcome, side: Side, up_book: OrderBook, consumed: Consumption
) -> Iterator[tuple[int, int]]:
    """Yield (price, shares) an outcome's book still offers on `side`, best price first."""
    for price, displayed in book_of(outcome, up_book).levels(side):
        left = displayed - consumed.taken(outcome, side, price)
        if left > 0:
            yield price, left


def match_order(order: IncomingOrder, up_book: OrderBook, consumed: Consumption) -> MatchResult:
    """Match an order against the external book; nothing is changed.

    Executions are at the levels' prices, so improvement goes to the order. The caller remembers
    them with `consumed.take(order.outcome, order.side.opposite, result.executions)`.
    """
    return match_levels(
        order, available_levels(order.outcome, order.side.opposite, up_book, consumed)
    )


def match_levels(order: IncomingOrder, levels: Iterable[tuple[int, int]]) -> MatchResult:
    """Match an order against (price, shares) in its own token, best price first."""
    reachable = _reachable(order, levels)
    if order.post_only:
        if next(reachable, None) is not None:
            return MatchResult(Verdict.REFUSED)
        return MatchResult(Verdict.RESTS, (), order.size_shares)
    if order.spends_budget:
        executions, left = _spend(reachable, order.maker_amount)
        complete = bool(executions) and left <= _UNSPENDABLE_USDC
    else:
        executions, left = _fill(reachable, order.size_shares)
        complete = not left
    if complete:
        return MatchResult(Verdict.FILLED, executions)
    if order.order_type.rests:
        return MatchResult(Verdict.RESTS, executions, left)
    return MatchResult(Verdict.KILLED, () if order.order_type is OrderType.FOK else executions)


def _reachable(
    order: IncomingOrder, levels: Iterable[tuple[int, int]]
) -> Iterator[tuple[int, int]]:
    for price, left in levels:
        if not order.accepts(price):
            return
        yield price, left


def _fill(levels: Iterable[tuple[int, int]], size_shares: int) -> tuple[tuple[Execution, ...], int]:
    executions = []
    left = size_shares
    for price, offered in levels:
        taken = min(left, offered)
        executions.append(Execution(price, taken))
        left -= taken
        if not left:
            break
    return tuple(executions), left


def _spend(
    levels: Iterable[tuple[int, int]], budget_usdc: int
) -> tuple[tuple[Execution, ...], int]:
    executions = []
    left = budget_usdc
    for price, offered in levels:
        execution = Execution(price, min(offered, left * PRICE_ONE_BPS // price))
        # A level's dust that rounds to no money at all is left alone, not given away.
        if not execution.notional_usdc:
            continue
        executions.append(execution)
        left -= execution.notional_usdc
        if left <= _UNSPENDABLE_USDC:
            break
    return tuple(executions), left


class Priced(Protocol):
    """Anything with a side and a limit: an order, or one that rests."""

    @property
    def outcome(self) -> Outcome:
        """The outcome it trades."""

    @property
    def side(self) -> Side:
        """BUY or SELL of that outcome."""

    @property
    def price_bps(self) -> int:
        """Its limit in 1e-4 dollars."""


def would_self_cross(new: Priced, resting: Iterable[Priced]) -> bool:
    """Tell whether `new` could trade with one of our own resting orders.

    Minting and merging count: a BUY of Up at p meets a BUY of Down at 1 - p or more.
    """
    side, price = to_up(new.outcome, new.side, new.price_bps)
    for other in resting:
        other_side, other_price = to_up(other.outcome, other.side, other.price_bps)
        if other_side is side:
            continue
        bid, ask = (price, other_price) if side is _BUY else (other_price, price)
        if bid >= ask:
            return True
    return False
