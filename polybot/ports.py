"""The ports: what a service may ask of the world, as Protocols that adapters and fakes both satisfy.

Nothing here waits. A service asks (`post`, `request`), goes on with its turn, and takes the answers
in a later turn (`take`); adapters set the service's `wake` event when something is there to take.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import msgspec

from polybot.domain.market import Market
from polybot.domain.order import Order
from polybot.errors import PolybotError
from polybot.messages.envelope import Envelope
from polybot.messages.lifecycle import MarketTimeChanged


class Clock(Protocol):
    """Wall and monotonic time, for authentication, timeouts, back-off and ages."""

    def now_ns(self) -> int:
        """Return UTC epoch nanoseconds."""

    def monotonic_ns(self) -> int:
        """Return nanoseconds of the system-wide monotonic clock."""


class MarketClock(Protocol):
    """Market time: the wall clock in live and paper modes, the simulator's segments otherwise."""

    def now_ns(self) -> int:
        """Return market time in UTC epoch nanoseconds; never goes back."""

    def speed(self) -> float:
        """Return market seconds per wall second; 0 while paused."""

    def ready(self) -> bool:
        """Return whether market time is known yet."""

    def accept(self, change: MarketTimeChanged) -> None:
        """Take over a segment of a simulator's market time."""


@dataclass(frozen=True, slots=True)
class Vitals:
    """What a process says of itself in its heartbeat.

    `progress` counts the process's own work (it must grow while there is any), `ages_s` the age of
    each feed in seconds, -1 before the first message.
    """

    progress: int = 0
    trading_state: str = ""
    ages_s: dict[str, float] = field(default_factory=dict)
    market_ns: int = 0


class Notifier(Protocol):
    """The service manager's ear (systemd, or the supervisor bridge)."""

    def ready(self) -> None:
        """Say that local state is restored and the process works."""

    def stopping(self) -> None:
        """Say that shutdown has begun."""

    def watchdog(self) -> None:
        """Say that a turn of the work loop made progress."""

    def status(self, text: str) -> None:
        """Say in one sentence what the process is doing."""

    def extend_timeout(self, seconds: float) -> None:
        """Ask for more time to start or stop."""

    def watchdog_interval_s(self) -> float | None:
        """Return the deadline between two watchdog pings, None when nobody watches."""


class Process(Protocol):
    """What the daemon loop drives."""

    name: str
    wake: asyncio.Event

    async def start(self) -> None:
        """Restore local state; the process is READY when this returns."""

    def turn(self) -> None:
        """Do one pass of work: take what arrived, decide, act. Never blocks."""

    def next_wake_s(self) -> float:
        """Return how long the loop may sleep when nothing arrives, in seconds."""

    def status(self) -> str:
        """Return one ASCII sentence for the operator."""

    async def stop(self) -> None:
        """Bring state to disk and let go of everything."""


class Service(Process, Protocol):
    """One process's own work; a participant of the bus adds what every process owes the others."""

    def vitals(self) -> Vitals:
        """Return the figures its heartbeat carries."""

    def handle(self, request_type: str, body: Any) -> msgspec.Struct:
        """Carry out a command or answer a query that came to its rpc socket."""


class Outbox(Protocol):
    """This process's durable log and its voice on the bus.

    `record` appends to the journal; nothing is durable or published before `commit`, which syncs
    once for everything recorded and then publishes it in order.
    """

    source: str
    session: str

    def record(self, event: Any, *, ts_event: int | None = None, correlation_id: str = "") -> Envelope:
        """Append a durable event and return its envelope, with the journal's own seq."""

    def commit(self) -> None:
        """Sync the journal once, then publish everything recorded since the last commit."""

    def say(self, event: Any, *, ts_event: int | None = None) -> None:
        """Publish a volatile event; it may be lost."""

    def last_seq(self) -> int:
        """Return the seq of the newest durable event, 0 when there is none."""


class Inbox(Protocol):
    """What other processes said. Durable events come once, in order and without gaps, per source."""

    def take(self) -> list[tuple[Envelope, Any]]:
        """Return everything that arrived since the last call, as envelope and typed body."""

    def take_records(self) -> list[tuple[Envelope, Any, str]]:
        """Return the same as `take` with the hash of each durable event's bytes ("" for volatile)."""

    def position(self, source: str) -> int:
        """Return the seq of the last durable event taken from a source, 0 when none."""

    def resume_from(self, positions: dict[str, int]) -> None:
        """Set where each source's durable events continue, after a restart."""

    def acknowledge(self, source: str, seq: int) -> None:
        """Tell a source that everything up to seq is stored here, so that it may trim its journal."""

    def gaps(self) -> dict[str, int]:
        """Return how many volatile messages were lost, by source."""


class CheckpointStore(Protocol):
    """The newest states of this process on disk."""

    def save_in_background(self, seq: int, state: bytes, schema: int) -> None:
        """Write a checkpoint off the work loop."""


@dataclass(frozen=True, slots=True)
class StreamFrame:
    """One frame of a stream, or a change of its connection when `data` is empty.

    `stream` is "market", "user" or "price"; `state` is "", "connected" or "disconnected: <why>".
    """

    stream: str
    mono_ns: int
    data: bytes = b""
    state: str = ""


class Stream(Protocol):
    """A websocket feed that reconnects by itself and tells when it did."""

    name: str

    def subscribe(self, subjects: Sequence[str]) -> None:
        """Replace what is subscribed: token ids, condition ids or price symbols."""

    def take(self) -> list[StreamFrame]:
        """Return the frames that arrived since the last call, oldest first."""

    def age_s(self) -> float | None:
        """Return seconds since the last data frame, None when there was none yet."""

    async def start(self) -> None:
        """Begin to connect."""

    async def stop(self) -> None:
        """Close the connection."""


@dataclass(frozen=True, slots=True)
class SignedOrder:
    """An order ready to be posted: its id is known before anybody has seen it.

    `venue_order_id` is the EIP-712 hash (0x…); `body` the exact bytes of the POST.
    """

    venue_order_id: str
    body: bytes


class OrderSigner(Protocol):
    """Signs orders with the wallet's key; only the trader has one."""

    address: str
    funder: str

    def sign(
        self, order: Order, market: Market, *, salt: int, timestamp_ms: int, post_only: bool
    ) -> SignedOrder:
        """Sign an order of a market; raises InvalidValue when its amounts break a rule."""


@dataclass(frozen=True, slots=True)
class PostAnswer:
    """How one POST /order ended: `error` is None when the exchange accepted the order.

    `status` is live, matched, delayed or unmatched; amounts come with the fills.
    """

    venue_order_id: str
    error: PolybotError | None
    status: str = ""
    trade_ids: tuple[str, ...] = ()
    taken_ns: int = 0


@dataclass(frozen=True, slots=True)
class CancelAnswer:
    """How a cancel ended: ids that are gone, ids that are not (with the exchange's words), or an error."""

    canceled: tuple[str, ...]
    not_canceled: dict[str, str]
    error: PolybotError | None = None


@dataclass(frozen=True, slots=True)
class VenueOrder:
    """An order as the exchange's own routes show it."""

    venue_order_id: str
    token_id: str
    side: str
    status: str
    price_bps: int
    original_shares: int
    matched_shares: int
    order_type: str


@dataclass(frozen=True, slots=True)
class VenueFill:
    """Our part of one trade, as the exchange tells it: the fee is not told, it is computed.

    `status` is MATCHED, MINED, CONFIRMED, RETRYING or FAILED; sizes in micro-shares.
    """

    trade_id: str
    venue_order_id: str
    token_id: str
    side: str
    price_bps: int
    size_shares: int
    is_maker: bool
    status: str
    matched_ns: int


@dataclass(frozen=True, slots=True)
class AccountSnapshot:
    """What the exchange says of this account, read in one go for a reconcile.

    `fills` are this account's own, `balance_usdc` its collateral,
    `shares` its balance of each token asked for.
    """

    orders: tuple[VenueOrder, ...]
    fills: tuple[VenueFill, ...]
    balance_usdc: int
    shares: dict[str, int]
    error: PolybotError | None = None
    tag: str = ""


@dataclass(frozen=True, slots=True)
class OrderLookup:
    """What GET /data/order/{id} said: `order` is None when the exchange does not know the id."""

    venue_order_id: str
    order: VenueOrder | None
    error: PolybotError | None = None


GatewayAnswer = PostAnswer | CancelAnswer | AccountSnapshot | OrderLookup


class OrderGateway(Protocol):
    """The exchange's trading routes over warm connections; no call is ever retried here."""

    def post(self, order: SignedOrder) -> None:
        """Send an order once."""

    def cancel(self, venue_order_ids: Sequence[str]) -> None:
        """Ask for orders to be canceled."""

    def request_snapshot(self, *, token_ids: Sequence[str], after_s: int, tag: str) -> None:
        """Ask for open orders, trades since `after_s` (UTC seconds) and balances."""

    def look_up(self, venue_order_id: str) -> None:
        """Ask what the exchange knows of one order id."""

    def beat(self) -> None:
        """Send the exchange's dead-man heartbeat."""

    def take(self) -> list[GatewayAnswer]:
        """Return the answers that arrived since the last call."""

    def keep_warm(self) -> None:
        """Use each idle connection once so that none is stale when an order comes."""


class ExchangeAccess(Protocol):
    """The account at the exchange: not ready until the wallet has logged in once.

    `gateway`, `signer` and `api_key` may be used only while `ready()`.
    """

    @property
    def gateway(self) -> OrderGateway:
        """The trading routes."""

    @property
    def signer(self) -> OrderSigner:
        """The wallet's signer."""

    @property
    def api_key(self) -> str:
        """The API key our orders are booked under."""

    def ready(self) -> bool:
        """Return whether there are credentials; asks for them in the background when not."""

    def renew(self) -> None:
        """Drop the credentials, because the exchange refused them, and log in again."""


class Tape(Protocol):
    """The trader's inputs exactly as consumed; never durable, never in the way."""

    def record(self, kind: int, mono_ns: int, market_ns: int, data: bytes) -> None:
        """Add one input."""

    def end_batch(self, mono_ns: int, market_ns: int) -> None:
        """Mark the end of one turn's inputs."""

    def close(self) -> None:
        """Write what is left."""


@dataclass(frozen=True, slots=True)
class CatalogAnswer:
    """A market found under a slug; None when the exchange does not offer it (or `error` says why).

    `resolved` is the official outcome label ("Up", "Down") once known, "" before.
    """

    slug: str
    market: Market | None
    resolved: str = ""
    closed: bool = False
    error: PolybotError | None = None


class MarketCatalog(Protocol):
    """Looks markets up by slug and knows their official outcome."""

    def request(self, slug: str) -> None:
        """Ask for a market's metadata and resolution."""

    def take(self) -> list[CatalogAnswer]:
        """Return the answers that arrived since the last call."""


class RecordLog(Protocol):
    """A durable append-only log of bytes: the journal, as a service sees it."""

    def append(self, payload: bytes) -> int:
        """Append a record and return its seq; durable only after `sync`."""

    def sync(self) -> None:
        """Make everything appended durable with one fdatasync."""

    def records_after(self, seq: int) -> Sequence[tuple[int, bytes]]:
        """Return every record after `seq`, oldest first."""
