"""What the database answers: values that storage makes and services and commands read.

Times are UTC epoch nanoseconds (market time unless the name says wall), money micro-dollars, shares
micro-shares, prices 1e-4 dollars.
"""

from enum import Enum
from typing import Any

import msgspec

from polybot.domain.fill import Fill
from polybot.domain.market import Market, Outcome
from polybot.domain.order import Order


class StoreResult(msgspec.Struct, frozen=True):
    """What became of a batch: `conflicts` are sentences about known numbers with other bytes."""

    stored: int = 0
    duplicates: int = 0
    conflicts: tuple[str, ...] = ()


class OpenQuestion(msgspec.Struct, frozen=True):
    """A window without an official outcome: how often it was asked for, and when to ask again.

    `next_ask_ns` is 0 when it was never asked for.
    """

    slug: str
    condition_id: str
    close_ns: int
    asks: int
    next_ask_ns: int


class StoredGrade(msgspec.Struct, frozen=True):
    """One agent's window as it was graded last."""

    agent: str
    strategy: str
    grade: str
    pnl_usdc: int
    fees_usdc: int
    cost_usdc: int
    trades: int


class Summary(msgspec.Struct, frozen=True):
    """What one agent did in one window besides trading: how often it looked, why it held."""

    agent: str
    strategy: str
    looks: int
    holds: dict[str, int]
    entered: bool


class GradeCase(msgspec.Struct, frozen=True):
    """Everything a settled window is graded by, all agents together.

    `strategies` names each agent's strategy as its decisions and summaries told it.
    """

    market: Market
    outcome: Outcome
    orders: tuple[Order, ...]
    fills: tuple[Fill, ...]
    summaries: tuple[Summary, ...]
    strategies: dict[str, str]
    grades: tuple[StoredGrade, ...]


class WindowStatus(Enum):
    """How far a window got."""

    UPCOMING = "upcoming"
    OPEN = "open"
    CLOSED = "closed"
    SETTLED = "settled"
    GRADED = "graded"


class WindowReport(msgspec.Struct, frozen=True):
    """A window with its outcome (None until official) and grades; P&L over all agents."""

    slug: str
    series: str
    open_ns: int
    close_ns: int
    status: WindowStatus
    outcome: str | None
    provisional: str
    grades: tuple[StoredGrade, ...]
    pnl_usdc: int


class RefusedWindow(msgspec.Struct, frozen=True):
    """A window that is not traded, or not entered, because of what the exchange says of it."""

    slug: str
    code: str
    reason: str


class TradeReport(msgspec.Struct, frozen=True):
    """One fill; `status` is the trade's own (MATCHED, CONFIRMED, FAILED...)."""

    ts_ns: int
    slug: str
    agent: str
    outcome: str
    side: str
    purpose: str
    price_bps: int
    size_shares: int
    fee_usdc: int
    is_maker: bool
    status: str
    order_id: str
    trade_id: str


class PnlRow(msgspec.Struct, frozen=True):
    """The graded windows with trades of one day and agent; a day is of the trading zone.

    `wins` and `losses` count windows by the sign of their P&L; one at exactly 0 is neither.
    """

    day: str
    agent: str
    strategy: str
    windows: int
    trades: int
    wins: int
    losses: int
    pnl_usdc: int
    fees_usdc: int
    cost_usdc: int

    @property
    def win_rate(self) -> float | None:
        """Share of decided windows that won, None when none was decided."""
        decided = self.wins + self.losses
        return self.wins / decided if decided else None


class ExplainEntry(msgspec.Struct, frozen=True):
    """One event about a window or an order; `body` is its JSON, `recorded_ns` wall time."""

    ts_ns: int
    recorded_ns: int
    source: str
    seq: int
    type: str
    order_id: str
    body: dict[str, Any]


class Explanation(msgspec.Struct, frozen=True):
    """Everything that is known about one window or order, in time order.

    `kind` is window or order, `key` the full slug or id.
    """

    kind: str
    key: str
    slug: str
    entries: tuple[ExplainEntry, ...]
