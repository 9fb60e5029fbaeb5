"""A process's durable log and voice: journal first, then the bus."""

import logging
from typing import Any, Protocol

import msgspec

from polybot.errors import DiskFull
from polybot.messages.codec import encode, encode_body
from polybot.messages.envelope import Envelope
from polybot.messages.topics import topic_of
from polybot.messages.tracking import WindowSettled
from polybot.messages.trading import AgentResult, WindowSummarized
from polybot.ports import Clock
from polybot.ports.crash_points import reach
from polybot.runtime.journal_head import JournalHead

logger = logging.getLogger(__name__)

# What ends a window: the head of the chain goes to the log then.
_WINDOW_OVER = frozenset(
    topic_of(event.__name__, durable=True)
    for event in (WindowSettled, WindowSummarized, AgentResult)
)


class DurableLog(Protocol):
    """What the outbox needs of the journal."""

    def append(self, payload: bytes) -> int:
        """Append a record and return its seq."""

    def sync(self) -> None:
        """Make everything appended durable."""

    def release_reserve(self) -> None:
        """Let the next segment be the reserve kept for a full disk."""

    @property
    def last_seq(self) -> int:
        """Return the seq of the newest record, 0 when there is none."""

    def head(self) -> JournalHead:
        """Return seq and hash of the newest record."""


class Sender(Protocol):
    """What the outbox needs of the bus."""

    def send(self, topic: bytes, payload: bytes) -> None:
        """Publish one message; never blocks."""


class JournaledOutbox:
    """Records durable events in the journal and publishes them only after a sync.

    Invariant: nothing reaches the bus before the journal record that holds it is on disk, and
    what reaches it is byte for byte what the journal holds.
    """

    def __init__(
        self, source: str, session: str, *, journal: DurableLog, sender: Sender, clock: Clock
    ) -> None:
        self.source = source
        self.session = session
        self._journal = journal
        self._sender = sender
        self._clock = clock
        self._unpublished: list[tuple[bytes, bytes]] = []
        self._volatile_seq = 0
        self._unsynced_since_ns = 0

    def keep_time_by(self, clock: Clock) -> None:
        """Stamp events by another clock: one that stands still during a turn."""
        self._clock = clock

    def record(
        self, event: msgspec.Struct, *, ts_event: int | None = None, correlation_id: str = ""
    ) -> Envelope:
        """Append a durable event to the journal; `commit` makes it durable and publishes it."""
        envelope = self._envelope(
            event,
            seq=self._journal.last_seq + 1,
            durable=True,
            ts_event=ts_event,
            correlation_id=correlation_id,
        )
        payload = encode(envelope)
        self._append(payload)
        if not self._unpublished:
            self._unsynced_since_ns = self._clock.monotonic_ns()
        self._unpublished.append((topic_of(envelope.type, durable=True), payload))
        return envelope

    def _append(self, payload: bytes) -> None:
        try:
            self._journal.append(payload)
        except DiskFull as error:
            # Entries ended when the disk ran low: what still happens are exits and answers, and
            # they must be written down.
            logger.critical("the journal goes on in its reserve: %s", error)
            self._journal.release_reserve()
            self._journal.append(payload)

    def commit(self) -> None:
        """Sync once and publish everything recorded since the last commit, in order."""
        if not self._unpublished:
            return
        reach("journal.unsynced")
        self._journal.sync()
        reach("journal.synced")
        ready, self._unpublished = self._unpublished, []
        window_over = False
        for topic, payload in ready:
            self._sender.send(topic, payload)
            reach("outbox.publishing")
            window_over = window_over or topic in _WINDOW_OVER
        reach("outbox.published")
        if window_over:
            self.log_head()

    def log_head(self) -> None:
        """Write the journal's head to the log, which others keep: a rewritten journal shows by it.

        Call it only when everything recorded is durable.
        """
        logger.info("journal head of %s: %s", self.source, self._journal.head())

    def unsynced_for_ns(self) -> int:
        """Return how long the oldest unsynced event has waited, 0 when none does."""
        if not self._unpublished:
            return 0
        return self._clock.monotonic_ns() - self._unsynced_since_ns

    def say(self, event: msgspec.Struct, *, ts_event: int | None = None) -> None:
        """Publish a volatile event at once; it may be lost."""
        self._volatile_seq += 1
        envelope = self._envelope(
            event, seq=self._volatile_seq, durable=False, ts_event=ts_event, correlation_id=""
        )
        self._sender.send(topic_of(envelope.type, durable=False), encode(envelope))

    def last_seq(self) -> int:
        """Return the seq of the newest recorded event."""
        return self._journal.last_seq

    def _envelope(
        self, event: Any, *, seq: int, durable: bool, ts_event: int | None, correlation_id: str
    ) -> Envelope:
        now = self._clock.now_ns()
        return Envelope(
            type=type(event).__name__,
            source=self.source,
            session=self.session,
            seq=seq,
            durable=durable,
            ts_event=now if ts_event is None else ts_event,
            ts_init=now,
            correlation_id=correlation_id,
            body=encode_body(event),
        )
