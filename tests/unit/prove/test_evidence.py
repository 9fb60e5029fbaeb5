"""The evidence is read a little at a time and comes out whole."""

import json
import sqlite3
from pathlib import Path

from polybot.messages.codec import encode
from polybot.messages.trading import OrderStatusChanged
from polybot.runtime.journal import Journal, JournalSettings
from tests.fakes import make_envelope
from tests.prove.evidence import Database, Evidence, Requests
from tests.prove.evidence import Journal as Read
from tests.story import bought, opening, order_at
from tests.unit.prove.books import BODY, STOP, reconciled, stopped, take, unanswered, with_body

SMALL = JournalSettings(segment_bytes=8 << 10, reserve_bytes=8 << 10)


def written(directory: Path, events: list[object]) -> Journal:
    journal = Journal.open(directory, settings=SMALL)
    for event in events:
        journal.append(encode(make_envelope(event, seq=journal.last_seq + 1)))
    return journal


def test_a_journal_is_read_up_to_what_is_synced_and_then_on(tmp_path: Path) -> None:
    journal = written(tmp_path, [opening(), *with_body(bought())])
    read = Read(tmp_path)
    journal.sync()
    assert [envelope.seq for envelope, _ in read.read(3)] == [1, 2, 3]
    assert next(envelope.seq for envelope, _ in read.read(journal.last_seq)) == 4
    assert read.read(journal.last_seq) == []
    assert not read.damage
    journal.close()


def test_records_trimmed_before_they_were_read_are_missed_aloud(tmp_path: Path) -> None:
    journal = written(tmp_path, [opening()] * 80)
    journal.sync()
    read = Read(tmp_path)
    read.read(1)
    assert journal.trim(journal.last_seq)
    read.read(journal.last_seq)
    assert "trimmed past 1" in read.damage
    journal.close()


def test_requests_are_read_by_whole_lines_and_by_lives(tmp_path: Path) -> None:
    path = tmp_path / "requests.jsonl"
    requests = Requests(path)
    requests.read()
    assert requests.posts == []
    lines = [
        {"started_ns": 1},
        {"number": 1, "wall_ns": 2, "market_ns": 0, "request": "GET /data/orders"},
        {"number": 2, "wall_ns": 3, "market_ns": 0, "request": "POST /order", "body": BODY},
        {"number": 2, "wall_ns": 4, "status": 200, "error": "", "fault": ""},
        {"started_ns": 5},
        {"number": 2, "wall_ns": 6, "market_ns": 0, "request": "POST /order", "body": "other"},
    ]
    text = "".join(json.dumps(line) + "\n" for line in lines)
    path.write_text(text[:-9])
    requests.read()
    assert [post.body for post in requests.posts] == [BODY]
    assert requests.status_of(requests.posts[0]) == 200
    path.write_text(text)
    requests.read()
    assert [(post.life, post.body) for post in requests.posts] == [(1, BODY), (2, "other")]
    assert requests.status_of(requests.posts[1]) is None, "numbers begin anew with each life"


def test_the_database_is_read_on_and_tells_what_is_there_twice(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    database = Database(path)
    database.read()
    connection = sqlite3.connect(path)
    connection.execute(
        "CREATE TABLE event (id INTEGER PRIMARY KEY, source, seq, session, type, ts_init, body)"
    )
    connection.execute("CREATE TABLE conflict (detail)")
    insert = "INSERT INTO event (source, seq, session, type, ts_init, body) VALUES (?,?,?,?,?,?)"
    connection.execute(insert, ("trader", 1, "s1", "A", 5, "{}"))
    connection.commit()
    database.read()
    assert database.events == {"trader": {1: ("s1", "A", 5, "{}")}}
    connection.execute(insert, ("trader", 1, "s2", "B", 6, "{}"))
    connection.execute("INSERT INTO conflict VALUES ('the same number')")
    connection.commit()
    database.read()
    assert (database.twice, database.conflicts) == (["trader 1"], ["the same number"])
    connection.close()


def test_a_session_knows_when_it_reconciled_decided_and_what_was_stopped(tmp_path: Path) -> None:
    evidence = Evidence.of(tmp_path)
    take(evidence, [opening(), reconciled(), stopped(STOP)])
    take(evidence, [stopped(STOP), reconciled(), *with_body(bought())], session="s2")
    first, second = evidence.trader.sessions
    assert (first.reconciled_seq, first.deciding_seq) == (2, 0)
    assert (second.first_seq, second.reconciled_seq, second.deciding_seq) == (4, 5, 7)
    assert second.claims_before == second.claims_told == (STOP,)


def test_an_order_is_in_flight_until_its_final_answer(tmp_path: Path) -> None:
    evidence = Evidence.of(tmp_path)
    take(evidence, unanswered())
    assert [order.venue_order_id for order in evidence.trader.in_flight("s1")] == [
        order_at().venue_order_id
    ]
    assert evidence.trader.in_flight("s2") == [], "only what the killed life had sent counts"
    rest = with_body(bought())
    answer = next(event for event in rest if isinstance(event, OrderStatusChanged))
    take(evidence, [answer])
    assert evidence.trader.in_flight("s1") == []
