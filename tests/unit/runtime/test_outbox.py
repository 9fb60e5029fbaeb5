"""Nothing is said before it is durable, and what is said is what the journal holds."""

from pathlib import Path

import pytest

from polybot.errors import DiskFull, FatalError
from polybot.messages.codec import decode_body, decode_envelope
from polybot.messages.commands import Done
from polybot.messages.lifecycle import Heartbeat
from polybot.runtime.journal import Journal
from polybot.runtime.outbox import JournaledOutbox
from tests.fakes import FakeClock
from tests.story import opening, paid_out, settled


class Bus:
    """Keeps what was sent, and how much of the journal was synced at that moment."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self.sent: list[tuple[bytes, bytes]] = []
        self.synced: list[int] = []

    def send(self, topic: bytes, payload: bytes) -> None:
        self.sent.append((topic, payload))
        self.synced.append(self._journal.synced_seq)


class Case:
    """An outbox over a real journal."""

    def __init__(self, directory: Path) -> None:
        self.clock = FakeClock()
        self.journal = Journal.open(directory)
        self.bus = Bus(self.journal)
        self.outbox = JournaledOutbox(
            "trader", "s1", journal=self.journal, sender=self.bus, clock=self.clock
        )


@pytest.fixture
def case(tmp_path: Path) -> Case:
    made = Case(tmp_path)
    yield made
    made.journal.close()


def beat(turns: int) -> Heartbeat:
    return Heartbeat(process="trader", pid=1, last_seq=0, turns=turns, progress=0, status="")


def test_a_recorded_event_is_silent_until_it_is_committed(case: Case) -> None:
    case.outbox.record(opening())
    assert (case.bus.sent, case.journal.synced_seq) == ([], 0)
    case.outbox.commit()
    assert len(case.bus.sent) == 1


def test_events_go_out_in_order_each_after_its_own_sync(case: Case) -> None:
    for event in (opening(), paid_out(), settled()):
        case.outbox.record(event)
    case.outbox.commit()
    topics = [topic for topic, _ in case.bus.sent]
    assert topics == [b"d.ExternalFlowBooked", b"d.PositionSettled", b"d.WindowSettled"]
    assert case.bus.synced == [3, 3, 3]


def test_bus_and_journal_carry_the_same_bytes(case: Case) -> None:
    for event in (opening(), paid_out()):
        case.outbox.record(event)
    case.outbox.commit()
    assert case.journal.payloads_from(1, 10) == [payload for _, payload in case.bus.sent]


def test_an_event_is_published_once(case: Case) -> None:
    case.outbox.record(opening())
    for _ in range(3):
        case.outbox.commit()
    assert len(case.bus.sent) == 1


def test_the_envelope_says_who_what_when_and_why(case: Case) -> None:
    envelope = case.outbox.record(paid_out(), ts_event=5, correlation_id="i-1")
    case.outbox.commit()
    sent = decode_envelope(case.bus.sent[0][1])
    assert sent == envelope
    assert (sent.type, sent.source, sent.session, sent.seq, sent.durable) == (
        "PositionSettled",
        "trader",
        "s1",
        1,
        True,
    )
    assert (sent.ts_event, sent.ts_init, sent.correlation_id) == (5, case.clock.now_ns(), "i-1")
    assert decode_body(sent.type, sent.body) == paid_out()


def test_without_a_time_of_its_own_an_event_happened_now(case: Case) -> None:
    assert case.outbox.record(opening()).ts_event == case.clock.now_ns()


def test_numbers_are_the_journal_s_and_go_on_in_the_next_life(tmp_path: Path) -> None:
    first = Case(tmp_path)
    assert first.outbox.last_seq() == 0
    assert [first.outbox.record(opening()).seq for _ in range(3)] == [1, 2, 3]
    first.outbox.commit()
    first.journal.close()
    second = Case(tmp_path)
    assert second.outbox.last_seq() == 3
    assert second.outbox.record(opening()).seq == 4
    second.journal.close()


def test_a_volatile_message_goes_out_at_once_and_is_not_journaled(case: Case) -> None:
    for turns in range(3):
        case.outbox.say(beat(turns))
    case.outbox.commit()
    sent = [decode_envelope(payload) for _, payload in case.bus.sent]
    assert [(e.seq, e.durable) for e in sent] == [(1, False), (2, False), (3, False)]
    assert case.bus.sent[0][0] == b"v.Heartbeat"
    assert case.journal.last_seq == 0


def test_a_volatile_message_overtakes_what_is_not_durable_yet(case: Case) -> None:
    case.outbox.record(opening())
    case.outbox.say(beat(1))
    case.outbox.commit()
    assert [topic[:2] for topic, _ in case.bus.sent] == [b"v.", b"d."]


def test_it_knows_how_long_the_oldest_event_has_waited(case: Case) -> None:
    assert case.outbox.unsynced_for_ns() == 0
    case.outbox.record(opening())
    case.clock.advance(0.01)
    case.outbox.record(opening())
    case.clock.advance(0.01)
    assert case.outbox.unsynced_for_ns() == 20_000_000
    case.outbox.commit()
    assert case.outbox.unsynced_for_ns() == 0


class BrokenDisk:
    """A journal whose sync fails."""

    last_seq = 0

    def append(self, payload: bytes) -> int:
        self.last_seq += 1
        return self.last_seq

    def sync(self) -> None:
        raise FatalError("cannot sync")


def test_what_could_not_be_made_durable_is_never_said(tmp_path: Path) -> None:
    case = Case(tmp_path)
    bus = Bus(case.journal)
    outbox = JournaledOutbox("a", "s", journal=BrokenDisk(), sender=bus, clock=case.clock)
    outbox.record(Done())
    for _ in range(2):
        with pytest.raises(FatalError):
            outbox.commit()
    assert bus.sent == []
    case.journal.close()


class FullDisk(BrokenDisk):
    """A journal without room but for its reserve, which takes two records."""

    def __init__(self) -> None:
        self.room = 0
        self.released = 0

    def append(self, payload: bytes) -> int:
        if not self.room:
            raise DiskFull("cannot write x: No space left on device; free space on this disk")
        self.room -= 1
        return super().append(payload)

    def release_reserve(self) -> None:
        self.released += 1
        if self.released == 1:
            self.room = 2


def test_on_a_full_disk_events_go_on_in_the_reserve_and_end_with_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    disk = FullDisk()
    outbox = JournaledOutbox("a", "s", journal=disk, sender=None, clock=FakeClock())
    outbox.record(Done())
    outbox.record(Done())
    assert (disk.last_seq, disk.released) == (2, 1)
    assert "the journal goes on in its reserve" in caplog.text
    assert "free space" in caplog.text
    with pytest.raises(DiskFull):
        outbox.record(Done())


def test_the_journals_head_goes_to_the_log_when_a_window_is_over(
    case: Case, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    case.outbox.record(opening())
    case.outbox.commit()
    assert "journal head" not in caplog.text
    case.outbox.record(settled())
    assert "journal head" not in caplog.text
    case.outbox.commit()
    case.outbox.commit()
    assert caplog.messages == [f"journal head of trader: 2:{case.journal.last_hash.hex()}"]


def test_events_can_be_stamped_by_a_clock_that_stands_still(case: Case) -> None:
    still = FakeClock(now_ns=77)
    case.outbox.keep_time_by(still)
    case.clock.advance(5)
    assert case.outbox.record(opening()).ts_init == 77
