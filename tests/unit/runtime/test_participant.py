"""A process beats, answers, replays what is durable, and keeps its journal until it is stored."""

import asyncio
from pathlib import Path
from typing import Any

import msgspec
import pytest

from polybot.errors import InvalidValue
from polybot.messages.codec import decode_body, decode_reply, encode, encode_body
from polybot.messages.commands import (
    Acknowledge,
    Done,
    GetStatus,
    ReplayBatch,
    ReplayFrom,
    StopEntries,
)
from polybot.messages.envelope import Envelope, Reply, Request
from polybot.messages.lifecycle import Heartbeat, ProcessStarted, ProcessStopped
from polybot.messages.trading import DriftFound
from polybot.ports import Vitals
from polybot.runtime.journal import Journal, JournalSettings
from polybot.runtime.journal_archive import JournalArchive
from polybot.runtime.journal_history import JournalHistory
from polybot.runtime.outbox import JournaledOutbox
from polybot.runtime.participant import REPLAY_BYTES, TRIM_NS, Identity, Participant
from tests.fakes import FakeClock, FakeInbox


class Bus:
    """Keeps what was published, decoded."""

    def __init__(self) -> None:
        self.said: list[Any] = []

    def send(self, topic: bytes, payload: bytes) -> None:
        envelope = msgspec.json.decode(payload, type=Envelope)
        self.said.append(decode_body(envelope.type, envelope.body))


class FakeService:
    """A service that records one event a turn, fails when told to, and obeys StopEntries."""

    name = "trader"

    def __init__(self, outbox: JournaledOutbox) -> None:
        self.wake = asyncio.Event()
        self.restored = (7, 3)
        self.outbox = outbox
        self.fails = False
        self.calls: list[str] = []
        self.detail = "x"

    async def start(self) -> None:
        self.calls.append("start")

    def turn(self) -> None:
        if self.fails:
            raise InvalidValue("a bad turn")
        self.outbox.record(DriftFound(kind="k", subject="s", detail=self.detail))

    def next_wake_s(self) -> float:
        return 5.0

    def status(self) -> str:
        return "working"

    async def stop(self) -> None:
        self.calls.append("stop")

    def vitals(self) -> Vitals:
        return Vitals(progress=9, trading_state="ACTIVE", ages_s={"market": 0.5}, market_ns=4)

    def handle(self, request_type: str, body: Any) -> msgspec.Struct:
        self.outbox.record(DriftFound(kind=request_type, subject=body.source, detail=""))
        if body.reason == "never":
            raise InvalidValue("expected a better reason")
        return Done(detail="stopped")


class Gauge:
    """Twelve bytes."""

    def rss_bytes(self) -> int:
        return 12


class Case:
    """A participant over a real journal of small segments."""

    def __init__(self, directory: Path, process: str = "trader") -> None:
        self.clock, self.bus, self.inbox = FakeClock(), Bus(), FakeInbox()
        self.directory = directory
        settings = JournalSettings(segment_bytes=4 << 10, reserve_bytes=2 << 10)
        self.journal = Journal.open(directory, settings=settings)
        self.outbox = JournaledOutbox(
            process, "s1", journal=self.journal, sender=self.bus, clock=self.clock
        )
        self.service = FakeService(self.outbox)
        self.attached: list[str] = []
        self.keep_from = 10**9
        self.participant = Participant(
            self.service,
            identity=Identity(process, 41, "1.0", "synthetic", "abc"),
            outbox=self.outbox,
            inbox=self.inbox,
            journal=self.journal,
            clock=self.clock,
            gauge=Gauge(),
            keep_from=lambda: self.keep_from,
            on_start=[lambda: self.attached.append("attached")],
        )

    def ask(self, body: msgspec.Struct) -> Any:
        request = Request(id="q1", type=type(body).__name__, sender="t", body=encode_body(body))
        reply = self.raw(encode(request))
        assert reply.id == "q1"
        return decode_body(reply.type, reply.body) if reply.type else reply.error

    def raw(self, data: bytes) -> Reply:
        return decode_reply(self.participant.answer(data))

    def beats(self) -> list[Heartbeat]:
        return [body for body in self.bus.said if isinstance(body, Heartbeat)]


@pytest.fixture
def case(tmp_path: Path) -> Case:
    made = Case(tmp_path)
    yield made
    made.journal.close()


def test_it_goes_by_its_service_s_name_and_wakes_with_it(case: Case) -> None:
    assert case.participant.name == "trader"
    assert case.participant.wake is case.service.wake


def test_a_start_attaches_restores_and_says_so_durably(case: Case) -> None:
    asyncio.run(case.participant.start())
    assert (case.attached, case.service.calls) == (["attached"], ["start"])
    assert case.bus.said == [
        ProcessStarted(
            process="trader",
            pid=41,
            version="1.0",
            mode="synthetic",
            config_hash="abc",
            restored_seq=7,
            replayed=3,
        )
    ]


def test_a_stop_is_the_last_word(case: Case) -> None:
    asyncio.run(case.participant.stop())
    assert case.service.calls == ["stop"]
    assert case.bus.said == [ProcessStopped(process="trader", pid=41, reason="asked to stop")]


def test_what_a_turn_recorded_is_committed_before_the_beat(case: Case) -> None:
    case.participant.turn()
    assert [type(body).__name__ for body in case.bus.said] == ["DriftFound", "Heartbeat"]
    assert case.beats()[0].last_seq == case.journal.synced_seq == 1


def test_it_beats_once_a_second_and_tells_how_it_is(case: Case) -> None:
    for _ in range(25):
        case.participant.turn()
        case.clock.advance(0.1)
    assert len(case.beats()) == 3
    last = case.beats()[-1]
    assert (last.process, last.pid, last.turns, last.progress) == ("trader", 41, 21, 9)
    assert (last.status, last.trading_state, last.ages_s) == ("working", "ACTIVE", {"market": 0.5})
    assert (last.rss_bytes, last.market_ns, last.errors) == (12, 4, 0)
    assert last.uptime_s == pytest.approx(2.0)


def test_failed_turns_are_counted(case: Case) -> None:
    case.service.fails = True
    for _ in range(3):
        with pytest.raises(InvalidValue):
            case.participant.turn()
    case.service.fails = False
    case.participant.turn()
    beat = case.ask(GetStatus())
    assert (beat.errors, beat.turns) == (3, 1)


def test_the_loop_wakes_for_the_next_beat_at_the_latest(case: Case) -> None:
    case.participant.turn()
    assert case.participant.next_wake_s() == pytest.approx(1.0)
    case.clock.advance(0.75)
    assert case.participant.next_wake_s() == pytest.approx(0.25)
    case.clock.advance(5)
    assert case.participant.next_wake_s() == 0.0


def test_the_status_is_answered_at_any_time(case: Case) -> None:
    assert case.ask(GetStatus()).status == "working"
    assert case.participant.status() == "working"


def test_a_command_is_carried_out_and_durable_when_it_is_answered(case: Case) -> None:
    assert case.ask(StopEntries(source="watchdog", reason="disk")) == Done(detail="stopped")
    assert case.journal.synced_seq == 1
    assert isinstance(case.bus.said[0], DriftFound)


def test_a_refused_command_is_answered_with_its_reason(case: Case) -> None:
    assert case.ask(StopEntries(source="w", reason="never")) == "expected a better reason"


@pytest.mark.parametrize(
    "data",
    [
        b"junk",
        encode(Request(id="q", type="Invented", sender="t", body=msgspec.Raw(b"{}"))),
        encode(Request(id="q", type="StopEntries", sender="t", body=msgspec.Raw(b"{}"))),
    ],
)
def test_a_malformed_request_is_answered_with_an_error(case: Case, data: bytes) -> None:
    reply = case.raw(data)
    assert reply.error
    assert reply.type == ""


def test_a_flood_of_malformed_requests_is_one_line(
    case: Case, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(500):
        assert case.raw(b"junk").error
    assert len(caplog.records) == 1
    assert "refused rpc requests: 1 so far" in caplog.text


def turns(case: Case, count: int) -> None:
    for _ in range(count):
        case.participant.turn()


def test_a_replay_gives_back_the_journaled_bytes(case: Case) -> None:
    turns(case, 5)
    batch = case.ask(ReplayFrom(seq=2, limit=3))
    assert [text.encode() for text in batch.records] == case.journal.payloads_from(2, 3)
    assert (batch.last_seq, batch.first_kept) == (5, 1)


@pytest.mark.parametrize(("seq", "count"), [(1, 5), (5, 1), (6, 0), (99, 0), (0, 5), (-3, 5)])
def test_a_replay_may_begin_anywhere(case: Case, seq: int, count: int) -> None:
    turns(case, 5)
    assert len(case.ask(ReplayFrom(seq=seq)).records) == count


@pytest.mark.parametrize("limit", [0, -1])
def test_a_replay_of_nothing_is_empty(case: Case, limit: int) -> None:
    turns(case, 2)
    assert case.ask(ReplayFrom(seq=1, limit=limit)) == ReplayBatch(
        records=(), last_seq=2, first_kept=1, session=case.outbox.session
    )


def test_what_is_not_durable_is_nobody_s_yet(case: Case) -> None:
    turns(case, 2)
    case.outbox.record(DriftFound(kind="k", subject="unsynced", detail=""))
    batch = case.ask(ReplayFrom(seq=1))
    assert (len(batch.records), batch.last_seq) == (2, 2)


def test_a_batch_is_bounded_in_bytes_but_never_empty(tmp_path: Path) -> None:
    case = Case(tmp_path / "large")
    case.journal.close()
    journal = Journal.open(tmp_path / "big", settings=JournalSettings())
    for _ in range(5):
        journal.append(b'"%s"' % (b"x" * 200_000))
    journal.append(b'"%s"' % (b"y" * (REPLAY_BYTES + 1)))
    journal.sync()
    case.participant.journal = journal
    assert len(case.ask(ReplayFrom(seq=1)).records) == 2
    assert len(case.ask(ReplayFrom(seq=6)).records) == 1
    journal.close()


def filled(case: Case) -> int:
    """Write several segments and return the newest seq."""
    case.service.detail = "d" * 300
    turns(case, 40)
    return case.journal.last_seq


def trim(case: Case) -> int:
    case.clock.advance(TRIM_NS / 1e9)
    case.participant.turn()
    return case.ask(ReplayFrom(seq=1)).first_kept


def test_nothing_is_trimmed_that_the_tracker_has_not_stored(case: Case) -> None:
    last = filled(case)
    assert trim(case) == 1
    case.ask(Acknowledge(sender="watchdog", seq=last))
    assert trim(case) == 1
    case.ask(Acknowledge(sender="tracker", seq=last // 2))
    assert 1 < trim(case) <= last // 2 + 1


def test_nothing_is_trimmed_that_checkpoints_or_retention_need(case: Case) -> None:
    last = filled(case)
    case.keep_from = 12
    case.ask(Acknowledge(sender="tracker", seq=last))
    assert trim(case) <= 12


def test_an_older_acknowledgement_takes_nothing_back(case: Case) -> None:
    last = filled(case)
    for seq in (last, 1):
        case.ask(Acknowledge(sender="tracker", seq=seq))
    assert trim(case) > 1


def test_trimming_waits_for_its_interval(case: Case) -> None:
    case.ask(Acknowledge(sender="tracker", seq=10**6))
    filled(case)
    assert case.ask(ReplayFrom(seq=1)).first_kept == 1
    first = trim(case)
    filled(case)
    assert case.ask(ReplayFrom(seq=1)).first_kept == first > 1


def test_the_tracker_s_own_events_need_nobody_s_word(tmp_path: Path) -> None:
    case = Case(tmp_path, "tracker")
    filled(case)
    assert trim(case) > 1
    case.journal.close()


def test_a_replay_from_before_the_trim_begins_at_what_is_kept(case: Case) -> None:
    last = filled(case)
    case.ask(Acknowledge(sender="tracker", seq=last))
    first = trim(case)
    batch = case.ask(ReplayFrom(seq=1, limit=2))
    assert batch.first_kept == first
    assert [text.encode() for text in batch.records] == case.journal.payloads_from(first, 2)


def test_what_is_trimmed_is_archived_before(case: Case) -> None:
    archive = JournalArchive(case.directory, cap_bytes=1 << 20)
    case.participant.archive = archive
    last = filled(case)
    case.ask(Acknowledge(sender="tracker", seq=last))
    assert trim(case) == 1
    archive.wait()
    first = trim(case)
    assert first > 1
    assert [seq for seq, _ in JournalHistory(case.directory).payloads_after(0)] == list(
        range(1, case.journal.synced_seq + 1)
    )


def test_a_process_that_was_stopped_for_a_minute_says_so_once(
    case: Case, caplog: pytest.LogCaptureFixture
) -> None:
    for seconds in (1, 1, 5, 60, 1):
        case.clock.advance(seconds)
        case.participant.turn()

    said = [r.getMessage() for r in caplog.records if "stood still" in r.getMessage()]
    assert len(said) == 1
    assert "stood still for 60.0 s" in said[0]


def test_duties_of_every_second_are_done_with_each_beat(tmp_path: Path) -> None:
    case = Case(tmp_path)
    done: list[int] = []
    case.participant.each_second = (lambda: done.append(case.clock.monotonic_ns()),)
    for _ in range(30):
        case.participant.turn()
        case.clock.advance(0.1)
    assert len(done) == 3
    case.journal.close()


def test_the_journals_head_is_in_the_log_at_start_and_stop(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    case = Case(tmp_path)
    asyncio.run(case.participant.start())
    assert caplog.messages == [f"journal head of trader: {case.journal.head()}"]
    case.participant.turn()
    asyncio.run(case.participant.stop())
    assert caplog.messages[1:] == [f"journal head of trader: {case.journal.head()}"]
    case.journal.close()
