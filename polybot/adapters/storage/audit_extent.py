"""Which orders an audit compares one by one: those that changed since the last one that agreed."""

from collections.abc import Iterable

import msgspec
from peewee import SqliteDatabase

from polybot.adapters.storage.domain_rows import read_orders
from polybot.adapters.storage.models import VenueOrderRow
from polybot.adapters.storage.statements import execute
from polybot.domain.audit import AuditExtent, AuditPoint
from polybot.domain.order import TERMINAL, Order

SECOND_NS = 1_000_000_000
# Trades reach us late: what was matched just before the last audit is looked at again.
OVERLAP_NS = 600 * SECOND_NS
# SQLite takes only so many values in one statement.
_STEP = 500

_NOW = "SELECT COALESCE(MAX(updated_ns), 0) FROM venue_order"
_NEWEST_SEQ = "SELECT COALESCE(MAX(seq), 0) FROM source_position WHERE source = 'trader'"
_TOUCHED = """
    SELECT order_id, MIN(seq) AS first FROM event
    WHERE source = 'trader' AND seq > ? AND order_id <> ''
    GROUP BY order_id ORDER BY first"""
_UNSETTLED = "SELECT DISTINCT venue_order_id FROM fill WHERE status NOT IN ('CONFIRMED', 'FAILED')"
# Each audit says how far its row has come; what was stored before a rebuild is not believed.
_LAST = """
    SELECT type, json_extract(body, '$.through_seq'), json_extract(body, '$.through_ns'),
        json_extract(body, '$.since_seq')
    FROM event WHERE source = 'tracker' AND type IN ('AuditCompleted', 'DatabaseRebuilt')
    ORDER BY seq DESC LIMIT 1"""


class Chosen(msgspec.Struct, frozen=True):
    """The orders to compare, the moment trades are compared from (0: all), and how far that is."""

    orders: tuple[Order, ...]
    since_ns: int
    through: AuditPoint


def read_audit_point(database: SqliteDatabase) -> AuditPoint | None:
    """Return how far the newest audit's row has come, None when none agreed yet."""
    for kind, seq, at_ns, since_seq in execute(database, _LAST):
        if kind == "AuditCompleted" and seq:
            return AuditPoint(seq=seq, at_ns=at_ns or 0, since_seq=since_seq or 0)
    return None


def choose(database: SqliteDatabase, extent: AuditExtent, also: Iterable[str] = ()) -> Chosen:
    """Return the orders of an extent, and of `also` those that are ours."""
    [(seq,)], [(now_ns,)] = execute(database, _NEWEST_SEQ), execute(database, _NOW)
    since = extent.since
    touched = execute(database, _TOUCHED, (since.seq if since else 0,))
    left_out = 0
    if extent.most is not None and len(touched) > extent.most:
        left_out = len(touched) - extent.most
    if since is None and not left_out:
        orders = read_orders(database)
        return Chosen(orders, 0, AuditPoint(seq=seq, at_ns=now_ns))
    ids = {row[0] for row in touched[left_out:]} | _pending(database) | set(also)
    orders = _orders(database, ids)
    begins_after = touched[left_out][1] - 1 if left_out else since.since_seq if since else 0
    return Chosen(
        orders,
        _since_ns(orders, since),
        AuditPoint(seq=seq, at_ns=now_ns, since_seq=begins_after),
    )


def _pending(database: SqliteDatabase) -> set[str]:
    """Return the orders about which the exchange may still say more."""
    table = VenueOrderRow
    over = [status.value for status in TERMINAL]
    query = table.select(table.venue_order_id).where(table.status.not_in(over))
    open_orders = {row[0] for row in query.tuples().execute(database)}
    return open_orders | {row[0] for row in execute(database, _UNSETTLED)}


def _orders(database: SqliteDatabase, ids: set[str]) -> tuple[Order, ...]:
    wanted = sorted(ids)
    found = [
        order
        for start in range(0, len(wanted), _STEP)
        for order in read_orders(
            database, VenueOrderRow.venue_order_id.in_(wanted[start : start + _STEP])
        )
    ]
    return tuple(sorted(found, key=lambda order: (order.created_ns, order.venue_order_id)))


def _since_ns(orders: tuple[Order, ...], since: AuditPoint | None) -> int:
    """Return the whole second trades are compared from: they are told in whole seconds."""
    moments = [order.created_ns for order in orders]
    if since is not None:
        moments.append(max(0, since.at_ns - OVERLAP_NS))
    oldest = min(moments, default=0)
    return oldest - oldest % SECOND_NS
