"""The exchange's trading routes for the trader: one request per wish, every answer typed."""

import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import KW_ONLY, dataclass, field
from functools import partial

from polybot.errors import ExchangeError, OutcomeUnknown, PolybotError, ProtocolError
from polybot.exchange.account_rows import venue_order
from polybot.exchange.answers import OK, outcome_of
from polybot.exchange.classify import classify
from polybot.exchange.heartbeat_chain import Beat, HeartbeatChain
from polybot.exchange.http_calls import HttpAnswer, HttpCall, Transport
from polybot.exchange.l2_auth import RequestSigner
from polybot.exchange.wire_account import HeartbeatAnswer, HeartbeatBody, OpenOrder
from polybot.exchange.wire_cancels import CancelAnswer as WireCancelAnswer
from polybot.exchange.wire_codec import decode, encode
from polybot.exchange.wire_orders import PostOrderAnswer
from polybot.ports import (
    CancelAnswer,
    Clock,
    GatewayAnswer,
    HeartbeatBroken,
    OrderLookup,
    PostAnswer,
    SignedOrder,
)
from polybot.ports.fence import NO_FENCE, Fence

logger = logging.getLogger(__name__)

NOT_FOUND = 404
# The exchange takes at most this many ids in one DELETE /orders.
CANCEL_BATCH = 1000
# How the header of a warning says that there is none.
NO_WARNING = frozenset({"", "0", "false", "none"})
# One missed heartbeat is an exchange that restarts; after the next it cancels what rests.
WORRYING_BEATS = 2

SnapshotReader = Callable[[Sequence[str], int, str, Callable[[GatewayAnswer], None]], None]


@dataclass(slots=True)
class ClobGateway:
    """Posts, cancels and looks up; nothing is ever sent twice.

    Orders and cancels use `orders`, everything else `reads`, so that no sweep delays an order.
    Answers are taken by the service; `wake` tells it that one is there. A gateway with renewed
    credentials is given the `answers` of the one before, so that none under way is lost.
    """

    signer: RequestSigner
    _: KW_ONLY
    orders: Transport
    reads: Transport
    snapshots: SnapshotReader
    clock: Clock
    wake: Callable[[], None]
    answers: deque[GatewayAnswer] = field(default_factory=deque)
    fence: Fence = NO_FENCE
    _chain: HeartbeatChain = field(init=False, default_factory=HeartbeatChain)
    _chain_lock: threading.Lock = field(init=False, default_factory=threading.Lock)
    _missed_beats: int = field(init=False, default=0)

    def post(self, order: SignedOrder) -> None:
        """Send a signed order once, unless it waits too long or is fenced before it leaves."""
        guard = partial(self.fence.refusal, self.clock.monotonic_ns())
        call = self._call("POST", "/order", body=order.body, guard=guard)
        self.orders.send(call, lambda answer: self._put(_posted(order.venue_order_id, answer)))

    def cancel(self, venue_order_ids: Sequence[str]) -> None:
        """Ask for orders to be canceled."""
        for start in range(0, len(venue_order_ids), CANCEL_BATCH):
            batch = tuple(venue_order_ids[start : start + CANCEL_BATCH])
            call = self._call("DELETE", "/orders", body=encode(batch))
            self.orders.send(call, partial(self._canceled, batch))

    def request_snapshot(self, *, token_ids: Sequence[str], after_s: int, tag: str) -> None:
        """Ask for open orders, trades and balances in one go."""
        self.snapshots(token_ids, after_s, tag, self._put)

    def look_up(self, venue_order_id: str) -> None:
        """Ask what the exchange knows of one order id."""
        call = self._call("GET", f"/data/order/{venue_order_id}")
        self.reads.send(call, lambda answer: self._put(_looked_up(venue_order_id, answer)))

    def beat(self) -> None:
        """Send the dead-man heartbeat; its answer names the id the next one must carry."""
        with self._chain_lock:
            beat = self._chain.begin(self.clock.monotonic_ns())
        body = encode(HeartbeatBody(heartbeat_id=beat.heartbeat_id))
        call = self._call("POST", "/v1/heartbeats", body=body)
        self.reads.send(call, partial(self._beaten, beat))

    def take(self) -> list[GatewayAnswer]:
        """Return the answers that arrived since the last call."""
        taken = []
        while self.answers:
            taken.append(self.answers.popleft())
        return taken

    def keep_warm(self) -> None:
        """Use each order connection once."""
        self.orders.warm()

    def _call(
        self, method: str, path: str, *, body: bytes = b"", guard: Callable[[], str] | None = None
    ) -> HttpCall:
        headers = self.signer.headers(self.clock.now_ns() // 1_000_000_000, method, path, body)
        return HttpCall(method, path, body=body, headers=headers, guard=guard)

    def _canceled(self, asked: tuple[str, ...], answer: HttpAnswer) -> None:
        self._put(_canceled(asked, answer))

    def _beaten(self, beat: Beat, answer: HttpAnswer) -> None:
        try:
            # A refusal names the right id too: only the body counts.
            told = decode(answer.body, HeartbeatAnswer)
        except ProtocolError as error:
            with self._chain_lock:
                self._chain.lost()
            self._missed_beats += 1
            if self._missed_beats == WORRYING_BEATS:
                why = answer.error or error
                logger.warning("exchange heartbeat: no answer %s times: %s", WORRYING_BEATS, why)
            return
        with self._chain_lock:
            is_foreign = self._chain.answered(beat, told, self.clock.monotonic_ns())
        if is_foreign:
            self._put(HeartbeatBroken(beat.heartbeat_id, told.heartbeat_id))
        if self._missed_beats >= WORRYING_BEATS:
            logger.info("exchange heartbeat: answered again after %s misses", self._missed_beats)
        self._missed_beats = 0

    def _put(self, answer: GatewayAnswer) -> None:
        self.answers.append(answer)
        self.wake()


def _posted(venue_order_id: str, answer: HttpAnswer) -> PostAnswer:
    try:
        placed = outcome_of(answer, PostOrderAnswer)
        if not placed.placed:
            raise classify(answer.status, answer.body)
        if (placed.order_id or "").lower() != venue_order_id.lower():
            message = f"expected order id {venue_order_id}, was {placed.order_id}"
            raise OutcomeUnknown(message, status=answer.status, code="order_id_mismatch")
    except ExchangeError as error:
        return PostAnswer(
            venue_order_id, error, remaining=_remaining(answer), warned=_is_warned(answer)
        )
    return PostAnswer(
        venue_order_id,
        None,
        status=placed.status,
        trade_ids=tuple(placed.trade_ids or ()),
        remaining=_remaining(answer),
        warned=_is_warned(answer),
    )


def _remaining(answer: HttpAnswer) -> int | None:
    told = answer.remaining
    return int(told) if told.isascii() and told.isdecimal() else None


def _is_warned(answer: HttpAnswer) -> bool:
    return answer.warning.strip().lower() not in NO_WARNING


def _canceled(asked: tuple[str, ...], answer: HttpAnswer) -> CancelAnswer:
    try:
        wire = outcome_of(answer, WireCancelAnswer)
    except ExchangeError as error:
        return CancelAnswer((), {}, error, asked, warned=_is_warned(answer))
    return CancelAnswer(
        tuple(wire.canceled), wire.not_canceled, asked=asked, warned=_is_warned(answer)
    )


def _looked_up(venue_order_id: str, answer: HttpAnswer) -> OrderLookup:
    if answer.status == NOT_FOUND:
        return OrderLookup(venue_order_id, None)
    try:
        if answer.status == OK and answer.body.strip() in (b"null", b""):
            return OrderLookup(venue_order_id, None)
        return OrderLookup(venue_order_id, venue_order(outcome_of(answer, OpenOrder)))
    except PolybotError as error:
        return OrderLookup(venue_order_id, None, error)
