"""A session's events are read from the journal, with the signatures of its orders."""

from pathlib import Path

import pytest

from polybot.bootstrap.replay.journal import SessionJournal
from polybot.errors import StorageError
from polybot.messages.codec import encode
from polybot.messages.trading import DriftFound, OrderSubmitted
from polybot.runtime.journal import Journal, JournalSettings
from polybot.runtime.journal_segment import list_segments
from tests.fakes import make_envelope
from tests.story import order_at

BODY = '{"order":{"salt":1,"signature":"0xabc"},"owner":"key"}'


def write(directory: Path, sessions: dict[str, int], segment_bytes: int = 1 << 20) -> None:
    journal = Journal.open(directory, settings=JournalSettings(segment_bytes=segment_bytes))
    seq = 0
    for session, count in sessions.items():
        for _ in range(count):
            seq += 1
            drift = DriftFound(kind="k", subject=str(seq), detail="d" * 200)
            journal.append(encode(make_envelope(drift, seq=seq, session=session)))
    journal.sync()
    journal.close()


def seqs(journal: SessionJournal) -> list[int]:
    events, found = journal.events(), []
    while (event := events.take()) is not None:
        found.append(event[0].seq)
    return found


def test_a_session_is_what_follows_its_beginning_up_to_the_next_one(tmp_path: Path) -> None:
    write(tmp_path, {"s1": 2, "s2": 3, "s3": 1})
    assert seqs(SessionJournal(tmp_path, "s2", 2)) == [3, 4, 5]
    assert seqs(SessionJournal(tmp_path, "s3", 5)) == [6]


def test_the_next_event_can_be_seen_before_it_is_taken(tmp_path: Path) -> None:
    write(tmp_path, {"s1": 1})
    events = SessionJournal(tmp_path, "s1", 0).events()
    seen = events.peek()
    assert seen is not None
    assert events.take() == seen
    assert (events.peek(), events.take()) == (None, None)


def test_signatures_are_known_by_the_order_s_hash(tmp_path: Path) -> None:
    journal = Journal.open(tmp_path)
    order = order_at()
    submitted = OrderSubmitted(order=order, decision_id="d-1", body=BODY)
    journal.append(encode(make_envelope(submitted, seq=1, session="s1")))
    journal.sync()
    journal.close()
    assert SessionJournal(tmp_path, "s1", 0).signatures == {order.venue_order_id: "0xabc"}


def test_a_journal_without_the_session_s_beginning_is_refused(tmp_path: Path) -> None:
    write(tmp_path, {"s1": 60}, segment_bytes=8_192)
    first, second, *_ = list_segments(tmp_path)
    first.path.unlink()
    with pytest.raises(StorageError, match=rf"event 1 of session s1 .* was {second.first_seq}"):
        SessionJournal(tmp_path, "s1", 0)
    assert seqs(SessionJournal(tmp_path, "s1", second.first_seq - 1))[-1] == 60


def test_a_hole_in_the_session_is_refused(tmp_path: Path) -> None:
    write(tmp_path, {"s1": 60}, segment_bytes=8_192)
    _, second, *_ = list_segments(tmp_path)
    second.path.unlink()
    with pytest.raises(StorageError, match="the journal was trimmed"):
        SessionJournal(tmp_path, "s1", 0)
