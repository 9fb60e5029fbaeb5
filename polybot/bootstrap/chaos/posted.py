"""Compares what the exchange was asked with what our journal said before: each order once."""

import json
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Final

POST: Final = "POST /order"
# The other way to post, of which the trader has no need; it would hide orders from this check.
POST_MANY: Final = "POST /orders"
ENDED: Final = ("FILLED", "CANCELED", "EXPIRED", "REJECTED", "NOT_PLACED", "DENIED")


def posted_bodies(simulator_dir: Path) -> Counter[str]:
    """Return how often each body was posted, by the exchange's journal of requests."""
    return Counter(
        str(line["body"])
        for line in _lines(simulator_dir)
        if line.get("request") in (POST, POST_MANY)
    )


def journaled_bodies(database: Path) -> dict[str, str]:
    """Return the order id behind each body that was journaled before it was sent."""
    rows = _rows(database, "SELECT order_id, body FROM event WHERE type = 'OrderSubmitted'")
    return {json.loads(body)["body"]: order_id for order_id, body in rows}


def posting_problems(posted: Counter[str], journaled: dict[str, str]) -> list[str]:
    """Return every order that was posted twice, or without a record of it in our journal."""
    problems = []
    for body, times in posted.items():
        order_id = journaled.get(body)
        if order_id is None:
            problems.append(f"posted, but not in our journal: {body[:200]}")
        elif times > 1:
            problems.append(f"posted {times} times: order {order_id}")
    return problems


def open_ends(database: Path) -> list[str]:
    """Return the orders that have not ended, and the approved intents without an order."""
    marks = ", ".join("?" * len(ENDED))
    orders = _rows(
        database,
        f"SELECT venue_order_id, status FROM venue_order WHERE status NOT IN ({marks})",  # noqa: S608
        *ENDED,
    )
    intents = _rows(
        database,
        "SELECT intent_id, purpose FROM intent WHERE approved = 1"
        " AND intent_id NOT IN (SELECT intent_id FROM venue_order)",
    )
    return [f"order {order_id} is still {status}" for order_id, status in orders] + [
        f"intent {intent_id} ({purpose}) was approved and has no order"
        for intent_id, purpose in intents
    ]


def doubled_entries(database: Path) -> int:
    """Count the windows in which more than one entry of an agent bought and kept what it bought."""
    return len(
        _rows(
            database,
            "SELECT venue_order.agent, venue_order.slug FROM venue_order JOIN fill"
            " ON fill.venue_order_id = venue_order.venue_order_id"
            " WHERE venue_order.side = 'BUY' AND fill.status <> 'FAILED'"
            " GROUP BY venue_order.agent, venue_order.slug"
            " HAVING count(DISTINCT venue_order.venue_order_id) > 1",
        )
    )


def settled_windows(database: Path) -> int:
    """Count the windows whose outcome is known."""
    if not database.exists():
        return 0
    try:
        return int(_rows(database, "SELECT count(*) FROM window_outcome")[0][0])
    except sqlite3.OperationalError:
        # Its tables are made a moment after the file.
        return 0


def _lines(simulator_dir: Path) -> Iterator[dict[str, object]]:
    for path in sorted(simulator_dir.glob("requests*.jsonl"), reverse=True):
        with path.open() as file:
            for line in file:
                yield json.loads(line)


def _rows(database: Path, query: str, *values: str) -> list[tuple[str, ...]]:
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        return connection.execute(query, values).fetchall()
