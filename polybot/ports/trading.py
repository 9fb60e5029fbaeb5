"""The exchange's trading routes for a service: ask now, take the answer in a later turn."""

from collections.abc import Sequence
from typing import Protocol

import msgspec

from polybot.domain.market import Market
from polybot.domain.order import Order
from polybot.errors import PolybotError


class SignedOrder(msgspec.Struct, frozen=True):
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


class PostAnswer(msgspec.Struct, frozen=True):
    """How one POST /order ended: `error` is None when the exchange accepted the order.

    `status` is live, matched, delayed or unmatched; amounts come with the fills. `remaining` is
    how many more orders the exchange takes now (None when unsaid), `warned` its wish for fewer.
    """

    venue_order_id: str
    error: PolybotError | None
    status: str = ""
    trade_ids: tuple[str, ...] = ()
    taken_ns: int = 0
    remaining: int | None = None
    warned: bool = False


class CancelAnswer(msgspec.Struct, frozen=True):
    """How a cancel ended: ids gone, ids not (with the exchange's words), or an error.

    `asked` are the ids it was for, whether or not the answer mentions them.
    """

    canceled: tuple[str, ...]
    not_canceled: dict[str, str]
    error: PolybotError | None = None
    asked: tuple[str, ...] = ()
    warned: bool = False


class VenueOrder(msgspec.Struct, frozen=True):
    """An order as the exchange's own routes show it."""

    venue_order_id: str
    token_id: str
    side: str
    status: str
    price_bps: int
    original_shares: int
    matched_shares: int
    order_type: str


class VenueFill(msgspec.Struct, frozen=True):
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


class AccountSnapshot(msgspec.Struct, frozen=True):
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


class OrderLookup(msgspec.Struct, frozen=True):
    """What GET /data/order/{id} said: `order` is None when the exchange does not know the id."""

    venue_order_id: str
    order: VenueOrder | None
    error: PolybotError | None = None


class HeartbeatBroken(msgspec.Struct, frozen=True):
    """The exchange expected a heartbeat id that none of its answers to us had named.

    `sent` is the id we had been told to send: somebody else sent one of this account's meanwhile.
    """

    sent: str
    expected: str


GatewayAnswer = PostAnswer | CancelAnswer | AccountSnapshot | OrderLookup | HeartbeatBroken


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
