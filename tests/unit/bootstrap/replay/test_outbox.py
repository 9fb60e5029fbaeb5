"""Every event a replay records is held against the journal's next one."""

from collections.abc import Iterator

from polybot.bootstrap.replay.journal import SessionEvents
from polybot.bootstrap.replay.outbox import ComparingOutbox
from polybot.messages.codec import encode, encode_body
from polybot.messages.envelope import Envelope
from polybot.messages.lifecycle import ProcessStopped
from polybot.messages.trading import DriftFound
from tests.fakes import FakeClock

WALL = FakeClock().now_ns()


def drift(subject: str) -> DriftFound:
    return DriftFound(kind="k", subject=subject, detail="d")


def journaled(*events: DriftFound | ProcessStopped) -> SessionEvents:
    def read() -> Iterator[tuple[Envelope, bytes]]:
        for seq, event in enumerate(events, 8):
            envelope = Envelope(
                type=type(event).__name__,
                source="trader",
                session="s1",
                seq=seq,
                durable=True,
                ts_event=5,
                ts_init=WALL,
                correlation_id="c",
                body=encode_body(event),
            )
            yield envelope, encode(envelope)

    return SessionEvents(read())


def outbox(*events: DriftFound | ProcessStopped) -> ComparingOutbox:
    return ComparingOutbox("s1", 7, journaled(*events), FakeClock())


def test_the_same_event_is_the_same_bytes() -> None:
    box = outbox(drift("a"), drift("b"))
    for subject in "ab":
        box.record(drift(subject), ts_event=5, correlation_id="c")
    assert (box.same, box.difference, box.last_seq()) == (2, None, 9)
    box.expect_seq(9)
    assert box.difference is None


def test_another_event_is_a_difference_and_ends_the_comparison() -> None:
    box = outbox(drift("a"), drift("b"))
    box.record(drift("x"), ts_event=5, correlation_id="c")
    box.record(drift("y"), ts_event=5, correlation_id="c")
    assert box.difference is not None
    assert box.difference.seq == 8
    assert [field.path for field in box.difference.fields] == ["body.subject"]
    assert box.same == 0


def test_even_a_moment_differs() -> None:
    box = outbox(drift("a"))
    box.record(drift("a"), ts_event=6, correlation_id="c")
    assert box.difference is not None
    assert [field.path for field in box.difference.fields] == ["ts_event"]


def test_an_event_the_journal_does_not_have_is_a_difference() -> None:
    box = outbox()
    box.record(drift("a"), ts_event=5)
    assert box.difference is not None
    assert box.difference.recorded is None


def test_an_event_that_did_not_come_is_a_difference_of_its_turn() -> None:
    box = outbox(drift("a"))
    box.expect_seq(8)
    assert box.difference is not None
    assert (box.difference.seq, box.difference.recomputed) == (8, None)
    assert box.difference.recorded is not None


def test_what_the_process_records_itself_is_stepped_over() -> None:
    box = outbox(ProcessStopped(process="trader", pid=1, reason="asked to stop"), drift("b"))
    box.step_over("ProcessStarted")
    box.step_over("ProcessStopped")
    box.record(drift("b"), ts_event=5, correlation_id="c")
    assert (box.same, box.difference) == (1, None)
