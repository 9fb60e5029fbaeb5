"""A process's own durable events, read back from its journal as others receive them."""

import logging
from typing import Any, Protocol

from polybot.errors import ProtocolError
from polybot.messages.codec import decode_body, decode_envelope
from polybot.messages.envelope import Envelope
from polybot.runtime.inbox import content_hash

logger = logging.getLogger(__name__)


class SyncedJournal(Protocol):
    """What reading back needs of the journal."""

    @property
    def first_seq(self) -> int:
        """Return the oldest seq still kept."""

    @property
    def synced_seq(self) -> int:
        """Return the newest seq that is durable."""

    def payloads_from(self, seq: int, limit: int) -> list[bytes]:
        """Return at most `limit` payloads from `seq` on."""


class JournaledEvents:
    """Reads what is synced: an event that a crash could still take back is not told."""

    def __init__(self, journal: SyncedJournal) -> None:
        self._journal = journal

    def after(self, seq: int, limit: int = 500) -> list[tuple[Envelope, Any, str]]:
        """Return at most `limit` events after `seq` with their content hashes, oldest first.

        The body of a type this version does not know is None.
        """
        first = seq + 1
        if first > self._journal.synced_seq:
            return []
        if first < self._journal.first_seq:
            logger.error(
                "own events %d to %d are no longer in the journal",
                first,
                self._journal.first_seq - 1,
            )
            first = self._journal.first_seq
        return [read_event(payload) for payload in self._journal.payloads_from(first, limit)]


def read_event(payload: bytes) -> tuple[Envelope, Any, str]:
    """Return a journaled event as others receive it, with the hash of its bytes.

    The body of a type this version does not know is None. Raises ProtocolError for other bytes.
    """
    envelope = decode_envelope(payload)
    try:
        body = decode_body(envelope.type, envelope.body)
    except ProtocolError as error:
        logger.warning(
            "event %d of %s is of another version: %s", envelope.seq, envelope.source, error
        )
        body = None
    return envelope, body, content_hash(payload)
