"""What the tracker still has to do: outcomes to ask for, windows to grade."""

from peewee import SqliteDatabase

from polybot.adapters.storage.domain_rows import read_fills, read_orders
from polybot.adapters.storage.json_text import from_text
from polybot.adapters.storage.models import FillRow, VenueOrderRow
from polybot.adapters.storage.statements import execute
from polybot.domain.market import Market, Outcome
from polybot.domain.stored import GradeCase, OpenQuestion, StoredGrade, Summary

_OPEN_QUESTIONS = """
    SELECT w.slug, w.condition_id, w.close_ns, w.asks, w.next_ask_ns
    FROM market_window w LEFT JOIN window_outcome o ON o.slug = w.slug
    WHERE o.slug IS NULL ORDER BY w.close_ns, w.slug"""
TO_GRADE = """
    SELECT w.slug, w.market, o.outcome FROM market_window w
    JOIN window_outcome o ON o.slug = w.slug
    WHERE w.grade_due = 1 ORDER BY w.close_ns, w.slug LIMIT ?"""
_SUMMARIES = "SELECT agent, strategy, looks, holds, entered FROM window_summary WHERE slug = ?"
_GRADES = """
    SELECT agent, strategy, grade, pnl_usdc, fees_usdc, cost_usdc, trades
    FROM window_grade WHERE slug = ? ORDER BY agent"""
_STRATEGIES = "SELECT DISTINCT agent, strategy FROM decision WHERE slug = ?"


def read_open_questions(database: SqliteDatabase) -> list[OpenQuestion]:
    """Return every window without an official outcome, by close."""
    return [OpenQuestion(*row) for row in execute(database, _OPEN_QUESTIONS)]


def read_grade_cases(database: SqliteDatabase, limit: int) -> list[GradeCase]:
    """Return settled windows something has happened to since they were last graded."""
    return [
        _grade_case(database, slug, from_text(market, Market), Outcome(outcome))
        for slug, market, outcome in execute(database, TO_GRADE, (limit,))
    ]


def read_grades(database: SqliteDatabase, slug: str) -> tuple[StoredGrade, ...]:
    """Return a window's grades, by agent."""
    return tuple(StoredGrade(*row) for row in execute(database, _GRADES, (slug,)))


def _grade_case(database: SqliteDatabase, slug: str, market: Market, outcome: Outcome) -> GradeCase:
    summaries = tuple(
        Summary(agent, strategy, looks, from_text(holds, dict[str, int]), bool(entered))
        for agent, strategy, looks, holds, entered in execute(database, _SUMMARIES, (slug,))
    )
    strategies: dict[str, str] = dict(execute(database, _STRATEGIES, (slug,)))
    return GradeCase(
        market=market,
        outcome=outcome,
        orders=read_orders(database, VenueOrderRow.slug == slug),
        fills=read_fills(database, FillRow.slug == slug),
        summaries=summaries,
        strategies=strategies | {summary.agent: summary.strategy for summary in summaries},
        grades=read_grades(database, slug),
    )
