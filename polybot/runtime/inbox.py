"""What other processes said: durable events once, in order and without gaps, per source."""

import hashlib
import logging
from collections.abc import Mapping
from typing import Any, Protocol

import msgspec

from polybot.errors import ProtocolError
from polybot.messages.codec import (
    decode_body,
    decode_envelope,
    decode_reply,
    encode,
    encode_body,
)
from polybot.messages.commands import Acknowledge, ReplayBatch, ReplayFrom, Witness
from polybot.messages.envelope import Envelope, Request
from polybot.messages.lifecycle import Heartbeat
from polybot.ports import Clock

logger = logging.getLogger(__name__)

REPLAY_BATCH = 500
# A replay that got no answer is asked again after this long: its source may be restarting.
REPLAY_RETRY_NS = 1_000_000_000
MALFORMED_LOG_NS = 60_000_000_000


class Receiver(Protocol):
    """What the inbox needs of the bus."""

    def take(self) -> list[bytes]:
        """Return the payloads that arrived since the last call."""


class Asker(Protocol):
    """What the inbox needs of the rpc sockets; neither call waits."""

    def ask(self, process: str, payload: bytes) -> None:
        """Send a request to a process."""

    def take(self) -> list[tuple[str, bytes]]:
        """Return the replies that arrived since the last call, with who sent them."""


class _Source(msgspec.Struct):
    # `session` is the life whose journal is known to be the one heard; while `doubted`, another
    # speaks, and only an answer to a request later than `doubted_at` tells which journal it has.
    position: int = 0
    witness: Witness | None = None
    session: str = ""
    doubted: bool = False
    doubted_at: int = 0
    replaced: bool = False
    newest_known: int = 0
    asked_at_ns: int = 0
    asking: bool = False
    volatile_session: str = ""
    volatile_seq: int = 0
    lost: int = 0


def content_hash(payload: bytes) -> str:
    """Return the hash two copies of one durable event are compared by (blake2b-128, hex)."""
    return hashlib.blake2b(payload, digest_size=16).hexdigest()


class ReplayingInbox:
    """Delivers each source's durable events gap-free, asking for a replay where one is missing.

    A message out of order is dropped, not kept: the replay brings it again, in order, and the
    source's journal is the only truth.

    Of a source's new life nothing durable is taken before it has shown an event of the old one: its
    journal may have been lost and begun anew, and have outgrown the old by now. Another journal is
    heard from its first event on, unless `begins_anew` is False: who stores events must not mix
    the two, and hears no more of that source.
    """

    def __init__(
        self, name: str, sources: tuple[str, ...], *, receiver: Receiver, asker: Asker, clock: Clock
    ) -> None:
        self._name = name
        self.begins_anew = True
        self._sources = {source: _Source() for source in sources}
        self._receiver = receiver
        self._asker = asker
        self._clock = clock
        self._requests = 0
        self._malformed = 0
        self._malformed_logged_ns = 0

    def take(self) -> list[tuple[Envelope, Any]]:
        """Return what arrived, as envelope and body."""
        return [(envelope, body) for envelope, body, _ in self.take_records()]

    def take_records(self) -> list[tuple[Envelope, Any, str]]:
        """Return what arrived, with the content hash of each durable event ("" for volatile)."""
        taken: list[tuple[Envelope, Any, str]] = []
        # Replays first: what was published behind a batch then fits, and is not asked for again.
        for source, reply in self._asker.take():
            self._accept_reply(source, reply, taken)
        for payload in self._receiver.take():
            self._accept(payload, taken)
        self._ask_for_missing()
        return taken

    def position(self, source: str) -> int:
        """Return the seq of the last durable event taken from a source."""
        return self._sources[source].position

    def positions(self) -> dict[str, int]:
        """Return the last taken seq of every source."""
        return {name: source.position for name, source in self._sources.items()}

    def witnesses(self) -> dict[str, Witness]:
        """Return the newest durable event taken from each source, where there is one."""
        return {name: source.witness for name, source in self._sources.items() if source.witness}

    def resume_from(self, positions: dict[str, int], witnesses: Mapping[str, Witness]) -> None:
        """Continue each source after the given seq, in the journal that holds its witness."""
        for name, position in positions.items():
            if name in self._sources:
                self._sources[name].position = position
                self._sources[name].witness = witnesses.get(name)

    def replaced(self) -> dict[str, int]:
        """Return the sources that are not heard because their journal is another; its last seq."""
        return {
            name: source.newest_known for name, source in self._sources.items() if source.replaced
        }

    def acknowledge(self, source: str, seq: int) -> None:
        """Tell a source that everything up to seq is stored here."""
        self._ask(source, Acknowledge(sender=self._name, seq=seq))

    def gaps(self) -> dict[str, int]:
        """Return the number of volatile messages lost, by source, where there are any."""
        return {name: source.lost for name, source in self._sources.items() if source.lost}

    def malformed(self) -> int:
        """Return how many payloads did not follow the protocol."""
        return self._malformed

    def _accept(self, payload: bytes, taken: list[tuple[Envelope, Any, str]]) -> None:
        try:
            envelope = decode_envelope(payload)
            source = self._sources.get(envelope.source)
            if source is None:
                return
            self._meet(source, envelope.session)
            if not envelope.durable:
                self._accept_volatile(source, envelope, taken)
            elif source.session == envelope.session and not source.replaced:
                self._accept_durable(source, envelope, payload, taken)
            else:
                source.newest_known = max(source.newest_known, envelope.seq)
        except ProtocolError as error:
            self._count_malformed(error)

    def _meet(self, source: _Source, session: str) -> None:
        """Believe a new life at once if nothing was heard before, doubt it otherwise."""
        if session == source.session or source.doubted:
            return
        if not source.position:
            source.session = session
            return
        source.doubted, source.doubted_at = True, self._requests
        source.asking = False

    def _accept_durable(
        self,
        source: _Source,
        envelope: Envelope,
        payload: bytes,
        taken: list[tuple[Envelope, Any, str]],
    ) -> None:
        source.newest_known = max(source.newest_known, envelope.seq)
        if envelope.seq != source.position + 1:
            return
        # A type this version does not know still counts, or its source would be stuck here.
        source.position = envelope.seq
        record_hash = content_hash(payload)
        source.witness = Witness(seq=envelope.seq, hash=record_hash)
        taken.append((envelope, decode_body(envelope.type, envelope.body), record_hash))

    def _accept_volatile(
        self, source: _Source, envelope: Envelope, taken: list[tuple[Envelope, Any, str]]
    ) -> None:
        if source.volatile_session == envelope.session:
            source.lost += max(0, envelope.seq - source.volatile_seq - 1)
        source.volatile_session = envelope.session
        source.volatile_seq = envelope.seq
        body = decode_body(envelope.type, envelope.body)
        if isinstance(body, Heartbeat):
            source.newest_known = max(source.newest_known, body.last_seq)
        taken.append((envelope, body, ""))

    def _accept_reply(
        self, name: str, payload: bytes, taken: list[tuple[Envelope, Any, str]]
    ) -> None:
        source = self._sources.get(name)
        try:
            reply = decode_reply(payload)
            if source is None or reply.type != ReplayBatch.__name__:
                return
            batch = decode_body(reply.type, reply.body)
        except ProtocolError as error:
            self._count_malformed(error)
            return
        self._meet(source, batch.session)
        if source.doubted and not self._clear_up(name, source, batch, reply.id):
            return
        before = source.position
        source.newest_known = max(source.newest_known, batch.last_seq)
        if batch.first_kept > source.position + 1 and batch.records:
            self._skip_trimmed(name, source, batch.first_kept)
        for text in batch.records:
            self._accept_replayed(source, text.encode(), taken)
        # A batch that brought nothing is asked for again after a pause, not in a circle.
        source.asking = source.position == before

    def _accept_replayed(
        self, source: _Source, payload: bytes, taken: list[tuple[Envelope, Any, str]]
    ) -> None:
        try:
            self._accept_durable(source, decode_envelope(payload), payload, taken)
        except ProtocolError as error:
            self._count_malformed(error)

    def _clear_up(self, name: str, source: _Source, batch: ReplayBatch, request_id: str) -> bool:
        """Take in whether a new life has the journal that was heard; returns whether it has."""
        number = request_id.rpartition("-")[2]
        if not number.isdecimal() or int(number) <= source.doubted_at:
            return False
        source.doubted = source.asking = False
        source.session = batch.session
        # An earlier version kept no witness: then only a shorter journal shows.
        source.replaced = not batch.fits or batch.last_seq < source.position
        if not source.replaced:
            return True
        source.newest_known = batch.last_seq
        if self.begins_anew:
            logger.warning(
                "the journal of the %s, which ends at event %d, is not the one of which %d were "
                "heard: it was begun anew, and is heard from its first event on",
                name,
                batch.last_seq,
                source.position,
            )
            source.position, source.witness, source.replaced = 0, None, False
        return False

    def _skip_trimmed(self, name: str, source: _Source, first_kept: int) -> None:
        logger.error(
            "events %d to %d of %s are no longer in its journal; continuing at %d",
            source.position + 1,
            first_kept - 1,
            name,
            first_kept,
        )
        source.position = first_kept - 1

    def _ask_for_missing(self) -> None:
        now = self._clock.monotonic_ns()
        for name, source in self._sources.items():
            complete = source.replaced or source.newest_known <= source.position
            if complete and not source.doubted:
                continue
            if source.asking and now - source.asked_at_ns < REPLAY_RETRY_NS:
                continue
            source.asking = True
            source.asked_at_ns = now
            self._ask(
                name,
                ReplayFrom(seq=source.position + 1, limit=REPLAY_BATCH, witness=source.witness),
            )

    def _ask(self, process: str, command: Any) -> None:
        self._requests += 1
        request = Request(
            id=f"{self._name}-{self._requests}",
            type=type(command).__name__,
            sender=self._name,
            body=encode_body(command),
        )
        self._asker.ask(process, encode(request))

    def _count_malformed(self, error: ProtocolError) -> None:
        self._malformed += 1
        now = self._clock.monotonic_ns()
        if now - self._malformed_logged_ns >= MALFORMED_LOG_NS or self._malformed == 1:
            self._malformed_logged_ns = now
            logger.warning("%d malformed bus messages so far; the last: %s", self._malformed, error)
