"""Reads about the wallet: its dollars, its winners that wait, and its activity beside trading."""

from collections.abc import Sequence

from peewee import SqliteDatabase

from polybot.adapters.storage.belief import read_cash
from polybot.adapters.storage.domain_rows import read_orders
from polybot.adapters.storage.json_text import from_text
from polybot.adapters.storage.models import VenueOrderRow
from polybot.adapters.storage.statements import execute
from polybot.domain.activity import ActivityKind
from polybot.domain.market import Market, Outcome
from polybot.domain.order import TERMINAL
from polybot.domain.redemption import (
    Funds,
    HeldToken,
    Resolution,
    Unredeemed,
    unredeemed,
)
from polybot.domain.worst_case import reservation_usdc
from polybot.messages.commands import HeldPosition

# Windows with trades that an agent's average is made of: about a day of one 5 minute series.
RECENT_WINDOWS = 100
# Questions put at one time; SQLite takes a few hundred parameters.
_BATCH = 500

_HELD = """
    SELECT f.slug, f.token_id, f.outcome,
        SUM(CASE f.side WHEN 'BUY' THEN f.size_shares ELSE -f.size_shares END)
    FROM fill f JOIN window_outcome o ON o.slug = f.slug AND o.outcome = f.outcome
    WHERE f.status <> 'FAILED' GROUP BY f.token_id"""
# Integer division rounds down, as domain/money does for the positive amounts there are.
_OPEN = """
    SELECT f.agent, f.slug, f.outcome, f.token_id,
        SUM(CASE f.side WHEN 'BUY' THEN f.size_shares ELSE -f.size_shares END),
        SUM(CASE f.side
            WHEN 'BUY' THEN f.price_bps * f.size_shares / 10000 + f.fee_usdc
            ELSE f.fee_usdc - f.price_bps * f.size_shares / 10000 END)
    FROM fill f LEFT JOIN window_outcome o ON o.slug = f.slug
    WHERE o.slug IS NULL AND f.status <> 'FAILED'
    GROUP BY f.agent, f.token_id ORDER BY f.slug, f.agent"""
_RESOLUTIONS = """
    SELECT slug, outcome, settled_ns FROM window_outcome WHERE slug IN (SELECT slug FROM fill)"""
_PAID_TOKENS = "SELECT token_id FROM flow WHERE kind = 'redemption'"
_PAID_WINDOWS = f"""
    SELECT DISTINCT w.token_up, w.token_down FROM activity a
    JOIN market_window w ON w.condition_id = a.condition_id
    WHERE a.kind = '{ActivityKind.REDEEM.value}'"""  # noqa: S608 (a constant)
_COSTS = """
    SELECT agent, SUM(cost_usdc) / COUNT(*) FROM (
        SELECT agent, cost_usdc,
            ROW_NUMBER() OVER (PARTITION BY agent ORDER BY close_ns DESC) AS newest
        FROM window_grade WHERE trades > 0 AND cost_usdc > 0)
    WHERE newest <= ? GROUP BY agent"""
_MARKET = "SELECT market FROM market_window WHERE slug = ?"
_NEWEST = "SELECT COALESCE(MAX(at_ns), 0) FROM activity"
_FIRST_OPEN = "SELECT COALESCE(MIN(open_ns), 0) FROM market_window"


def read_unredeemed(database: SqliteDatabase, *, now_ns: int) -> tuple[Unredeemed, ...]:
    """Return the winners that wait for their dollars, longest waiting first.

    A payout is known from the token's balance, which the trader watches, or from the exchange's
    activity, which the tracker reads: either is enough.
    """
    positions = [
        HeldToken(slug=slug, token_id=token_id, outcome=Outcome(outcome), size_shares=shares)
        for slug, token_id, outcome, shares in execute(database, _HELD)
    ]
    resolutions = {
        slug: Resolution(outcome=Outcome(outcome), resolved_ns=settled_ns)
        for slug, outcome, settled_ns in execute(database, _RESOLUTIONS)
    }
    paid = {row[0] for row in execute(database, _PAID_TOKENS)}
    paid |= {token for row in execute(database, _PAID_WINDOWS) for token in row}
    return unredeemed(positions, resolutions, paid, now_ns)


def read_funds(database: SqliteDatabase, *, now_ns: int) -> Funds:
    """Return the wallet's dollars at one moment of the database."""
    with database.atomic():
        waiting = read_unredeemed(database, now_ns=now_ns)
        cash_usdc, _ = read_cash(database)
        if cash_usdc is not None:
            # Our books count a payout as cash at once; the exchange, when it is redeemed.
            cash_usdc -= _counted_usdc(database, waiting)
        return Funds(
            cash_usdc=cash_usdc,
            reserved_usdc=_reserved_usdc(database),
            unredeemed=waiting,
            window_cost_usdc=dict(execute(database, _COSTS, (RECENT_WINDOWS,))),
        )


def read_open_positions(database: SqliteDatabase) -> tuple[HeldPosition, ...]:
    """Return each agent's shares in windows that have no official outcome."""
    return tuple(
        HeldPosition(
            agent=agent,
            slug=slug,
            outcome=outcome,
            token_id=token_id,
            size_shares=shares,
            sellable_shares=0,
            cost_usdc=cost,
        )
        for agent, slug, outcome, token_id, shares, cost in execute(database, _OPEN)
        if shares
    )


def read_known_activity(database: SqliteDatabase, keys: Sequence[str]) -> set[str]:
    """Return which of these rows of activity are stored."""
    known: set[str] = set()
    for start in range(0, len(keys), _BATCH):
        batch = keys[start : start + _BATCH]
        marks = ",".join("?" * len(batch))
        sql = f"SELECT key FROM activity WHERE key IN ({marks})"  # noqa: S608 (only marks)
        known |= {row[0] for row in execute(database, sql, batch)}
    return known


def read_slugs(database: SqliteDatabase, condition_ids: Sequence[str]) -> dict[str, str]:
    """Return the slugs of our windows by condition id; others are left out."""
    found: dict[str, str] = {}
    for start in range(0, len(condition_ids), _BATCH):
        batch = condition_ids[start : start + _BATCH]
        marks = ",".join("?" * len(batch))
        sql = f"SELECT condition_id, slug FROM market_window WHERE condition_id IN ({marks})"  # noqa: S608
        found |= dict(execute(database, sql, batch))
    return found


def read_activity_since_ns(database: SqliteDatabase) -> int:
    """Return the time of the newest stored activity, that of our first window while none is."""
    newest = int(execute(database, _NEWEST)[0][0])
    return newest or int(execute(database, _FIRST_OPEN)[0][0])


def _counted_usdc(database: SqliteDatabase, waiting: Sequence[Unredeemed]) -> int:
    settled: dict[str, int] = dict(
        execute(
            database,
            "SELECT token_id, SUM(payout_usdc) FROM settlement WHERE won = 1 GROUP BY token_id",
        )
    )
    return sum(settled.get(winner.token_id, 0) for winner in waiting)


def _reserved_usdc(database: SqliteDatabase) -> int:
    terminal = [status.value for status in TERMINAL]
    reserved = 0
    for order in read_orders(database, VenueOrderRow.status.not_in(terminal)):
        rows = execute(database, _MARKET, (order.slug,))
        if rows:
            reserved += reservation_usdc(order, from_text(rows[0][0], Market).fee)
    return reserved
