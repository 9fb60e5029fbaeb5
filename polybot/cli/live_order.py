"""The doctor's one real order: placed far from the book, found by every route, and taken back.

It proves what arming needs to know: that the exchange books our orders under the id we computed
before sending them. It is never repeated by itself, and is taken back whatever happens after it.
"""

import time
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol

import msgspec

from polybot.adapters.live_order import Posted
from polybot.cli.checks import CheckStatus, Row
from polybot.domain.arming import LiveOrderProof
from polybot.domain.market import Market, Outcome
from polybot.domain.money import format_price, format_shares
from polybot.domain.order import Order, OrderType, Side
from polybot.errors import ExchangeError, OutcomeUnknown, PolybotError
from polybot.ports import OrderSigner, SignedOrder, VenueOrder

CHECK = "live order"
PATIENCE_S = 5.0
LOOK_S = 0.2
_MOST_SALT = 1 << 53
_GONE = ("CANCELED", "INVALID")

_CANCEL = "take it back: polybot cancel-all --all-wallet"
_AGAIN = "polybot doctor --live looks for it again; or: polybot cancel-all --all-wallet"
_INIT = "polybot init --force finds wallet and kind anew"
# What the exchange's words mean for a person; the first fragment found decides.
_FIXES = (
    ("maker address not allowed", _INIT),
    ("signer address has to be", _INIT),
    ("owner has to be", _INIT),
    ("invalid signature", _INIT),
    ("invalid api key", "check the clock, then: polybot init --force"),
    ("not enough balance", "deposit, or approve: polybot wallet approve"),
    ("version", "update polybot: the exchange takes other orders now"),
    ("closed only", "this account may only sell; ask the exchange's support"),
    ("banned", "this address is banned; ask the exchange's support"),
    ("mode", "wait until the exchange takes orders again, then: polybot doctor --live"),
)


class Desk(Protocol):
    """The exchange's routes for one order; each raises ExchangeError."""

    def post(self, order: SignedOrder) -> Posted:
        """Send an order once."""

    def find(self, order_id: str) -> VenueOrder | None:
        """Return an order by its id, None when it is not known."""

    def is_listed(self, order_id: str) -> bool:
        """Return whether an order is among the open ones."""

    def cancel(self, order_id: str) -> str:
        """Take an order back; returns "" or why it is not canceled."""


class UserWatch(Protocol):
    """The account's stream, listened to in the background."""

    def wait_connected(self, seconds: float) -> bool:
        """Return whether the stream connected within a time."""

    def wait_for(self, order_id: str, seconds: float) -> bool:
        """Return whether an event of an order arrived within a time."""


class Pending(Protocol):
    """Remembers, over a crash, which order may still rest."""

    def read(self) -> str:
        """Return the id, "" when there is none."""

    def write(self, order_id: str) -> None:
        """Remember an id durably before it is sent; "" forgets it."""


class Attempt(msgspec.Struct, frozen=True):
    """What one try needs: whose order, in which market, at which price, and when."""

    funder: str
    signature_type: int
    market: Market
    outcome: Outcome
    now_ns: int


class Tools(msgspec.Struct, frozen=True):
    """What a try works with."""

    desk: Desk
    signer: OrderSigner
    watch: UserWatch
    pending: Pending
    pause: Callable[[float], None] = time.sleep


class Tried(msgspec.Struct, frozen=True):
    """The row, and the proof when everything fitted."""

    row: Row
    proof: LiveOrderProof | None = None


def try_order(tools: Tools, attempt: Attempt) -> Tried:
    """Place, find and cancel one order; never raises for what the exchange answers."""
    try:
        _take_back_older(tools)
        if not tools.watch.wait_connected(PATIENCE_S):
            return _fail("the user stream does not connect: no order was sent", "see user feed")
        order = _order_of(attempt)
        signed = tools.signer.sign(
            order,
            attempt.market,
            salt=attempt.now_ns % _MOST_SALT,
            timestamp_ms=attempt.now_ns // 1_000_000,
            post_only=True,
        )
        tools.pending.write(signed.venue_order_id)
    except PolybotError as error:
        return _fail(f"no order was sent: {error}", fix_of(error))
    try:
        posted = tools.desk.post(signed)
    except OutcomeUnknown as error:
        left = _withdraw(tools, signed, known=False) or "it was taken back"
        return _fail(f"no readable answer: {error}; {left}", _AGAIN)
    except ExchangeError as error:
        tools.pending.write("")
        return _fail(f"the exchange refused it: {error}", fix_of(error))
    return _follow(tools, attempt, signed, posted)


def fix_of(error: PolybotError) -> str:
    """Return what to do about the exchange's words."""
    words = str(error).lower()
    return next((fix for fragment, fix in _FIXES if fragment in words), "see the exchange's words")


def _follow(tools: Tools, attempt: Attempt, signed: SignedOrder, posted: Posted) -> Tried:
    """Find a placed order by every route, then cancel it."""
    order_id = signed.venue_order_id
    missing = []
    if posted.order_id.lower() != order_id.lower():
        missing.append(f"the exchange calls it {posted.order_id}, we computed {order_id}")
    looks: tuple[tuple[str, Callable[[], bool]], ...] = (
        ("GET /data/order does not know it", lambda: tools.desk.find(order_id) is not None),
        ("GET /data/orders does not list it", lambda: tools.desk.is_listed(order_id)),
    )
    for words, look in looks:
        if not _within(tools, look):
            missing.append(words)
    if not tools.watch.wait_for(order_id, PATIENCE_S):
        missing.append("the user stream does not tell of it")
    left = _withdraw(tools, signed, posted.order_id)
    if left:
        return _fail("; ".join((*missing, left)), _CANCEL)
    if missing:
        fix = "do not arm: the exchange and polybot disagree about this order; report it"
        return _fail("; ".join(missing), fix)
    market = attempt.market
    detail = (
        f"{format_shares(market.min_size_shares)} {attempt.outcome.value} at "
        f"{format_price(market.tick_bps)} in {market.slug} ({market.version}): placed, found "
        "under its own id by every route, canceled"
    )
    proof = LiveOrderProof(
        signature_type=attempt.signature_type,
        version=market.version,
        funder=attempt.funder,
        order_id=posted.order_id,
        order_hash=order_id,
        placed_ns=attempt.now_ns,
    )
    return Tried(Row(CHECK, CheckStatus.OK, detail), proof)


def _order_of(attempt: Attempt) -> Order:
    market = attempt.market
    return Order(
        intent_id="doctor",
        venue_order_id="",
        agent="doctor",
        slug=market.slug,
        token_id=market.token(attempt.outcome),
        outcome=attempt.outcome,
        side=Side.BUY,
        order_type=OrderType.GTC,
        price_bps=market.tick_bps,
        size_shares=market.min_size_shares,
        created_ns=attempt.now_ns,
        purpose="doctor",
    )


def _take_back_older(tools: Tools) -> None:
    """Cancel what a doctor that was killed left behind; raises when it may still rest.

    It may have been killed a moment ago, with its order on the way: that the exchange does not know
    it at the first look proves nothing.
    """
    order_id = tools.pending.read()
    if not order_id:
        return
    _within(tools, lambda: tools.desk.find(order_id) is not None)
    order = tools.desk.find(order_id)
    if order is not None and not _is_gone(order):
        left = tools.desk.cancel(order_id)
        if left:
            raise ExchangeError(f"an earlier order {order_id} cannot be canceled: {left}")
    tools.pending.write("")


def _withdraw(tools: Tools, signed: SignedOrder, told_id: str = "", *, known: bool = True) -> str:
    """Cancel under every id it may have; returns "" once it is gone, else what may rest.

    An order the exchange never confirmed (not `known`) may still arrive: that nobody knows it yet
    does not mean that it is gone.
    """
    order_id = signed.venue_order_id
    if told_id and told_id.lower() != order_id.lower():
        with suppress(ExchangeError):
            tools.desk.cancel(told_id)

    def gone() -> bool:
        tools.desk.cancel(order_id)
        order = tools.desk.find(order_id)
        return known if order is None else _is_gone(order)

    if not _within(tools, gone):
        return f"order {order_id} may still rest at the exchange"
    tools.pending.write("")
    return ""


def _is_gone(order: VenueOrder) -> bool:
    return order.status.startswith(_GONE)


def _within(tools: Tools, look: Callable[[], bool]) -> bool:
    """Look again and again for a few seconds; an error counts as not seen yet."""
    for _ in range(int(PATIENCE_S / LOOK_S)):
        with suppress(PolybotError):
            if look():
                return True
        tools.pause(LOOK_S)
    return False


def _fail(detail: str, fix: str) -> Tried:
    return Tried(Row(CHECK, CheckStatus.FAIL, detail, fix))
