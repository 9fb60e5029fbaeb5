"""A journal as a plain log of records, the way the simulated exchange keeps its books."""

from collections.abc import Sequence

from polybot.runtime.journal import Journal


class JournalRecordLog:
    """Appends, syncs and reads back; the journal does the rest."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    def append(self, payload: bytes) -> int:
        """Append a record and return its seq."""
        return self._journal.append(payload)

    def sync(self) -> None:
        """Make everything appended durable."""
        self._journal.sync()

    def records_after(self, seq: int) -> Sequence[tuple[int, bytes]]:
        """Return every durable record after `seq`, oldest first."""
        records: list[tuple[int, bytes]] = []
        while seq < self._journal.synced_seq:
            for record in self._journal.read_from(seq + 1, self._journal.synced_seq - seq):
                records.append((record.seq, record.payload))
                seq = record.seq
        return records
