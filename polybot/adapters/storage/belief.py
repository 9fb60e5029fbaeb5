"""What our books believe of orders, fills, cash and positions: one side of the audit."""

from collections import defaultdict

from peewee import SqliteDatabase

from polybot.adapters.storage.domain_rows import read_fills, read_orders
from polybot.adapters.storage.models import FillRow, VenueOrderRow
from polybot.adapters.storage.statements import execute
from polybot.domain.audit import Belief
from polybot.domain.money import format_usdc
from polybot.domain.order import TERMINAL, Order

REDEMPTION = "redemption"
UNEXPLAINED = "unexplained"
SECOND_NS = 1_000_000_000
# The exchange drops finished orders "after a while"; a day is shorter than any while seen.
FORGOTTEN_AFTER_NS = 86_400 * SECOND_NS

_SHARES = """
    SELECT token_id, SUM(CASE side WHEN 'BUY' THEN size_shares ELSE -size_shares END)
    FROM fill WHERE status <> 'FAILED' GROUP BY token_id"""
_SETTLED = """
    SELECT token_id, MAX(won), SUM(size_shares), SUM(payout_usdc)
    FROM settlement GROUP BY token_id"""
_FLOWS = "SELECT kind, amount_usdc, token_id, size_shares, detail FROM flow ORDER BY id"
FOREIGN = """
    SELECT json_extract(body, '$.subject') FROM event WHERE type = 'DriftFound'
    AND json_extract(body, '$.kind') IN ('foreign_order', 'foreign_fill')"""
# Integer division rounds down, as domain/money does for the positive amounts there are.
_FILLS_CASH = """
    SELECT COALESCE(SUM(CASE side
        WHEN 'BUY' THEN -(price_bps * size_shares / 10000 + fee_usdc)
        ELSE price_bps * size_shares / 10000 - fee_usdc END), 0)
    FROM fill WHERE status <> 'FAILED'"""
_EXTERNAL = """
    SELECT amount_usdc, kind, transaction_hash FROM activity
    WHERE kind <> 'REDEEM' AND amount_usdc <> 0 ORDER BY at_ns DESC, id DESC"""
# Sets that were split or merged by hand, of windows that were not paid out yet.
_SETS = """
    SELECT w.token_up, w.token_down, SUM(a.set_shares) FROM activity a
    JOIN market_window w ON w.condition_id = a.condition_id
    WHERE a.set_shares <> 0 AND a.condition_id NOT IN
        (SELECT condition_id FROM activity WHERE kind = 'REDEEM')
    GROUP BY w.slug"""
_NOW = "SELECT COALESCE(MAX(updated_ns), 0) FROM venue_order"


def read_belief(database: SqliteDatabase, *, newest_orders: int | None = None) -> Belief:
    """Return the belief at one moment of the database.

    `newest_orders` limits orders, and fills from the oldest of them on; cash and positions always
    follow from everything.
    """
    with database.atomic():
        orders = _orders(database, newest_orders)
        since_ns = _since_ns(orders) if newest_orders is not None else 0
        fills = read_fills(database, FillRow.matched_ns >= since_ns)
        held, won, lost = _positions(database)
        cash, notes = read_cash(database)
        return Belief(
            orders={order.venue_order_id: order for order in orders},
            fills={fill.key: fill for fill in fills},
            cash_usdc=cash,
            held=held,
            won=won,
            lost=lost,
            foreign=frozenset(str(row[0]) for row in execute(database, FOREIGN)),
            forgettable=_forgettable(database, orders),
            windows=len({order.slug for order in orders}),
            notes=notes,
            since_ns=since_ns,
        )


def _orders(database: SqliteDatabase, newest: int | None) -> tuple[Order, ...]:
    if newest is None:
        return read_orders(database)
    since = execute(
        database,
        "SELECT created_ns FROM venue_order ORDER BY created_ns DESC LIMIT 1 OFFSET ?",
        (newest - 1,),
    )
    return read_orders(database, VenueOrderRow.created_ns >= (since[0][0] if since else 0))


def _since_ns(orders: tuple[Order, ...]) -> int:
    """Return the whole second the oldest order was made in: trades are told in whole seconds."""
    oldest = min((order.created_ns for order in orders), default=0)
    return oldest - oldest % SECOND_NS


def _positions(
    database: SqliteDatabase,
) -> tuple[dict[str, int], dict[str, int], frozenset[str]]:
    """Return shares held by token, payouts that may still wait by winning token, losing tokens."""
    held: dict[str, int] = defaultdict(int)
    for token_id, shares in execute(database, _SHARES):
        held[token_id] += shares
    redeemed: set[str] = set()
    for kind, _, token_id, size_shares, _ in execute(database, _FLOWS):
        if kind == REDEMPTION:
            redeemed.add(token_id)
        elif token_id:
            held[token_id] += size_shares
    for token_up, token_down, shares in execute(database, _SETS):
        held[token_up] += shares
        held[token_down] += shares
    won: dict[str, int] = {}
    lost: set[str] = set()
    for token_id, did_win, shares, payout in execute(database, _SETTLED):
        held[token_id] -= shares
        if not did_win:
            lost.add(token_id)
        elif token_id not in redeemed:
            won[token_id] = payout
    return {token: shares for token, shares in held.items() if shares}, won, frozenset(lost)


def read_cash(database: SqliteDatabase) -> tuple[int | None, tuple[str, ...]]:
    """Return cash from flows, fills and payouts, and a note on each flow no order of ours made.

    The exchange's activity explains such a flow where it names one of the same amount.
    """
    flows = [row for row in execute(database, _FLOWS) if row[0] != REDEMPTION]
    if not flows:
        return None, ()
    payouts = sum(row[3] for row in execute(database, _SETTLED))
    cash = sum(row[1] for row in flows) + execute(database, _FILLS_CASH)[0][0]
    told = _explanations(database)
    notes = tuple(
        f"${format_usdc(amount)} booked as external: {told[amount].pop() if told[amount] else why}"
        for kind, amount, _, _, why in flows
        if kind == UNEXPLAINED
    )
    return cash + payouts, notes


def _explanations(database: SqliteDatabase) -> dict[int, list[str]]:
    """Return what the exchange's activity names beside redemptions, newest first, by amount."""
    told: dict[int, list[str]] = defaultdict(list)
    for amount, kind, transaction in execute(database, _EXTERNAL):
        of = f" in transaction {transaction}" if transaction else ""
        told[amount].append(f"{kind} by the exchange's activity{of}")
    return told


def _forgettable(database: SqliteDatabase, orders: tuple[Order, ...]) -> frozenset[str]:
    horizon = execute(database, _NOW)[0][0] - FORGOTTEN_AFTER_NS
    return frozenset(
        order.venue_order_id
        for order in orders
        if order.status in TERMINAL and order.created_ns < horizon
    )
