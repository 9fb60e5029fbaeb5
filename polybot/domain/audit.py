"""The audit: what our books believe compared with what the exchange's own routes tell, exactly.

Nothing here is approximate: sizes, prices and cash agree to the micro-unit or are a difference.
"""

from collections.abc import Iterator

import msgspec

from polybot.domain.fill import Fill
from polybot.domain.money import format_price, format_shares, format_usdc
from polybot.domain.order import Order, OrderStatus

LIVE = frozenset({"LIVE", "DELAYED"})
MATCHED = "MATCHED"
FAILED = "FAILED"

_S = OrderStatus
_OPEN = frozenset({_S.SUBMITTED, _S.ACCEPTED, _S.PARTIALLY_FILLED, _S.PENDING_CANCEL, _S.UNKNOWN})
# Orders that do not exist there, or ended there without a fill.
_REFUSED = frozenset({_S.DENIED, _S.REJECTED, _S.NOT_PLACED, _S.INITIALIZED})


class AuditPoint(msgspec.Struct, frozen=True, kw_only=True):
    """How far an unbroken row of audits has compared every order and fill one by one.

    `seq` is the trader's event up to which they agreed, `at_ns` market time then; `since_seq` the
    event the row began after, 0 for the first.
    """

    seq: int
    at_ns: int
    since_seq: int = 0


class AuditExtent(msgspec.Struct, frozen=True, kw_only=True):
    """What is compared one by one: what changed after `since`, the newest `most` of it.

    None means everything. Cash and positions always follow from everything.
    """

    since: AuditPoint | None = None
    most: int | None = None


EVERYTHING = AuditExtent()


class Belief(msgspec.Struct, frozen=True):
    """Our books, from the database alone.

    `cash_usdc` is flows + fills + settlements, None before the first balance was seen; a redemption
    moves nothing in it. `held` are shares by token of windows without an outcome, `won` the payouts
    by winning token. `foreign` are order and trade ids known not to be ours. `forgettable` are
    finished orders so old that the exchange need not know them any more. Fills before `since_ns` (0
    none) are left out of the comparison one by one, never out of cash and positions; `all_orders`
    and `all_fills` count them too. `through` is how far this belief reaches. `external`
    are tokens of windows with an outcome in which shares moved that were not ours.
    """

    orders: dict[str, Order]
    fills: dict[tuple[str, str], Fill]
    cash_usdc: int | None
    held: dict[str, int] = msgspec.field(default_factory=dict)
    won: dict[str, int] = msgspec.field(default_factory=dict)
    lost: frozenset[str] = frozenset()
    foreign: frozenset[str] = frozenset()
    forgettable: frozenset[str] = frozenset()
    windows: int = 0
    notes: tuple[str, ...] = ()
    since_ns: int = 0
    all_orders: int = 0
    all_fills: int = 0
    through: AuditPoint | None = None
    external: frozenset[str] = frozenset()

    def tokens(self) -> tuple[str, ...]:
        """Return the tokens whose balance at the exchange matters."""
        return tuple(
            sorted({token for token, shares in self.held.items() if shares} | set(self.won))
        )

    def name_of(self, token_id: str) -> str:
        """Return a token in a person's words: outcome and window of an order, else its id."""
        values: tuple[Order | Fill, ...] = (*self.orders.values(), *self.fills.values())
        for known in values:
            if known.token_id == token_id:
                return f"{known.outcome.value} of {known.slug}"
        return f"token {token_id}"


class ToldOrder(msgspec.Struct, frozen=True):
    """An order as the exchange tells it; sizes in micro-shares, `status` without prefix."""

    order_id: str
    status: str
    token_id: str
    side: str
    price_bps: int
    original_shares: int
    matched_shares: int


class ToldFill(msgspec.Struct, frozen=True):
    """Our part of one trade as the exchange tells it; it does not tell fees."""

    trade_id: str
    order_id: str
    token_id: str
    side: str
    price_bps: int
    size_shares: int
    status: str
    matched_ns: int = 0


class Told(msgspec.Struct, frozen=True):
    """What the exchange's routes say: an order that it does not know is missing from `orders`."""

    orders: dict[str, ToldOrder]
    fills: dict[tuple[str, str], ToldFill]
    cash_usdc: int
    shares: dict[str, int]


class Difference(msgspec.Struct, frozen=True):
    """One disagreement; `subject` and `amount` recognize the same one in the next comparison."""

    subject: str
    text: str
    amount: int = 0

    @property
    def key(self) -> tuple[str, int]:
        """What makes it the same disagreement at another moment."""
        return self.subject, self.amount


class AuditResult(msgspec.Struct, frozen=True):
    """An audit: it agrees when nothing differs; `notes` are external things it knows of.

    `orders`, `fills` and `windows` are all of our books, `compared` the orders it read one by one:
    the others had not changed since an audit agreed. `through` is from where the next may begin.
    """

    differences: tuple[str, ...]
    orders: int
    fills: int
    windows: int
    notes: tuple[str, ...] = ()
    error: str = ""
    compared: int = 0
    through: AuditPoint | None = None

    @property
    def agrees(self) -> bool:
        """Whether the audit was carried out and found no difference."""
        return not self.differences and not self.error


def compare(belief: Belief, told: Told) -> tuple[Difference, ...]:
    """Return every disagreement, in the order orders, fills, positions, cash."""
    return (
        *_orders(belief, told),
        *_fills(belief, told),
        *_positions(belief, told),
        *_cash(belief, told),
    )


def lasting(
    before: tuple[Difference, ...], after: tuple[Difference, ...]
) -> tuple[Difference, ...]:
    """Return what differs in both of two comparisons: the rest was on its way."""
    known = {difference.key for difference in before}
    return tuple(difference for difference in after if difference.key in known)


def in_detail(found: tuple[Difference, ...]) -> bool:
    """Return whether an order or a fill differs, and not only what follows from all of them."""
    return any(difference.subject.startswith(("order ", "fill ")) for difference in found)


def _orders(belief: Belief, told: Told) -> Iterator[Difference]:
    for order_id, order in belief.orders.items():
        there = told.orders.get(order_id)
        if there is None:
            yield from _unknown_there(belief, order)
        else:
            yield from _order(belief, order, there)
    for order_id, there in told.orders.items():
        if order_id not in belief.orders and order_id not in belief.foreign:
            yield Difference(
                f"order {order_id}",
                f"order {order_id}: expected an order of our books, was {there.status} there "
                "and unknown here",
            )


def _unknown_there(belief: Belief, order: Order) -> Iterator[Difference]:
    order_id = order.venue_order_id
    # UNKNOWN says itself that the exchange may not have it; the trader settles which.
    absent_is_fine = order.status in _REFUSED or order.status is _S.UNKNOWN
    if absent_is_fine and not order.filled_shares:
        return
    if order_id in belief.forgettable:
        return
    yield Difference(
        f"order {order_id}",
        f"order {order_id}: expected {order.status.value} with "
        f"{format_shares(order.filled_shares)} shares filled, was unknown at the exchange",
    )


def _same_filled(belief: Belief, order: Order, there: ToldOrder) -> bool:
    if order.filled_shares == there.matched_shares:
        return True
    # Undocumented: whether a matched size shrinks again when a trade FAILED.
    failed = sum(
        fill.size_shares
        for fill in belief.fills.values()
        if fill.venue_order_id == order.venue_order_id and not fill.counts
    )
    return order.filled_shares + failed == there.matched_shares


def _order(belief: Belief, order: Order, there: ToldOrder) -> Iterator[Difference]:
    name = f"order {order.venue_order_id}"
    terms = [("token", order.token_id, there.token_id), ("side", order.side.value, there.side)]
    # A budget's limit is implied by two rounded amounts: its fills' prices are compared instead.
    if not order.budget_usdc:
        terms.append(("limit", format_price(order.price_bps), format_price(there.price_bps)))
    for what, ours, theirs in terms:
        if ours != theirs:
            yield Difference(f"{name} {what}", f"{name}: expected {what} {ours}, was {theirs}")
    if not _same_filled(belief, order, there):
        yield Difference(
            f"{name} filled",
            f"{name}: expected {format_shares(order.filled_shares)} shares filled, "
            f"was {format_shares(there.matched_shares)}",
            there.matched_shares - order.filled_shares,
        )
    if not _same_stage(order, there):
        yield Difference(
            f"{name} status",
            f"{name}: expected {order.status.value}, was {there.status} at the exchange",
        )


def _same_stage(order: Order, there: ToldOrder) -> bool:
    if there.status in LIVE:
        return order.status in _OPEN
    if order.status in _OPEN:
        # The exchange writes MATCHED at the first match too: the rest of a GTC may still rest.
        return there.status == MATCHED and there.matched_shares < there.original_shares
    if order.status in _REFUSED:
        return there.matched_shares == 0
    # FILLED, CANCELED, EXPIRED: over on both sides. How it ended shows in the filled shares, for a
    # killed order that was filled in part may read MATCHED there.
    return True


def _fills(belief: Belief, told: Told) -> Iterator[Difference]:
    for key, fill in belief.fills.items():
        there = told.fills.get(key)
        if there is not None:
            yield from _fill(fill, there)
        elif fill.counts:
            yield Difference(
                f"fill {key}",
                f"trade {fill.trade_id} of order {fill.venue_order_id}: expected "
                f"{_terms(fill.side.value, fill.size_shares, fill.price_bps)}, "
                "was no such trade at the exchange",
            )
    for key, there in told.fills.items():
        ours = belief.foreign.isdisjoint(key) and there.status != FAILED
        ours = ours and there.matched_ns >= belief.since_ns
        if key not in belief.fills and ours:
            yield Difference(
                f"fill {key}",
                f"trade {there.trade_id} of order {there.order_id}: expected a trade of our books, "
                f"was {_terms(there.side, there.size_shares, there.price_bps)} there and none here",
            )


def _fill(fill: Fill, there: ToldFill) -> Iterator[Difference]:
    name = f"trade {fill.trade_id} of order {fill.venue_order_id}"
    ours = (fill.token_id, fill.side.value, fill.size_shares, fill.price_bps)
    theirs = (there.token_id, there.side, there.size_shares, there.price_bps)
    if ours != theirs:
        other = f" of token {there.token_id}" if there.token_id != fill.token_id else ""
        yield Difference(
            f"fill {fill.key}",
            f"{name}: expected {_terms(*ours[1:])}, was {_terms(*theirs[1:])}{other}",
        )
    if fill.counts != (there.status != FAILED):
        yield Difference(
            f"fill {fill.key} status",
            f"{name}: expected {fill.status.value}, was {there.status}",
        )


def _terms(side: str, size_shares: int, price_bps: int) -> str:
    return f"{side} {format_shares(size_shares)} at {format_price(price_bps)}"


def _positions(belief: Belief, told: Told) -> Iterator[Difference]:
    foreign = {
        fill.token_id for key, fill in told.fills.items() if not belief.foreign.isdisjoint(key)
    } | belief.external
    for token_id, shares in belief.held.items():
        there = told.shares.get(token_id, 0)
        if shares != there and token_id not in foreign:
            yield Difference(
                f"position {token_id}",
                f"{belief.name_of(token_id)}: expected {format_shares(shares)} shares, "
                f"was {format_shares(there)}",
                there - shares,
            )
    for token_id, payout in belief.won.items():
        there = told.shares.get(token_id, 0)
        # A winner is paid out whole: all of it still waits, or none.
        if there not in (0, payout) and token_id not in foreign:
            yield Difference(
                f"position {token_id}",
                f"{belief.name_of(token_id)} (won): expected {format_shares(payout)} shares or, "
                "redeemed, 0; "
                f"was {format_shares(there)}",
                there - payout,
            )
    yield from _strangers(belief, told, foreign)


def _strangers(belief: Belief, told: Told, foreign: set[str]) -> Iterator[Difference]:
    known = belief.held.keys() | belief.won.keys() | belief.lost | foreign
    for token_id, shares in told.shares.items():
        if shares and token_id not in known:
            yield Difference(
                f"position {token_id}",
                f"{belief.name_of(token_id)}: expected 0 shares, was {format_shares(shares)}",
                shares,
            )


def _cash(belief: Belief, told: Told) -> Iterator[Difference]:
    if belief.cash_usdc is None:
        if belief.fills:
            yield Difference("cash", "cash: expected a first balance in the books, was none")
        return
    waiting = sum(min(told.shares.get(token, 0), payout) for token, payout in belief.won.items())
    expected = belief.cash_usdc - waiting
    if expected != told.cash_usdc:
        unpaid = f" (winners of ${format_usdc(waiting)} wait to be redeemed)" if waiting else ""
        yield Difference(
            "cash",
            f"cash: expected ${format_usdc(expected)}{unpaid}, was ${format_usdc(told.cash_usdc)}",
            told.cash_usdc - expected,
        )
