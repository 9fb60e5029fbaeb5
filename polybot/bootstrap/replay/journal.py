"""A session's own part of the trader's journal: what its decisions have to come out as."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from polybot.errors import StorageError
from polybot.messages.codec import decode_envelope
from polybot.messages.envelope import Envelope
from polybot.messages.trading import DecisionMade, OrderSubmitted
from polybot.runtime.journal_history import JournalHistory

DECISION = DecisionMade.__name__
_ORDER = OrderSubmitted.__name__


class _OrderId(msgspec.Struct, frozen=True):
    venue_order_id: str


class _Submitted(msgspec.Struct, frozen=True):
    order: _OrderId
    body: str


class _Signature(msgspec.Struct, frozen=True):
    signature: str


class _Posted(msgspec.Struct, frozen=True):
    order: _Signature


_submitted = msgspec.json.Decoder(_Submitted)
_posted = msgspec.json.Decoder(_Posted)


@dataclass(slots=True)
class SessionJournal:
    """Reads the events of one session, which follow each other; archived segments included.

    Raises StorageError when its first ones are no longer there, or some are missing in between.
    """

    directory: Path
    session: str
    after_seq: int
    signatures: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for envelope, _ in self._read():
            if envelope.type == _ORDER:
                submitted = _submitted.decode(envelope.body)
                signature = _posted.decode(submitted.body).order.signature
                self.signatures[submitted.order.venue_order_id] = signature

    def events(self) -> "SessionEvents":
        """Return the session's events from the first one on."""
        return SessionEvents(self._read())

    def _read(self) -> Iterator[tuple[Envelope, bytes]]:
        expected = self.after_seq + 1
        for seq, payload in JournalHistory(self.directory).payloads_after(self.after_seq):
            envelope = decode_envelope(payload)
            if envelope.session != self.session and seq == expected:
                return
            if seq != expected:
                raise StorageError(
                    f"expected event {expected} of session {self.session} in {self.directory}, was "
                    f"{seq}: the journal was trimmed (trader.journal_retention_mb, "
                    "trader.journal_archive_mb) or is damaged (polybot journal verify)"
                )
            expected += 1
            yield envelope, payload


class SessionEvents:
    """The events still to come, one at a time."""

    def __init__(self, events: Iterator[tuple[Envelope, bytes]]) -> None:
        self._events = events
        self._next = next(events, None)

    def peek(self) -> tuple[Envelope, bytes] | None:
        """Return the next event and its bytes, None behind the last one."""
        return self._next

    def take(self) -> tuple[Envelope, bytes] | None:
        """Return the next event and step over it."""
        taken, self._next = self._next, next(self._events, None)
        return taken
