"""Grades: what became of one agent's window, and what it earned, worked out from actual fills.

One rule of P&L for all: sale proceeds + winning shares held x $1 - purchase costs - fees. A grade
that depends on the outcome is never given before the outcome is known.
"""

from collections import Counter
from collections.abc import Iterable
from enum import Enum

import msgspec

from polybot.domain.fill import Fill
from polybot.domain.lots import match_fifo
from polybot.domain.market import Outcome
from polybot.domain.order import Side
from polybot.domain.purpose import DANGER_EXIT, HARD_STOP, PROFIT_LOCK, SAFETY_EXIT

# Shares that a full exit may leave behind: what rounding to 0.01 shares cannot sell.
DUST_SHARES = 20_000
TREND_BLOCK = "trend_block"


class Grade(Enum):
    """What became of a window.

    IDLE no order, TREND_BLOCKED the trend guard's no, MISSED an order that nothing came of. WIN and
    LOSS were held to the outcome, PARTIAL was sold in part, EXIT and the four grades above it were
    sold whole. PENDING waits for an outcome or for fills to become final, UNKNOWN for the fate of
    an order.
    """

    IDLE = "IDLE"
    TREND_BLOCKED = "TREND_BLOCKED"
    MISSED = "MISSED"
    PENDING = "PENDING"
    UNKNOWN = "UNKNOWN"
    WIN = "WIN"
    LOSS = "LOSS"
    PROFIT_LOCK = "PROFIT_LOCK"
    HARD_STOP = "HARD_STOP"
    DANGER_EXIT = "DANGER_EXIT"
    SAFETY_EXIT = "SAFETY_EXIT"
    EXIT = "EXIT"
    PARTIAL = "PARTIAL"


WAITING = frozenset({Grade.PENDING, Grade.UNKNOWN})
UNTRADED = frozenset({Grade.IDLE, Grade.TREND_BLOCKED, Grade.MISSED})

_EXIT_GRADES: dict[str, Grade] = {
    HARD_STOP: Grade.HARD_STOP,
    DANGER_EXIT: Grade.DANGER_EXIT,
    SAFETY_EXIT: Grade.SAFETY_EXIT,
    PROFIT_LOCK: Grade.PROFIT_LOCK,
}


class PurposedFill(msgspec.Struct, frozen=True):
    """A fill with the purpose of its order."""

    fill: Fill
    purpose: str


class WindowFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What the trader said of one agent's window: its holds by reason, and its orders.

    `orders_sent` counts orders that reached the exchange (denied and refused ones did not),
    `orders_open` those of them whose fate is not known yet.
    """

    holds: dict[str, int] = {}
    orders_sent: int = 0
    orders_open: int = 0


class LotGrade(msgspec.Struct, frozen=True, kw_only=True):
    """One purchase's part: EXIT for what was sold, WIN or LOSS for what was held, else PENDING."""

    trade_id: str
    outcome: Outcome
    status: Grade
    shares: int
    pnl_usdc: int


class WindowGrade(msgspec.Struct, frozen=True, kw_only=True):
    """The grade of one agent's window.

    `cost_usdc` is what the purchases cost without fees, `trades` the number of fills. While the
    grade waits, `pnl_usdc` is 0 and `waits_for` is outcome, fills or orders.
    """

    grade: Grade
    pnl_usdc: int = 0
    fees_usdc: int = 0
    cost_usdc: int = 0
    trades: int = 0
    waits_for: str = ""
    lots: tuple[LotGrade, ...] = ()


def grade_window(
    facts: WindowFacts, fills: Iterable[PurposedFill], outcome: Outcome | None
) -> WindowGrade:
    """Grade one agent's window after its close; `outcome` is the official one, None until known."""
    counted = [item for item in fills if item.fill.counts]
    waits_for = _waits_for(facts, counted, outcome)
    if not counted:
        return WindowGrade(grade=_untraded(facts), waits_for=waits_for)
    known = [item.fill for item in counted]
    figures = WindowGrade(
        grade=Grade.UNKNOWN if waits_for == "orders" else Grade.PENDING,
        fees_usdc=sum(fill.fee_usdc for fill in known),
        cost_usdc=sum(fill.notional_usdc for fill in known if fill.side is Side.BUY),
        trades=len(known),
        waits_for=waits_for,
        lots=grade_lots(known, outcome),
    )
    if waits_for:
        return figures
    pnl = pnl_usdc(known, outcome)
    return msgspec.structs.replace(figures, grade=_traded(counted, outcome, pnl), pnl_usdc=pnl)


def held_shares(fills: Iterable[Fill]) -> dict[Outcome, int]:
    """Return the shares of each outcome that were bought and not sold."""
    held = dict.fromkeys(Outcome, 0)
    for fill in fills:
        if fill.counts:
            held[fill.outcome] += fill.signed_shares
    return held


def pnl_usdc(fills: Iterable[Fill], outcome: Outcome | None) -> int:
    """Return the cash of all fills, fees included, and a dollar for each winning share held."""
    counted = [fill for fill in fills if fill.counts]
    cash = sum(fill.cash_usdc for fill in counted)
    return cash + (held_shares(counted)[outcome] if outcome is not None else 0)


def _waits_for(facts: WindowFacts, counted: list[PurposedFill], outcome: Outcome | None) -> str:
    if facts.orders_open:
        return "orders"
    if any(not item.fill.is_final for item in counted):
        return "fills"
    held = held_shares(item.fill for item in counted)
    return "outcome" if outcome is None and any(held.values()) else ""


def _untraded(facts: WindowFacts) -> Grade:
    if facts.orders_open:
        return Grade.UNKNOWN
    if facts.orders_sent:
        return Grade.MISSED
    return Grade.TREND_BLOCKED if facts.holds.get(TREND_BLOCK) else Grade.IDLE


def _traded(counted: list[PurposedFill], outcome: Outcome | None, pnl: int) -> Grade:
    sold: Counter[str] = Counter()
    for item in counted:
        if item.fill.side is Side.SELL:
            sold[item.purpose] += item.fill.size_shares
    left = sum(abs(shares) for shares in held_shares(item.fill for item in counted).values())
    if left <= DUST_SHARES and sold:
        return _EXIT_GRADES.get(_main_purpose(sold), Grade.EXIT)
    if sum(sold.values()) > DUST_SHARES:
        return Grade.PARTIAL
    return _held_grade(held_shares(item.fill for item in counted), outcome, pnl)


def _main_purpose(sold: Counter[str]) -> str:
    """Return the purpose that sold most; among equals the graver one, as the table lists them."""
    ranks = {purpose: rank for rank, purpose in enumerate(_EXIT_GRADES)}
    return min(sold, key=lambda purpose: (-sold[purpose], ranks.get(purpose, len(ranks))))


def _held_grade(held: dict[Outcome, int], outcome: Outcome | None, pnl: int) -> Grade:
    sides = [side for side, shares in held.items() if shares]
    won = sides == [outcome] if len(sides) == 1 else pnl > 0
    return Grade.WIN if won else Grade.LOSS


def grade_lots(fills: Iterable[Fill], outcome: Outcome | None) -> tuple[LotGrade, ...]:
    """Pair sales with purchases, first in first out, and grade each part by itself.

    The parts' P&L adds up to that of the window.
    """
    fills = tuple(fills)
    lots: list[LotGrade] = []
    for side in Outcome:
        matched = match_fifo(fill for fill in fills if fill.outcome is side)
        lots.extend(
            LotGrade(
                trade_id=pair.buy_trade_id,
                outcome=side,
                status=Grade.EXIT,
                shares=pair.shares,
                pnl_usdc=pair.pnl_usdc,
            )
            for pair in matched.exits
        )
        status = Grade.PENDING if outcome is None else Grade.LOSS
        status = Grade.WIN if outcome is side else status
        payout = 1 if outcome is side else 0
        lots.extend(
            LotGrade(
                trade_id=lot.trade_id,
                outcome=side,
                status=status,
                shares=lot.shares,
                pnl_usdc=0 if outcome is None else lot.shares * payout - lot.cash_usdc,
            )
            for lot in matched.lots
        )
    return tuple(lots)
