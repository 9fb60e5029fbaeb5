"""The trader's durable events: what it saw, decided, sent, and what became of it."""

import msgspec

from polybot.domain.fill import Fill, FillStatus
from polybot.domain.market import Market
from polybot.domain.order import Order, OrderStatus, OrderTrigger

Explained = dict[str, str | int | float | bool | None]


class WindowDiscovered(msgspec.Struct, frozen=True, kw_only=True):
    """A market window was found at the exchange, or its metadata changed (a new tick size)."""

    market: Market


class WindowSummarized(msgspec.Struct, frozen=True, kw_only=True):
    """One agent's window is over: how often it looked, and why it held.

    `holds` counts looks by reason; `entered` says whether an entry order was sent.
    """

    agent: str
    strategy: str
    slug: str
    looks: int
    holds: dict[str, int]
    entered: bool


class DecisionMade(msgspec.Struct, frozen=True, kw_only=True):
    """A strategy decided something new: it acts, or holds for another reason than before.

    `inputs` are the numbers it decided on; together with the tape they reproduce the decision.
    """

    decision_id: str
    agent: str
    strategy: str
    slug: str
    action: str
    reason: str
    inputs: Explained


class IntentApproved(msgspec.Struct, frozen=True, kw_only=True):
    """Our own risk rules let an intent pass; `checks` are the limits and the figures compared."""

    intent_id: str
    decision_id: str
    agent: str
    slug: str
    purpose: str
    checks: Explained


class IntentDenied(msgspec.Struct, frozen=True, kw_only=True):
    """Our own risk rules refused an intent; it was never sent."""

    intent_id: str
    decision_id: str
    agent: str
    slug: str
    purpose: str
    reason: str
    checks: Explained


class OrderSubmitted(msgspec.Struct, frozen=True, kw_only=True):
    """The write-ahead record: this order, with this id and these bytes, is about to be sent once.

    After a restart it is looked up at the exchange, never sent.
    """

    order: Order
    decision_id: str
    body: str


class OrderStatusChanged(msgspec.Struct, frozen=True, kw_only=True):
    """An order moved along its transition table; `code` and `detail` are the exchange's words."""

    venue_order_id: str
    agent: str
    slug: str
    status: OrderStatus
    trigger: OrderTrigger
    code: str = ""
    detail: str = ""


class CancelRequested(msgspec.Struct, frozen=True, kw_only=True):
    """We asked the exchange to cancel an order of ours."""

    venue_order_id: str
    agent: str
    slug: str
    reason: str


class FillMatched(msgspec.Struct, frozen=True, kw_only=True):
    """A match of one of our orders: it counts for exposure at once."""

    fill: Fill


class FillStatusChanged(msgspec.Struct, frozen=True, kw_only=True):
    """A match moved on: CONFIRMED makes it final, FAILED voids it."""

    trade_id: str
    venue_order_id: str
    agent: str
    slug: str
    status: FillStatus


class PositionSettled(msgspec.Struct, frozen=True, kw_only=True):
    """A held position became `payout_usdc` micro-dollars by the official outcome of its window."""

    agent: str
    slug: str
    token_id: str
    won: bool
    size_shares: int
    payout_usdc: int


class ExternalFlowBooked(msgspec.Struct, frozen=True, kw_only=True):
    """Money or shares moved that no order of ours moved: deposits, rewards, manual trades.

    Never P&L. The first balance seen is booked as a deposit of kind "opening_balance".
    """

    kind: str
    amount_usdc: int
    token_id: str = ""
    size_shares: int = 0
    detail: str = ""


class ReconcileFinished(msgspec.Struct, frozen=True, kw_only=True):
    """Local state was compared with the exchange and made to agree; `differences` were mended."""

    trigger: str
    open_orders: int
    fills_seen: int
    balance_usdc: int
    differences: tuple[str, ...]


class DriftFound(msgspec.Struct, frozen=True, kw_only=True):
    """The exchange shows something our books do not explain."""

    kind: str
    subject: str
    detail: str


class FeedStateChanged(msgspec.Struct, frozen=True, kw_only=True):
    """A stream connected, went silent or was lost."""

    feed: str
    connected: bool
    detail: str


class AgentResult(msgspec.Struct, frozen=True, kw_only=True):
    """One agent's window is settled and this is what it earned, from actual fills.

    `day` is the trading day (in the configured zone) the window closed in; `wall_ns` the wall time
    it was booked, from which a pause after losses is counted.
    """

    agent: str
    slug: str
    pnl_usdc: int
    day: str
    wall_ns: int
