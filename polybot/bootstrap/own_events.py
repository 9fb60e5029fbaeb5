"""This process's own durable events, read back from its journal as its peers would hear them."""

from typing import Any

from polybot.messages.codec import decode_body, decode_envelope
from polybot.messages.envelope import Envelope
from polybot.runtime.inbox import content_hash
from polybot.runtime.journal import Journal


class JournalEvents:
    """Reads synced records only: what a crash could take back was never said."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    def after(self, seq: int, limit: int = 500) -> list[tuple[Envelope, Any, str]]:
        """Return synced events after `seq`, oldest first; the hash is that of their bytes."""
        newest = self._journal.synced_seq
        if seq >= newest:
            return []
        first = max(seq + 1, self._journal.first_seq)
        records = []
        for payload in self._journal.payloads_from(first, min(limit, newest - first + 1)):
            envelope = decode_envelope(payload)
            body = decode_body(envelope.type, envelope.body)
            records.append((envelope, body, content_hash(payload)))
        return records
