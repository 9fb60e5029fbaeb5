"""Fakes of the trader's ports: gateway, access, signer, streams, tape, a scripted strategy."""

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from polybot.domain.market import Market
from polybot.domain.order import Order
from polybot.domain.preflight import ListedAtClob, PreflightFacts
from polybot.domain.window import parse_series
from polybot.errors import InvalidValue, PolybotError
from polybot.messages.envelope import Envelope
from polybot.ports import (
    AccountSnapshot,
    BookReply,
    GatewayAnswer,
    OrderLookup,
    PostAnswer,
    SignedOrder,
    StreamFrame,
    VenueFill,
    VenueOrder,
)
from polybot.services.trader.bookkeeping import Bookkeeper
from polybot.services.trader.claims import TradingClaims
from polybot.services.trader.order_gate import OrderGate, bucket_of
from polybot.services.trader.preflight import WindowChecks
from polybot.services.trader.windows import WindowSchedule
from polybot.strategies.base import Decision, View
from tests.fakes import FakeCatalog, FakeOutbox

API_KEY = "key-1"


class FakeGateway:
    """Keeps what was sent; a test puts the answers in. Nothing may be sent that is not durable."""

    def __init__(self, outbox: FakeOutbox | None = None) -> None:
        self._outbox = outbox
        self.posted: list[SignedOrder] = []
        self.canceled: list[str] = []
        self.snapshots: list[dict[str, Any]] = []
        self.looked_up: list[str] = []
        self.beats = 0
        self.warmed = 0
        self.answers: list[GatewayAnswer] = []
        self.breaks_on: str = ""

    def post(self, order: SignedOrder) -> None:
        if self._outbox is not None:
            assert self._outbox.uncommitted == [], "posted before its record was durable"
        if self.breaks_on == "post":
            raise ValueError("the gateway broke")
        self.posted.append(order)

    def cancel(self, venue_order_ids: Sequence[str]) -> None:
        self.canceled += venue_order_ids

    def request_snapshot(self, *, token_ids: Sequence[str], after_s: int, tag: str) -> None:
        self.snapshots.append({"token_ids": tuple(token_ids), "after_s": after_s, "tag": tag})

    def look_up(self, venue_order_id: str) -> None:
        self.looked_up.append(venue_order_id)

    def beat(self) -> None:
        self.beats += 1

    def take(self) -> list[GatewayAnswer]:
        taken, self.answers = self.answers, []
        return taken

    def keep_warm(self) -> None:
        self.warmed += 1

    def snapshot(self, **values: Any) -> AccountSnapshot:
        """Return the answer to the newest snapshot question."""
        return snapshot(tag=self.snapshots[-1]["tag"], **values)

    def ids(self) -> list[str]:
        return [order.venue_order_id for order in self.posted]


class FakeSigner:
    """Signs with the salt as the id, so that two orders never share one; refuses when told to."""

    address = "0xsigner"
    funder = "0xfunder"

    def __init__(self) -> None:
        self.refusal = ""
        self.signed: list[tuple[Order, Market, int, bool]] = []

    def sign(
        self, order: Order, market: Market, *, salt: int, timestamp_ms: int, post_only: bool
    ) -> SignedOrder:
        if self.refusal:
            raise InvalidValue(self.refusal)
        self.signed.append((order, market, timestamp_ms, post_only))
        return SignedOrder(f"0x{salt:064x}", msgspec.json.encode(order))


class FakeAccess:
    """An account that is logged in, unless a test says otherwise."""

    def __init__(self, gateway: FakeGateway | None = None) -> None:
        self.gateway = gateway or FakeGateway()
        self.signer = FakeSigner()
        self.api_key = API_KEY
        self.is_ready = True
        self.renewed = 0

    def ready(self) -> bool:
        return self.is_ready

    def renew(self) -> None:
        self.renewed += 1


class FakePreflight:
    """Answers each question at once with facts that nothing objects to, changed as a test says."""

    def __init__(self) -> None:
        self.changes: dict[str, Any] = {}
        self.asked: list[str] = []
        self.refreshed: list[str] = []
        self.silent = False
        self._answers: list[PreflightFacts] = []

    def request(self, market: Market) -> None:
        self.asked.append(market.slug)
        if not self.silent:
            self._answers.append(good_facts(market, **self.changes))

    def refresh_balance(self, token_id: str) -> None:
        self.refreshed.append(token_id)

    def take(self) -> list[PreflightFacts]:
        taken, self._answers = self._answers, []
        return taken


def good_facts(market: Market, **changes: Any) -> PreflightFacts:
    """Return facts that nothing objects to, but for the changes."""
    listed = ListedAtClob(
        token_ids=(market.token_up, market.token_down),
        tick_bps=market.tick_bps,
        min_size_shares=market.min_size_shares,
        neg_risk=market.neg_risk,
        fee=market.fee,
    )
    values: dict[str, Any] = {
        "slug": market.slug,
        "skew_s": 0.2,
        "version": 2,
        "closed_only": False,
        "balance_usdc": 1_000_000_000,
        "allowance_usdc": 10**18,
        "listed": listed,
    }
    return PreflightFacts(**(values | changes))


def passed(books: Bookkeeper, claims: TradingClaims, *markets: Market) -> WindowChecks:
    """Return the checks of markets that may all be entered."""
    schedule = WindowSchedule((parse_series("btc-updown-5m"),), FakeCatalog())
    schedule.known |= {market.slug: market for market in markets}
    checks = WindowChecks(books, claims, FakePreflight(), schedule, 5.0)
    for market in markets:
        for _ in range(2):
            checks.turn(market.open_ns, 0)
    return checks


def open_gate(checks: WindowChecks) -> OrderGate:
    """Return a gate that lets hundreds of orders a second pass."""
    return OrderGate(bucket_of(600), bucket_of(900), checks)


class FakeStream:
    """A stream that a test fills; `subscribed` is what was asked for last."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.frames: list[StreamFrame] = []
        self.subscribed: tuple[str, ...] = ()
        self.age: float | None = None
        self.running = False

    def subscribe(self, subjects: Sequence[str]) -> None:
        self.subscribed = tuple(subjects)

    def take(self) -> list[StreamFrame]:
        taken, self.frames = self.frames, []
        return taken

    def age_s(self) -> float | None:
        return self.age

    async def start(self) -> None:
        self.running = True

    async def stop(self) -> None:
        self.running = False

    def put(self, data: bytes = b"", *, state: str = "") -> None:
        self.frames.append(StreamFrame(self.name, 0, data=data, state=state))

    def connect(self) -> None:
        self.put(state="connected")

    def disconnect(self) -> None:
        self.put(state="disconnected: closed")


class FakeBookSource:
    """Keeps what was asked for; a test puts the replies in."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.replies: list[BookReply] = []

    def request(self, token_id: str) -> None:
        self.asked.append(token_id)

    def take(self) -> list[BookReply]:
        taken, self.replies = self.replies, []
        return taken


class FakeTape:
    """Keeps what was taped; `batches` counts the ends of turns."""

    def __init__(self) -> None:
        self.taped: list[tuple[int, bytes]] = []
        self.batches = 0
        self.flushed = False
        self.closed = False

    def record(self, kind: int, mono_ns: int, market_ns: int, data: bytes) -> None:
        self.taped.append((kind, data))

    def end_batch(self, mono_ns: int, market_ns: int) -> None:
        self.batches += 1

    def flush(self) -> None:
        self.flushed = True

    def close(self) -> None:
        self.closed = True


class ScriptedMemory(msgspec.Struct, frozen=True, kw_only=True):
    """What the scripted strategy remembers of a window."""

    looks: int = 0


class NoParameters(msgspec.Struct, frozen=True, kw_only=True):
    """The scripted strategy has none."""


HOLD = Decision(action="hold", reason="nothing_to_do")


class ScriptedStrategy:
    """Decides what a test put in `next`, once; then it holds. Keeps every view it was shown."""

    name = "scripted"
    doc = "For tests."
    parameters_type: type[msgspec.Struct] = NoParameters
    memory_type: type[msgspec.Struct] = ScriptedMemory

    def __init__(self, always: Callable[[View], Decision] | None = None) -> None:
        self.next: Decision | None = None
        self.always = always
        self.views: list[View] = []

    def decide(self, view: View) -> Decision:
        self.views.append(view)
        looks = view.memory.looks + 1 if view.memory else 1
        decision = self.always(view) if self.always else self.next or HOLD
        self.next = None
        return Decision(
            action=decision.action,
            reason=decision.reason,
            intents=decision.intents,
            cancels=decision.cancels,
            inputs=decision.inputs,
            memory=ScriptedMemory(looks=looks),
        )


def accepted(venue_order_id: str, status: str = "live", *trade_ids: str) -> PostAnswer:
    """Return the answer to a POST that the exchange took."""
    return PostAnswer(venue_order_id, None, status=status, trade_ids=trade_ids)


def refused(venue_order_id: str, error: PolybotError) -> PostAnswer:
    """Return the answer to a POST that failed."""
    return PostAnswer(venue_order_id, error)


def snapshot(
    *,
    orders: tuple[VenueOrder, ...] = (),
    fills: tuple[VenueFill, ...] = (),
    balance_usdc: int = 1_000_000_000,
    shares: dict[str, int] | None = None,
    error: PolybotError | None = None,
    tag: str = "",
) -> AccountSnapshot:
    """Return an account as the exchange shows it."""
    return AccountSnapshot(orders, fills, balance_usdc, shares or {}, error, tag)


def venue_order(order: Order, status: str = "LIVE", **changes: Any) -> VenueOrder:
    """Return one of our orders as the exchange shows it."""
    values: dict[str, Any] = {
        "venue_order_id": order.venue_order_id,
        "token_id": order.token_id,
        "side": order.side.value,
        "status": status,
        "price_bps": order.price_bps,
        "original_shares": order.size_shares,
        "matched_shares": order.filled_shares,
        "order_type": order.order_type.value,
    }
    return VenueOrder(**(values | changes))


def venue_fill(
    order: Order, trade_id: str = "t0", status: str = "MATCHED", **changes: Any
) -> VenueFill:
    """Return a fill of the whole of one of our orders."""
    values: dict[str, Any] = {
        "trade_id": trade_id,
        "venue_order_id": order.venue_order_id,
        "token_id": order.token_id,
        "side": order.side.value,
        "price_bps": order.price_bps,
        "size_shares": order.size_shares,
        "is_maker": False,
        "status": status,
        "matched_ns": order.created_ns + 1_000_000_000,
    }
    return VenueFill(**(values | changes))


def looked_up(
    order: Order, told: VenueOrder | None, error: PolybotError | None = None
) -> OrderLookup:
    """Return the answer to a look-up."""
    return OrderLookup(order.venue_order_id, told, error)


def order_frame(order: Order, kind: str, status: str = "LIVE") -> bytes:
    """Return a user-stream event about an order."""
    return msgspec.json.encode(
        {"event_type": "order", "type": kind, "id": order.venue_order_id, "status": status}
    )


def trade_frame(
    order: Order, trade_id: str = "t0", status: str = "MATCHED", size: str = "25", price: str = ""
) -> bytes:
    """Return a user-stream event about a trade that one of our orders took."""
    return msgspec.json.encode(
        {
            "event_type": "trade",
            "type": "TRADE",
            "id": trade_id,
            "taker_order_id": order.venue_order_id,
            "asset_id": order.token_id,
            "side": order.side.value,
            "size": size,
            "price": price or f"{order.price_bps / 10_000:.4f}",
            "status": status,
            "match_time": str(order.created_ns // 1_000_000_000 + 1),
            "trader_side": "TAKER",
            "maker_orders": [],
        }
    )


def body_types(committed: list[tuple[Envelope, Any]]) -> list[str]:
    """Return the names of events, in order."""
    return [envelope.type for envelope, _ in committed]
