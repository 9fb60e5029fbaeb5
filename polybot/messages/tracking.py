"""The tracker's durable events: official outcomes, grades and audits."""

import msgspec


class WindowSettled(msgspec.Struct, frozen=True, kw_only=True):
    """The official outcome of a window is known; `source` says which route told it.

    `outcome` is Up or Down; `provisional` is what our own settlement rule derived ("" when the
    price feed lacked a tick).
    """

    slug: str
    condition_id: str
    outcome: str
    source: str
    provisional: str = ""


class WindowGraded(msgspec.Struct, frozen=True, kw_only=True):
    """One agent's window has a grade and a P&L, worked out from actual fills.

    `pnl_usdc` = sell proceeds + winning shares x $1 - buy cost - fees, in micro-dollars.
    """

    slug: str
    agent: str
    strategy: str
    grade: str
    pnl_usdc: int
    fees_usdc: int
    cost_usdc: int
    trades: int


class AuditCompleted(msgspec.Struct, frozen=True, kw_only=True):
    """Our books were compared with what the exchange's own routes say."""

    agrees: bool
    differences: tuple[str, ...]
    orders: int
    fills: int
    windows: int
