"""Everything the database knows about one window or one order, in time order."""

from typing import Any

from peewee import SqliteDatabase

from polybot.adapters.storage.json_text import from_text
from polybot.adapters.storage.statements import Row, execute
from polybot.domain.stored import ExplainEntry, Explanation
from polybot.errors import InvalidValue

# Shorter prefixes of an order id match too much to mean one order.
SHORTEST_PREFIX = 4

_COLUMNS = "ts_event, ts_init, source, seq, type, order_id, body"
OF_WINDOW = f"SELECT {_COLUMNS} FROM event WHERE slug = ? AND slug <> '' ORDER BY ts_init, id"  # noqa: S608
# An order's own events, those of the decision and the intent behind it, and what its window became.
_OF_ORDER = f"""
    SELECT {_COLUMNS} FROM event WHERE id IN (
        SELECT id FROM event WHERE order_id = ?1 AND order_id <> ''
        UNION SELECT id FROM event WHERE decision_id = ?2 AND decision_id <> ''
        UNION SELECT id FROM event WHERE slug = ?3 AND slug <> ''
            AND type IN ('WindowSettled', 'WindowGraded', 'PositionSettled')
            AND (type = 'WindowSettled' OR json_extract(body, '$.agent') = ?4))
    ORDER BY ts_init, id"""  # noqa: S608
_FIND_ORDER = """
    SELECT venue_order_id, decision_id, slug, agent FROM venue_order
    WHERE venue_order_id = ?1 OR intent_id = ?1
        OR (venue_order_id >= ?1 AND venue_order_id < ?2) OR (intent_id >= ?1 AND intent_id < ?2)
    ORDER BY venue_order_id LIMIT 11"""
_FIND_WINDOW = "SELECT slug FROM event WHERE slug = ? AND slug <> '' LIMIT 1"


def explain(database: SqliteDatabase, key: str) -> Explanation | None:
    """Return what is known about a slug, or about an order by its id, its intent or a prefix.

    None when nothing matches; raises InvalidValue, naming them, when several orders do.
    """
    if execute(database, _FIND_WINDOW, (key,)):
        return Explanation("window", key, key, _entries(execute(database, OF_WINDOW, (key,))))
    if len(key) < SHORTEST_PREFIX:
        return None
    found = execute(database, _FIND_ORDER, (key, key + "\U0010ffff"))
    exact = [row for row in found if row[0] == key]
    matches = exact or found
    if not matches:
        return None
    if len(matches) > 1:
        names = ", ".join(str(row[0]) for row in matches[:10])
        raise InvalidValue(f"expected the start of one order's id, was {key!r}, which fits {names}")
    order_id, decision_id, slug, agent = matches[0]
    rows = execute(database, _OF_ORDER, (order_id, decision_id, slug, agent))
    return Explanation("order", order_id, slug, _entries(rows))


def _entries(rows: list[Row]) -> tuple[ExplainEntry, ...]:
    return tuple(
        ExplainEntry(
            ts_ns=row[0],
            recorded_ns=row[1],
            source=row[2],
            seq=row[3],
            type=row[4],
            order_id=row[5],
            body=from_text(row[6], dict[str, Any]),
        )
        for row in rows
    )
