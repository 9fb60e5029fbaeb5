"""A process as the others see it: its heartbeat, its rpc answers, its start and stop events."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import KW_ONLY, dataclass, field
from typing import Any, Protocol

import msgspec

from polybot.domain.refusals import Refusals
from polybot.errors import PolybotError
from polybot.messages.codec import decode_body, decode_request, encode, encode_body
from polybot.messages.commands import (
    Acknowledge,
    Done,
    GetStatus,
    ReplayBatch,
    ReplayFrom,
    Witness,
)
from polybot.messages.envelope import Reply
from polybot.messages.lifecycle import Heartbeat, ProcessStarted, ProcessStopped
from polybot.ports import Clock, Inbox, Service
from polybot.runtime.inbox import content_hash
from polybot.runtime.outbox import JournaledOutbox

logger = logging.getLogger(__name__)

HEARTBEAT_NS = 1_000_000_000
# Acknowledged and checkpointed journal is trimmed this often; a segment at a time, so it is cheap.
TRIM_NS = 30_000_000_000
# A turn comes at least with every heartbeat: a longer pause is somebody's doing, or the machine's.
STANDSTILL_NS = 5 * HEARTBEAT_NS
# A reply stays well under a bus message's comfortable size.
REPLAY_BYTES = 512 * 1024


class ReplayableJournal(Protocol):
    """What answering a replay needs of the journal."""

    @property
    def last_seq(self) -> int:
        """Return the newest seq."""

    @property
    def synced_seq(self) -> int:
        """Return the newest seq that is durable."""

    @property
    def first_seq(self) -> int:
        """Return the oldest seq still kept."""

    def payloads_from(self, seq: int, limit: int) -> list[bytes]:
        """Return at most `limit` payloads from `seq` on."""

    def trim(self, before_seq: int) -> int:
        """Delete whole segments that end before `before_seq`; return how many."""


class Archive(Protocol):
    """Where trimmed journal stays until a person backed it up."""

    def take_over(self, before_seq: int) -> int:
        """Begin to keep what ends before a seq; return how far may be trimmed by now."""


class HostGauge(Protocol):
    """What a heartbeat says of the process's memory."""

    def rss_bytes(self) -> int:
        """Return this process's resident memory."""


class Identity(msgspec.Struct, frozen=True):
    """Who this process is, for its start event and banner."""

    process: str
    pid: int
    version: str
    mode: str
    config_hash: str


@dataclass(slots=True)
class Participant:
    """Wraps a service with what every process owes the others.

    The wrapped service does its own work in `turn`; the participant adds heartbeats, answers
    GetStatus and ReplayFrom, and trims the journal behind the tracker's acknowledgements.
    """

    service: Service
    _: KW_ONLY
    identity: Identity
    outbox: JournaledOutbox
    inbox: Inbox | None
    journal: ReplayableJournal
    clock: Clock
    gauge: HostGauge
    keep_from: Callable[[], int]
    archive: Archive | None = None
    each_second: Sequence[Callable[[], None]] = ()
    on_start: Sequence[Callable[[], None]] = ()
    name: str = field(init=False)
    wake: asyncio.Event = field(init=False)
    _turns: int = field(init=False, default=0)
    _errors: int = field(init=False, default=0)
    _started_ns: int = field(init=False)
    _turned_ns: int = field(init=False)
    _next_beat_ns: int = field(init=False, default=0)
    _next_trim_ns: int = field(init=False)
    _acknowledged: dict[str, int] = field(init=False, default_factory=dict)
    _refusals: Refusals = field(init=False, default_factory=Refusals)

    def __post_init__(self) -> None:
        self.name = self.service.name
        self.wake = self.service.wake
        self._started_ns = self._turned_ns = self.clock.monotonic_ns()
        self._next_trim_ns = self._started_ns + TRIM_NS

    async def start(self) -> None:
        """Restore the service and say that this session began."""
        for attach in self.on_start:
            attach()
        await self.service.start()
        self._turned_ns = self.clock.monotonic_ns()
        restored, replayed = getattr(self.service, "restored", (0, 0))
        self.outbox.record(
            ProcessStarted(
                process=self.identity.process,
                pid=self.identity.pid,
                version=self.identity.version,
                mode=self.identity.mode,
                config_hash=self.identity.config_hash,
                restored_seq=restored,
                replayed=replayed,
            )
        )
        self.outbox.commit()
        self.outbox.log_head()

    def turn(self) -> None:
        """Let the service work once, then beat and trim when due."""
        self._note_standstill()
        # Counted until it has ended well: a turn that fails leaves by its exception.
        self._errors += 1
        self.service.turn()
        self._errors -= 1
        self._turns += 1
        self.outbox.commit()
        now = self.clock.monotonic_ns()
        if now >= self._next_beat_ns:
            self._next_beat_ns = now + HEARTBEAT_NS
            for duty in self.each_second:
                duty()
            self.outbox.say(self.heartbeat())
        if now >= self._next_trim_ns:
            self._next_trim_ns = now + TRIM_NS
            self._trim()

    def _note_standstill(self) -> None:
        now = self.clock.monotonic_ns()
        stood_still_ns, self._turned_ns = now - self._turned_ns, now
        if stood_still_ns > STANDSTILL_NS:
            logger.warning(
                "this process stood still for %.1f s: it was stopped, or the machine was, or a "
                "turn took that long",
                stood_still_ns / 1e9,
            )

    def next_wake_s(self) -> float:
        """Return the service's own wish, but never later than the next heartbeat."""
        until_beat = (self._next_beat_ns - self.clock.monotonic_ns()) / 1e9
        return max(0.0, min(self.service.next_wake_s(), until_beat))

    def status(self) -> str:
        """Return the service's sentence."""
        return self.service.status()

    async def stop(self) -> None:
        """Stop the service and say that this session ended on purpose."""
        await self.service.stop()
        self.outbox.record(
            ProcessStopped(
                process=self.identity.process, pid=self.identity.pid, reason="asked to stop"
            )
        )
        self.outbox.commit()
        self.outbox.log_head()

    def heartbeat(self) -> Heartbeat:
        """Return the heartbeat of this moment."""
        vitals = self.service.vitals()
        return Heartbeat(
            process=self.identity.process,
            pid=self.identity.pid,
            last_seq=self.outbox.last_seq(),
            turns=self._turns,
            progress=vitals.progress,
            status=self.service.status(),
            trading_state=vitals.trading_state,
            ages_s=vitals.ages_s,
            gaps=self.inbox.gaps() if self.inbox else {},
            rss_bytes=self.gauge.rss_bytes(),
            uptime_s=(self.clock.monotonic_ns() - self._started_ns) / 1e9,
            market_ns=vitals.market_ns,
            errors=self._errors,
        )

    def answer(self, data: bytes) -> bytes:
        """Answer one rpc request; a failure becomes the reply's error, never an exception."""
        request_id = ""
        try:
            request = decode_request(data)
            request_id = request.id
            body = decode_body(request.type, request.body)
            result = self._carry_out(request.type, body)
        except PolybotError as error:
            line = self._refusals.note(str(error), self.clock.monotonic_ns())
            if line:
                logger.warning("refused rpc requests: %s", line)
            return encode(Reply(id=request_id, error=str(error) or type(error).__name__))
        return encode(Reply(id=request_id, type=type(result).__name__, body=encode_body(result)))

    def _carry_out(self, request_type: str, body: Any) -> msgspec.Struct:
        if isinstance(body, GetStatus):
            return self.heartbeat()
        if isinstance(body, ReplayFrom):
            return self._replay(body)
        if isinstance(body, Acknowledge):
            self._acknowledged[body.sender] = max(body.seq, self._acknowledged.get(body.sender, 0))
            return Done()
        result = self.service.handle(request_type, body)
        self.outbox.commit()
        return result

    def _replay(self, request: ReplayFrom) -> ReplayBatch:
        if not self._holds(request.witness):
            return ReplayBatch(
                records=(),
                last_seq=self.journal.synced_seq,
                first_kept=self.journal.first_seq,
                session=self.outbox.session,
                fits=False,
            )
        # Only synced records are served: what a crash could still take back is nobody's yet.
        first = max(request.seq, self.journal.first_seq)
        limit = min(request.limit, self.journal.synced_seq - first + 1)
        records: list[str] = []
        size = 0
        for payload in self.journal.payloads_from(first, limit) if limit > 0 else []:
            size += len(payload)
            if records and size > REPLAY_BYTES:
                break
            records.append(payload.decode())
        return ReplayBatch(
            records=tuple(records),
            last_seq=self.journal.synced_seq,
            first_kept=self.journal.first_seq,
            session=self.outbox.session,
        )

    def _holds(self, witness: Witness | None) -> bool:
        # One that was trimmed tells nothing: a journal gets that long only in the life it had.
        if witness is None or witness.seq < self.journal.first_seq:
            return True
        if witness.seq > self.journal.synced_seq:
            return False
        [payload] = self.journal.payloads_from(witness.seq, 1)
        return content_hash(payload) == witness.hash

    def _trim(self) -> None:
        stored = self._acknowledged.get("tracker", 0)
        if self.identity.process == "tracker":
            stored = self.journal.synced_seq
        keep = min(stored, self.keep_from())
        if self.archive is not None:
            keep = self.archive.take_over(keep)
        removed = self.journal.trim(keep)
        if removed:
            logger.info(
                "journal: %d segments before event %d are stored and put away", removed, keep
            )
