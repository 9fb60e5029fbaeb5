"""What our books believe of orders, fills, cash and positions: one side of the audit."""

from collections import defaultdict
from collections.abc import Iterable

from peewee import SqliteDatabase

from polybot.adapters.storage.audit_extent import choose
from polybot.adapters.storage.domain_rows import read_fills
from polybot.adapters.storage.models import FillRow
from polybot.adapters.storage.statements import execute
from polybot.domain.audit import EVERYTHING, AuditExtent, Belief
from polybot.domain.money import format_usdc
from polybot.domain.order import TERMINAL, Order

REDEMPTION = "redemption"
UNEXPLAINED = "unexplained"
SHARES = "shares"
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
    AND json_extract(body, '$.kind') IN ('foreign_order', 'foreign_order_event', 'foreign_fill')"""
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
# Shares that the trader booked as external, and whether their window has an outcome.
_BY_HAND = """
    SELECT f.token_id, SUM(f.size_shares), MAX(o.slug IS NOT NULL) FROM flow f
    LEFT JOIN market_window w ON f.token_id IN (w.token_up, w.token_down)
    LEFT JOIN window_outcome o ON o.slug = w.slug
    WHERE f.kind = 'shares' GROUP BY f.token_id"""
_ORDER_COUNTS = "SELECT COUNT(*), COUNT(DISTINCT slug) FROM venue_order"
_FILL_COUNT = "SELECT COUNT(*) FROM fill"
_NOW = "SELECT COALESCE(MAX(updated_ns), 0) FROM venue_order"


def read_belief(
    database: SqliteDatabase, extent: AuditExtent = EVERYTHING, also: Iterable[str] = ()
) -> Belief:
    """Return the belief at one moment of the database.

    `extent` limits orders, and fills from the oldest of them on; cash and positions always follow
    from everything. Orders of `also` are in it whenever they are ours.
    """
    with database.atomic():
        chosen = choose(database, extent, also)
        orders = chosen.orders
        fills = read_fills(database, FillRow.matched_ns >= chosen.since_ns)
        held, won, lost = _positions(database)
        cash, notes = read_cash(database)
        [(all_orders, all_windows)] = execute(database, _ORDER_COUNTS)
        [(all_fills,)] = execute(database, _FILL_COUNT)
        return Belief(
            orders={order.venue_order_id: order for order in orders},
            fills={fill.key: fill for fill in fills},
            cash_usdc=cash,
            held=held,
            won=won,
            lost=lost,
            foreign=frozenset(str(row[0]) for row in execute(database, FOREIGN)),
            external=_external(database),
            forgettable=_forgettable(database, orders),
            windows=all_windows,
            notes=notes,
            since_ns=chosen.since_ns,
            all_orders=all_orders,
            all_fills=all_fills,
            through=chosen.through,
        )


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
        elif token_id and kind != SHARES:
            held[token_id] += size_shares
    for token_id, shares in _external_shares(database).items():
        held[token_id] += shares
    won: dict[str, int] = {}
    lost: set[str] = set()
    for token_id, did_win, shares, payout in execute(database, _SETTLED):
        held[token_id] -= shares
        if not did_win:
            lost.add(token_id)
        elif token_id not in redeemed:
            won[token_id] = payout
    return {token: shares for token, shares in held.items() if shares}, won, frozenset(lost)


def _external_shares(database: SqliteDatabase) -> dict[str, int]:
    """Return what no order of ours moved, by token: as the trader saw it, else by split or merge.

    Once a window has its outcome such shares are paid out too, and nobody here is told when.
    """
    shares: dict[str, int] = {}
    for token_up, token_down, moved in execute(database, _SETS):
        for token_id in (token_up, token_down):
            shares[token_id] = shares.get(token_id, 0) + moved
    for token_id, moved, is_over in execute(database, _BY_HAND):
        shares[token_id] = 0 if is_over else moved
    return shares


def _external(database: SqliteDatabase) -> frozenset[str]:
    return frozenset(str(row[0]) for row in execute(database, _BY_HAND) if row[2])


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
