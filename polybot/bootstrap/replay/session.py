"""Runs the trader again over a session's tape and holds every event against the journal."""

import asyncio
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any

import msgspec

from polybot.adapters.market_clock import SegmentMarketClock, WallMarketClock
from polybot.bootstrap.replay.difference import Difference
from polybot.bootstrap.replay.journal import DECISION, SessionEvents, SessionJournal
from polybot.bootstrap.replay.outbox import ComparingOutbox
from polybot.bootstrap.replay.ports import (
    Feed,
    ReplayAccess,
    ReplayArming,
    ReplayBooks,
    ReplayCatalog,
    ReplayCheckpoints,
    ReplayClock,
    ReplayFence,
    ReplayInbox,
    ReplayPreflight,
    ReplayStream,
)
from polybot.bootstrap.replay.tape import Batch, Hole, SessionTape
from polybot.errors import PolybotError
from polybot.messages.codec import decode_body
from polybot.messages.lifecycle import ProcessStarted, ProcessStopped
from polybot.runtime.tape import NullTape
from polybot.services.trader.parts import TraderPorts
from polybot.services.trader.restore import restore
from polybot.services.trader.service import TraderService
from polybot.services.trader.tape_records import TAPE_START, TAPE_TURN
from polybot.services.trader.taped_session import SEGMENTS, SessionRecord, agents_of


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What a replay came to.

    `events` and `decisions` came out byte for byte. `stopped` says why nothing behind could be
    compared, "" when the tape was compared to its end. `off_tape_events`, and the decisions among
    them, are in the journal behind the end of the tape: a tape is not synced.
    """

    session: str
    program: str
    events: int
    decisions: int
    batches: int
    began_ns: int
    ended_ns: int
    difference: Difference | None = None
    batch: Batch | None = None
    stopped: str = ""
    off_tape_events: int = 0
    off_tape_decisions: int = 0

    @property
    def identical(self) -> bool:
        """Whether nothing that could be compared differs."""
        return self.difference is None

    @property
    def complete(self) -> bool:
        """Whether the whole tape was compared."""
        return self.difference is None and not self.stopped


class _Failure:
    """Keeps the error that a batch ends with: one that failed in the session must fail here too."""

    def __init__(self) -> None:
        self.error: Exception | None = None

    def __enter__(self) -> "_Failure":
        return self

    def __exit__(
        self,
        _: type[BaseException] | None,
        error: BaseException | None,
        __: TracebackType | None,
    ) -> bool:
        if isinstance(error, Exception):
            self.error = error
            return True
        return False


class SessionReplay:
    """One session, ready to be run through once.

    Raises ConfigError when a strategy or parameter of the session does not exist any more,
    FatalError for a state that this version cannot read.
    """

    def __init__(self, tape: SessionTape, journal: SessionJournal) -> None:
        record = tape.record
        self._tape = tape
        self._record = record
        self._feed = Feed()
        self._clock = ReplayClock(record.mono_ns, record.wall_ns)
        self._events = journal.events()
        self._outbox = ComparingOutbox(record.session, record.last_seq, self._events, self._clock)
        segments = record.market_time == SEGMENTS
        self._market_clock = (
            SegmentMarketClock(self._clock) if segments else WallMarketClock(self._clock)
        )
        self._service = self._trader(record, tape.state, journal.signatures)
        self._last: Batch | None = None
        self._stopped = ""

    def run(self) -> Outcome:
        """Replay to the end of the tape, its first hole, or the first difference."""
        with _silence():
            for batch in self._tape.batches():
                if isinstance(batch, Hole):
                    self._stopped = batch.reason
                    break
                self._play(batch)
                if self._stopped or self._outbox.difference is not None:
                    break
        return self._outcome()

    def _play(self, batch: Batch) -> None:
        """Let the trader do one batch again."""
        self._last = batch
        self._clock.follow(batch)
        self._feed.load(batch)
        if self._market_clock.now_ns() != batch.market_ns:
            self._stopped = (
                f"expected market time {batch.market_ns} in batch {batch.number}, "
                f"was {self._market_clock.now_ns()}"
            )
            return
        before = self._outbox.last_seq()
        with _Failure() as failure:
            self._carry_out(batch)
        if self._outbox.difference is None:
            self._judge(batch, before, failure.error)
        if batch.kind == TAPE_START:
            self._outbox.step_over(ProcessStarted.__name__)

    def _carry_out(self, batch: Batch) -> None:
        if batch.kind == TAPE_TURN:
            self._service.turn()
        elif batch.kind == TAPE_START:
            asyncio.run(self._service.start())
        else:
            _command(self._service, batch)

    def _judge(self, batch: Batch, before: int, error: Exception | None) -> None:
        failed = error is not None
        if failed is batch.ended:
            here = f"{type(error).__name__}: {error}" if failed else "it did not fail"
            then = "ended well" if batch.ended else "failed"
            self._stopped = f"batch {batch.number} {then} in the session, here {here}"
        elif batch.ended:
            self._outbox.expect_seq(before if batch.seq is None else batch.seq)
            if self._outbox.difference is None and self._feed.left():
                what = ", ".join(self._feed.left())
                self._stopped = f"batch {batch.number}: nobody took what the session took: {what}"

    def _outcome(self) -> Outcome:
        outbox, last = self._outbox, self._last
        events = decisions = 0
        if outbox.difference is None:
            events, decisions = _count(self._events)
        return Outcome(
            session=self._record.session,
            program=self._record.program,
            events=outbox.same,
            decisions=outbox.decisions,
            batches=last.number if last else 0,
            began_ns=self._record.wall_ns,
            ended_ns=last.begin.wall_ns if last else self._record.wall_ns,
            difference=outbox.difference,
            batch=last if outbox.difference is not None else None,
            stopped=self._stopped,
            off_tape_events=events,
            off_tape_decisions=decisions,
        )

    def _trader(
        self, record: SessionRecord, state: bytes, signatures: dict[str, str]
    ) -> TraderService:
        feed = self._feed
        ports = TraderPorts(
            wake=asyncio.Event(),
            outbox=self._outbox,
            inbox=ReplayInbox(feed),
            checkpoints=ReplayCheckpoints(),
            catalog=ReplayCatalog(feed),
            preflight=ReplayPreflight(feed),
            access=ReplayAccess(feed, record.settings.signature_type, signatures),
            market=ReplayStream("market", feed),
            user=ReplayStream("user", feed),
            prices=tuple(ReplayStream(name, feed) for name in record.prices),
            book_source=ReplayBooks(feed),
            tape=NullTape(),
            clock=self._clock,
            market_clock=self._market_clock,
            arming=ReplayArming(feed) if record.needs_arming else None,
            fence=ReplayFence(feed),
        )
        restored = restore(record.last_seq, state, ())
        return TraderService(record.settings, ports, agents_of(record), restored)


def _command(service: TraderService, batch: Batch) -> None:
    name = batch.begin.command
    body: Any = decode_body(name, msgspec.Raw(batch.begin.body))
    try:
        service.handle(name, body)
    except PolybotError:
        # Refused, then as now; what it recorded before is compared.
        return


def _count(events: SessionEvents) -> tuple[int, int]:
    """Return how many of the trader's own events are left, and how many decisions."""
    left = decisions = 0
    while (event := events.take()) is not None:
        kind = event[0].type
        left += kind not in (ProcessStarted.__name__, ProcessStopped.__name__)
        decisions += kind == DECISION
    return left, decisions


@contextmanager
def _silence() -> Iterator[None]:
    """Keep the trader's log lines of back then from being said again."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(before)
