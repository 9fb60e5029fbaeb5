"""The trader's durable events: what it saw, decided, sent, and what became of it."""

import msgspec

from polybot.domain.fill import Fill, FillStatus
from polybot.domain.market import Market
from polybot.domain.order import Order, OrderStatus, OrderTrigger

Explained = dict[str, str | int | float | bool | None]


class WindowDiscovered(msgspec.Struct, frozen=True, kw_only=True):
    """A market window was found at the exchange, or its metadata changed (a new tick size)."""

    market: Market


class WindowRefused(msgspec.Struct, frozen=True, kw_only=True):
    """The exchange lists a window in a way that must not be traded; `code` says why in a word."""

    slug: str
    code: str
    reason: str


class PreflightFinished(msgspec.Struct, frozen=True, kw_only=True):
    """What the exchange says shortly before a window opens lets it be entered, or not.

    Recorded when the verdict is another than before; `figures` are what was read.
    """

    slug: str
    may_enter: bool
    reasons: tuple[str, ...]
    figures: Explained


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


class SeriesStopped(msgspec.Struct, frozen=True, kw_only=True):
    """A series takes no entries because of what became of one of its windows; exits go on."""

    series: str
    slug: str
    reason: str


class SeriesResumed(msgspec.Struct, frozen=True, kw_only=True):
    """The operator let a series that was stopped take entries again."""

    series: str
    reason: str


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


class ForeignOrdersTaken(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody decided about orders of our wallet that nobody here signed: they stay external.

    `source` is the operator, or the doctor for an order of its own.
    """

    command_id: str
    source: str
    reason: str
    order_ids: tuple[str, ...]


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


class AgentResultCorrected(msgspec.Struct, frozen=True, kw_only=True):
    """A trade arrived or FAILED after its window was settled, which changed what the agent earned.

    `pnl_usdc` is the result as it is now, `change_usdc` what that adds to the trading day `day` the
    window closed in.
    """

    agent: str
    slug: str
    pnl_usdc: int
    change_usdc: int
    day: str
    wall_ns: int


class CancelOrdersTaken(msgspec.Struct, frozen=True, kw_only=True):
    """A command to cancel our resting orders was taken; `order_ids` are those it found."""

    command_id: str
    source: str
    reason: str
    agent: str
    series: str
    order_ids: tuple[str, ...]


class FlattenStarted(msgspec.Struct, frozen=True, kw_only=True):
    """Everything held by an agent ("" for all) is to be sold at `min_price_bps` or better."""

    command_id: str
    source: str
    reason: str
    agent: str
    min_price_bps: int


class FlattenFinished(msgspec.Struct, frozen=True, kw_only=True):
    """A flatten is over; `left` says of each position that was not sold why."""

    command_id: str
    reason: str
    left: tuple[str, ...] = ()


class FeedGap(msgspec.Struct, frozen=True, kw_only=True):
    """A stream was away and is back: what it would have told in between is not known.

    `began_ns` and `ended_ns` are market time; the gap begins with the last thing that came, not
    with the moment that was noticed. `why` says how it was lost.
    """

    stream: str
    began_ns: int
    ended_ns: int
    why: str


class BookDistrusted(msgspec.Struct, frozen=True, kw_only=True):
    """A book cannot be true and was dropped: nobody decides on it before a fresh one came.

    `fault` is crossed, hash or unreadable.
    """

    slug: str
    token_id: str
    fault: str
    detail: str


class PriceSourceChanged(msgspec.Struct, frozen=True, kw_only=True):
    """Another feed is believed from now on; `use` is spot or settlement.

    `feed` "" means that none is left; `kind` is twap, spot or stand-in, `was` the feed before.
    """

    asset: str
    use: str
    feed: str
    kind: str
    source: str
    was: str
