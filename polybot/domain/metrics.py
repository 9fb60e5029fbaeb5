"""Metrics over settled trades: win rate, P&L, drawdown, losing runs and return, by trading day too.

A settled trade is one agent's window with at least one fill and a final grade.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, tzinfo

import msgspec

from polybot.domain.grading import Grade

SECOND_NS = 1_000_000_000

WINNING = frozenset({Grade.WIN, Grade.PROFIT_LOCK})
LOSING = frozenset({Grade.LOSS})


class SettledTrade(msgspec.Struct, frozen=True, kw_only=True):
    """One settled trade; times are market time, money micro-dollars, `bought_shares` micro-shares.

    `trade_id` is unique and stable: the agent and the slug. `cost_usdc` is without fees.
    """

    trade_id: str
    slug: str
    agent: str
    strategy: str
    grade: Grade
    pnl_usdc: int
    fees_usdc: int
    cost_usdc: int
    bought_shares: int
    entered_ns: int
    settled_ns: int


class Metrics(msgspec.Struct, frozen=True, kw_only=True):
    """Figures over some trades; rates are None where there is nothing to divide by.

    `win_rate` is wins / (wins + losses + exits). A profit lock counts as a win, other early sales,
    whole or in part, as exits. `roi` is P&L / (cost / trades): the return on the average trade.
    `max_drawdown_usdc` is the deepest fall of the running P&L below its peak, 0 or more.
    """

    trades: int = 0
    wins: int = 0
    losses: int = 0
    exits: int = 0
    win_rate: float | None = None
    pnl_usdc: int = 0
    fees_usdc: int = 0
    cost_usdc: int = 0
    average_pnl_usdc: int | None = None
    average_cost_usdc: int | None = None
    roi: float | None = None
    max_drawdown_usdc: int = 0
    longest_losing_run: int = 0


def is_loss(trade: SettledTrade) -> bool:
    """Return whether a trade lost money, whatever its grade."""
    return trade.pnl_usdc < 0


def ratio(part: int, whole: int) -> float | None:
    """Return part / whole, None when the whole is 0."""
    return part / whole if whole else None


def max_drawdown_usdc(results: Iterable[int]) -> int:
    """Return the deepest fall of the running sum below its highest point so far (0 at first)."""
    total = peak = deepest = 0
    for result in results:
        total += result
        peak = max(peak, total)
        deepest = max(deepest, peak - total)
    return deepest


def longest_losing_run(trades: Iterable[SettledTrade]) -> int:
    """Return the largest number of losing trades in a row."""
    longest = run = 0
    for trade in trades:
        run = run + 1 if is_loss(trade) else 0
        longest = max(longest, run)
    return longest


def current_losing_run(trades: Sequence[SettledTrade]) -> int:
    """Return how many of the newest trades lost in a row."""
    run = 0
    for trade in reversed(trades):
        if not is_loss(trade):
            break
        run += 1
    return run


def measure(trades: Sequence[SettledTrade]) -> Metrics:
    """Return the figures over trades given oldest first.

    Source of win rate and return: the published dashboard's daily figures.
    """
    count = len(trades)
    if not count:
        return Metrics()
    wins = sum(trade.grade in WINNING for trade in trades)
    losses = sum(trade.grade in LOSING for trade in trades)
    pnl = sum(trade.pnl_usdc for trade in trades)
    cost = sum(trade.cost_usdc for trade in trades)
    return Metrics(
        trades=count,
        wins=wins,
        losses=losses,
        exits=count - wins - losses,
        win_rate=ratio(wins, count),
        pnl_usdc=pnl,
        fees_usdc=sum(trade.fees_usdc for trade in trades),
        cost_usdc=cost,
        average_pnl_usdc=pnl // count,
        average_cost_usdc=cost // count,
        roi=ratio(pnl * count, cost),
        max_drawdown_usdc=max_drawdown_usdc(trade.pnl_usdc for trade in trades),
        longest_losing_run=longest_losing_run(trades),
    )


def local_time(moment_ns: int, zone: tzinfo) -> datetime:
    """Return a moment on the zone's clock, cut down to the second."""
    return datetime.fromtimestamp(moment_ns // SECOND_NS, tz=zone)


def trading_day(moment_ns: int, zone: tzinfo) -> str:
    """Return the trading day of a moment, as 2026-11-21; it begins at the zone's midnight."""
    return local_time(moment_ns, zone).date().isoformat()


def by_day(trades: Iterable[SettledTrade], zone: tzinfo) -> dict[str, Metrics]:
    """Return the figures of each trading day with a trade, by the moment of settlement."""
    days: dict[str, list[SettledTrade]] = {}
    for trade in trades:
        days.setdefault(trading_day(trade.settled_ns, zone), []).append(trade)
    return {day: measure(days[day]) for day in sorted(days)}
