import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from polybot.adapters.storage.schema import EVENTS, TRADING
from polybot.bootstrap.chaos.posted import (
    doubled_entries,
    journaled_bodies,
    open_ends,
    posted_bodies,
    posting_problems,
    settled_windows,
)


def lines(*bodies: str) -> str:
    return "".join(
        json.dumps({"number": number, "request": "POST /order", "body": body}) + "\n"
        for number, body in enumerate(bodies, start=1)
    )


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "ledger.sqlite"
    with closing(sqlite3.connect(path)) as connection, connection:
        for statement in (*EVENTS, *TRADING):
            connection.execute(statement)
    return path


def add(database: Path, table: str, **values: object) -> None:
    with closing(sqlite3.connect(database)) as connection, connection:
        rows = connection.execute(f"PRAGMA table_info({table})").fetchall()
        empty = {name: 0 if kind == "INTEGER" else "" for _, name, kind, *_ in rows if name != "id"}
        row = empty | values
        names, marks = ", ".join(row), ", ".join("?" * len(row))
        connection.execute(
            f"INSERT INTO {table} ({names}) VALUES ({marks})",  # noqa: S608
            tuple(row.values()),
        )


def submitted(database: Path, seq: int, order_id: str, body: str) -> None:
    add(
        database,
        "event",
        source="trader",
        seq=seq,
        type="OrderSubmitted",
        order_id=order_id,
        body=json.dumps({"body": body}),
    )


def test_an_order_posted_once_after_its_record_is_as_it_should_be(
    tmp_path: Path, database: Path
) -> None:
    (tmp_path / "requests.1.jsonl").write_text(lines("a"))
    (tmp_path / "requests.jsonl").write_text(
        '{"started_ns":1}\n' + lines("b") + '{"number":1,"status":200,"wall_ns":2}\n'
    )
    submitted(database, 1, "0xa", "a")
    submitted(database, 2, "0xb", "b")
    posted = posted_bodies(tmp_path)
    assert posted == {"a": 1, "b": 1}
    assert posting_problems(posted, journaled_bodies(database)) == []


def test_an_order_posted_twice_over_two_files_is_found(tmp_path: Path, database: Path) -> None:
    (tmp_path / "requests.1.jsonl").write_text(lines("a"))
    (tmp_path / "requests.jsonl").write_text(lines("a"))
    submitted(database, 1, "0xa", "a")
    problems = posting_problems(posted_bodies(tmp_path), journaled_bodies(database))
    assert problems == ["posted 2 times: order 0xa"]


def test_an_order_posted_without_a_record_is_found(tmp_path: Path, database: Path) -> None:
    (tmp_path / "requests.jsonl").write_text(lines("a"))
    problems = posting_problems(posted_bodies(tmp_path), journaled_bodies(database))
    assert problems == ["posted, but not in our journal: a"]


def test_orders_that_did_not_end_and_intents_without_an_order_are_found(database: Path) -> None:
    add(database, "venue_order", venue_order_id="0x1", intent_id="i-1", status="FILLED")
    add(database, "venue_order", venue_order_id="0x2", intent_id="i-2", status="UNKNOWN")
    add(database, "intent", intent_id="i-1", approved=1, purpose="entry")
    add(database, "intent", intent_id="i-3", approved=1, purpose="exit")
    add(database, "intent", intent_id="i-4", approved=0, purpose="entry")
    assert open_ends(database) == [
        "order 0x2 is still UNKNOWN",
        "intent i-3 (exit) was approved and has no order",
    ]


def test_a_window_bought_by_two_orders_of_one_agent_counts(database: Path) -> None:
    for number, agent in enumerate(("a", "a", "b"), start=1):
        order_id = f"0x{number}"
        add(database, "venue_order", venue_order_id=order_id, agent=agent, slug="w", side="BUY")
        add(database, "fill", trade_id=order_id, venue_order_id=order_id, status="CONFIRMED")
    assert doubled_entries(database) == 1


def test_windows_are_settled_when_their_outcome_is_known(tmp_path: Path, database: Path) -> None:
    assert settled_windows(tmp_path / "absent.sqlite") == 0
    (tmp_path / "empty.sqlite").touch()
    assert settled_windows(tmp_path / "empty.sqlite") == 0
    add(database, "window_outcome", slug="w", outcome="Up")
    assert settled_windows(database) == 1
