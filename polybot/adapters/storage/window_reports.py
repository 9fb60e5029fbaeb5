"""Reads for people: windows with their outcomes and grades, trades, and P&L by day and agent."""

from collections import defaultdict
from datetime import tzinfo

import msgspec
from peewee import SqliteDatabase

from polybot.adapters.storage.statements import Row, execute
from polybot.domain.metrics import trading_day
from polybot.domain.stored import PnlRow, StoredGrade, TradeReport, WindowReport, WindowStatus

WINDOWS = """
    SELECT w.slug, w.series, w.open_ns, w.close_ns, o.outcome, o.provisional
    FROM market_window w LEFT JOIN window_outcome o ON o.slug = w.slug
    WHERE w.close_ns >= ? ORDER BY w.close_ns DESC, w.slug DESC LIMIT ?"""
_GRADES_SINCE = """
    SELECT slug, agent, strategy, grade, pnl_usdc, fees_usdc, cost_usdc, trades
    FROM window_grade WHERE close_ns >= ? ORDER BY agent"""
TRADES = """
    SELECT f.matched_ns, f.slug, f.agent, f.outcome, f.side, COALESCE(o.purpose, ''), f.price_bps,
        f.size_shares, f.fee_usdc, f.is_maker, f.status, f.venue_order_id, f.trade_id
    FROM fill f LEFT JOIN venue_order o ON o.venue_order_id = f.venue_order_id
    WHERE f.matched_ns >= ? ORDER BY f.matched_ns DESC, f.id DESC LIMIT ?"""
RESULTS = """
    SELECT close_ns, agent, strategy, trades, pnl_usdc, fees_usdc, cost_usdc
    FROM window_grade WHERE close_ns >= ? AND trades > 0"""


def read_windows(
    database: SqliteDatabase, *, since_ns: int, now_ns: int, limit: int
) -> list[WindowReport]:
    """Return the windows that close at or after `since_ns`, newest first."""
    grades: dict[str, list[StoredGrade]] = defaultdict(list)
    for slug, *figures in execute(database, _GRADES_SINCE, (since_ns,)):
        grades[slug].append(StoredGrade(*figures))
    return [
        _window(row, tuple(grades.get(row[0], ())), now_ns)
        for row in execute(database, WINDOWS, (since_ns, limit))
    ]


def _window(row: Row, grades: tuple[StoredGrade, ...], now_ns: int) -> WindowReport:
    slug, series, open_ns, close_ns, outcome, provisional = row
    return WindowReport(
        slug=slug,
        series=series,
        open_ns=open_ns,
        close_ns=close_ns,
        status=_status(open_ns, close_ns, now_ns, settled=outcome is not None, graded=bool(grades)),
        outcome=outcome,
        provisional=provisional or "",
        grades=grades,
        pnl_usdc=sum(grade.pnl_usdc for grade in grades),
    )


def _status(
    open_ns: int, close_ns: int, now_ns: int, *, settled: bool, graded: bool
) -> WindowStatus:
    if settled:
        return WindowStatus.GRADED if graded else WindowStatus.SETTLED
    if now_ns >= close_ns:
        return WindowStatus.CLOSED
    return WindowStatus.OPEN if now_ns >= open_ns else WindowStatus.UPCOMING


def read_trades(database: SqliteDatabase, *, since_ns: int, limit: int) -> list[TradeReport]:
    """Return fills matched at or after `since_ns`, newest first."""
    return [
        TradeReport(*(*row[:9], bool(row[9]), *row[10:]))
        for row in execute(database, TRADES, (since_ns, limit))
    ]


class _Sums(msgspec.Struct):
    windows: int = 0
    trades: int = 0
    wins: int = 0
    losses: int = 0
    pnl_usdc: int = 0
    fees_usdc: int = 0
    cost_usdc: int = 0


def read_pnl(database: SqliteDatabase, *, since_ns: int, zone: tzinfo) -> list[PnlRow]:
    """Return P&L by trading day and agent, oldest day first, of windows with trades."""
    sums: dict[tuple[str, str, str], _Sums] = defaultdict(_Sums)
    for close_ns, agent, strategy, trades, pnl, fees, cost in execute(
        database, RESULTS, (since_ns,)
    ):
        row = sums[trading_day(close_ns, zone), agent, strategy]
        row.windows += 1
        row.trades += trades
        row.wins += pnl > 0
        row.losses += pnl < 0
        row.pnl_usdc += pnl
        row.fees_usdc += fees
        row.cost_usdc += cost
    return [
        PnlRow(
            day=day,
            agent=agent,
            strategy=strategy,
            windows=row.windows,
            trades=row.trades,
            wins=row.wins,
            losses=row.losses,
            pnl_usdc=row.pnl_usdc,
            fees_usdc=row.fees_usdc,
            cost_usdc=row.cost_usdc,
        )
        for (day, agent, strategy), row in sorted(sums.items())
    ]
