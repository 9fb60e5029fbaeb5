"""Each durable event of each source arrives once, in order, whatever the bus loses or repeats."""

from typing import Any

import msgspec
import pytest

from polybot.messages.codec import decode_body, decode_request, encode, encode_body
from polybot.messages.commands import Acknowledge, Done, ReplayBatch, ReplayFrom
from polybot.messages.envelope import Reply
from polybot.messages.lifecycle import Heartbeat
from polybot.messages.trading import DriftFound
from polybot.runtime.inbox import (
    MALFORMED_LOG_NS,
    REPLAY_RETRY_NS,
    ReplayingInbox,
    content_hash,
)
from tests.fakes import FakeClock, make_envelope

RETRY_S = REPLAY_RETRY_NS / 1e9


def event(number: int) -> DriftFound:
    return DriftFound(kind="k", subject=str(number), detail="")


def payload(number: int, source: str = "trader", session: str = "s1") -> bytes:
    return encode(make_envelope(event(number), source=source, seq=number, session=session))


def beat(last_seq: int, seq: int = 1, session: str = "s1", source: str = "trader") -> bytes:
    body = Heartbeat(process=source, pid=1, last_seq=last_seq, turns=0, progress=0, status="")
    envelope = make_envelope(body, source=source, seq=seq, session=session, durable=False)
    return encode(envelope)


class Receiver:
    """The subscribing side of the bus, which a test fills."""

    def __init__(self) -> None:
        self.payloads: list[bytes] = []

    def take(self) -> list[bytes]:
        taken, self.payloads = self.payloads, []
        return taken


class Asker:
    """The rpc sockets: a test reads the questions and answers them, or does not."""

    def __init__(self) -> None:
        self.replies: list[tuple[str, bytes]] = []
        self.asked: list[tuple[str, Any]] = []

    def ask(self, process: str, payload: bytes) -> None:
        request = decode_request(payload)
        self.asked.append((process, decode_body(request.type, request.body)))

    def take(self) -> list[tuple[str, bytes]]:
        taken, self.replies = self.replies, []
        return taken


class Case:
    """An inbox that hears the trader and the watchdog."""

    def __init__(self, *, begins_anew: bool = True) -> None:
        self.receiver, self.asker, self.clock = Receiver(), Asker(), FakeClock()
        self.inbox = ReplayingInbox(
            "tracker",
            ("trader", "watchdog"),
            receiver=self.receiver,
            asker=self.asker,
            clock=self.clock,
        )
        self.inbox.begins_anew = begins_anew

    def hear(self, *payloads: bytes) -> list[int]:
        self.receiver.payloads += payloads
        return self.take()

    def take(self) -> list[int]:
        return [int(body.subject) for e, body in self.inbox.take() if e.durable]

    def answer(
        self,
        *numbers: int,
        last_seq: int,
        first_kept: int = 1,
        source: str = "trader",
        session: str = "s1",
        fits: bool = True,
        to: int | None = None,
    ) -> None:
        """Answer the last request so far, or the one of a number."""
        batch = ReplayBatch(
            records=tuple(payload(number, source).decode() for number in numbers),
            last_seq=last_seq,
            first_kept=first_kept,
            session=session,
            fits=fits,
        )
        self.reply(batch, source, to)

    def reply(self, body: msgspec.Struct, source: str = "trader", to: int | None = None) -> None:
        request = f"tracker-{len(self.asker.asked) if to is None else to}"
        reply = Reply(id=request, type=type(body).__name__, body=encode_body(body))
        self.asker.replies.append((source, encode(reply)))

    def questions(self) -> list[tuple[str, int]]:
        return [(name, q.seq) for name, q in self.asker.asked if isinstance(q, ReplayFrom)]


def test_events_in_order_are_delivered_at_once() -> None:
    case = Case()
    assert case.hear(payload(1), payload(2)) == [1, 2]
    assert case.inbox.position("trader") == 2
    assert case.inbox.positions() == {"trader": 2, "watchdog": 0}
    assert case.asker.asked == []


def test_a_record_carries_the_hash_of_its_bytes_live_or_replayed() -> None:
    live, replayed = Case(), Case()
    live.receiver.payloads += [payload(1), beat(1)]
    records = live.inbox.take_records()
    assert [digest for _, _, digest in records] == [content_hash(payload(1)), ""]
    replayed.answer(1, last_seq=1)
    assert replayed.inbox.take_records()[0][2] == content_hash(payload(1))


def test_a_repeated_event_is_delivered_once() -> None:
    case = Case()
    assert case.hear(payload(1), payload(1), payload(2), payload(1)) == [1, 2]


def test_a_gap_is_asked_for_and_filled_in_order() -> None:
    case = Case()
    assert case.hear(payload(1), payload(4)) == [1]
    assert case.questions() == [("trader", 2)]
    case.answer(2, 3, 4, last_seq=4)
    assert case.take() == [2, 3, 4]
    assert case.questions() == [("trader", 2)]


def test_out_of_order_is_a_gap_too() -> None:
    case = Case()
    assert case.hear(payload(2), payload(1)) == [1]
    assert case.questions() == [("trader", 2)]


def test_a_heartbeat_shows_a_lost_last_event() -> None:
    case = Case()
    case.hear(payload(1), beat(3))
    assert case.questions() == [("trader", 2)]


def test_a_source_s_gap_holds_no_other_source_up() -> None:
    case = Case()
    got = case.hear(payload(5), payload(1, "watchdog"), payload(2, "watchdog"))
    assert got == [1, 2]
    assert case.questions() == [("trader", 1)]


def test_a_question_is_repeated_only_when_no_answer_came_for_a_while() -> None:
    case = Case()
    case.hear(payload(3))
    for _ in range(5):
        case.take()
    assert len(case.questions()) == 1
    case.clock.advance(RETRY_S)
    case.take()
    assert case.questions() == [("trader", 1)] * 2


def test_a_long_replay_comes_in_batches() -> None:
    case = Case()
    case.hear(payload(7))
    case.answer(1, 2, 3, last_seq=7)
    assert case.take() == [1, 2, 3]
    assert case.questions() == [("trader", 1), ("trader", 4)]
    case.answer(4, 5, 6, 7, last_seq=7)
    assert case.take() == [4, 5, 6, 7]


def test_what_was_published_right_behind_a_batch_fits_and_is_not_asked_for() -> None:
    case = Case()
    case.hear(payload(3))
    case.answer(1, 2, 3, last_seq=3)
    assert case.hear(payload(4), payload(5)) == [1, 2, 3, 4, 5]
    assert len(case.questions()) == 1


def test_an_answer_that_comes_twice_delivers_once() -> None:
    case = Case()
    case.hear(payload(2))
    case.answer(1, 2, last_seq=2)
    case.answer(1, 2, last_seq=2)
    assert case.take() == [1, 2]


def test_a_batch_that_brings_nothing_is_not_asked_for_in_a_circle() -> None:
    case = Case()
    case.hear(beat(5))
    for _ in range(10):
        case.answer(last_seq=5)
        assert case.take() == []
    assert len(case.questions()) == 1
    case.clock.advance(RETRY_S)
    case.take()
    assert len(case.questions()) == 2


def test_events_the_source_no_longer_has_are_skipped_aloud(
    caplog: pytest.LogCaptureFixture,
) -> None:
    case = Case()
    case.hear(payload(9))
    case.answer(7, 8, 9, last_seq=9, first_kept=7)
    assert case.take() == [7, 8, 9]
    assert "events 1 to 6 of trader are no longer in its journal" in caplog.text


def test_a_restart_continues_where_it_was() -> None:
    case = Case()
    case.inbox.resume_from({"trader": 5, "nobody": 3}, {})
    assert case.hear(payload(5), payload(6)) == []
    assert case.questions() == [("trader", 6)]
    case.answer(6, last_seq=6)
    assert case.hear(payload(7)) == [6, 7]
    assert len(case.questions()) == 1
    assert case.inbox.positions() == {"trader": 7, "watchdog": 0}


def test_a_source_s_new_life_goes_on_counting_once_it_has_shown_its_journal() -> None:
    case = Case()
    assert case.hear(payload(1), payload(2, session="s2")) == [1]
    case.answer(2, last_seq=2, session="s2")
    assert case.hear(payload(3, session="s2")) == [2, 3]
    assert len(case.questions()) == 1


@pytest.mark.parametrize(
    "data",
    [b"", b"junk", b"{}", payload(1)[:-1], payload(1).replace(b'"v":1', b'"v":99')],
)
def test_malformed_messages_are_counted_and_harmless(data: bytes) -> None:
    case = Case()
    assert case.hear(data, payload(1)) == [1]
    assert case.inbox.malformed() == 1


def test_malformed_messages_are_said_once_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    case = Case()
    for _ in range(125):
        case.hear(b"junk")
        case.clock.advance(1)
    said = [record.args[0] for record in caplog.records]
    assert len(said) == 3
    assert said[0] == 1
    assert MALFORMED_LOG_NS == 60_000_000_000


def test_a_type_of_a_newer_version_does_not_stop_its_source() -> None:
    case = Case()
    envelope = msgspec.structs.replace(make_envelope(event(1), seq=1), type="Invented")
    assert case.hear(encode(envelope), payload(2)) == [2]
    assert case.inbox.malformed() == 1


def test_replies_to_other_questions_are_ignored() -> None:
    case = Case()
    case.hear(payload(2))
    case.reply(Done())
    case.reply(ReplayBatch(records=(), last_seq=1, first_kept=1, session="s1"), source="stranger")
    case.asker.replies.append(("trader", encode(Reply(id="x", error="busy"))))
    assert case.take() == []
    assert len(case.questions()) == 1


@pytest.mark.parametrize("data", [b"junk", encode(Reply(id="x", type="ReplayBatch"))])
def test_a_malformed_reply_is_counted_and_asked_for_again_later(data: bytes) -> None:
    case = Case()
    case.hear(payload(2))
    case.asker.replies.append(("trader", data))
    case.take()
    assert (case.inbox.malformed(), len(case.questions())) == (1, 1)
    case.clock.advance(RETRY_S)
    case.take()
    assert len(case.questions()) == 2


def test_a_replayed_record_that_cannot_be_read_does_not_hold_up_the_others() -> None:
    case = Case()
    case.hear(payload(3))
    invented = msgspec.structs.replace(make_envelope(event(2), seq=2), type="Invented")
    records = (payload(1), encode(invented), payload(3))
    case.reply(
        ReplayBatch(
            records=tuple(record.decode() for record in records),
            last_seq=3,
            first_kept=1,
            session="s1",
        )
    )
    assert case.take() == [1, 3]
    assert case.inbox.malformed() == 1


def test_lost_volatile_messages_are_counted_within_a_session() -> None:
    case = Case()
    case.hear(beat(0, seq=4), beat(0, seq=5), beat(0, seq=8), beat(0, seq=9, session="s2"))
    assert case.inbox.gaps() == {"trader": 2}


def test_a_source_nobody_asked_for_is_not_heard() -> None:
    case = Case()
    case.receiver.payloads.append(payload(1, "simulator"))
    assert case.inbox.take() == []
    assert case.inbox.malformed() == 0


def test_an_acknowledgement_says_who_has_stored_how_much() -> None:
    case = Case()
    case.inbox.acknowledge("trader", 41)
    assert case.asker.asked == [("trader", Acknowledge(sender="tracker", seq=41))]
