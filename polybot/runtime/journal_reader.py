"""Reads a journal: records from any seq on, in bounded batches."""

import os
from bisect import bisect_right
from pathlib import Path

from polybot.errors import JournalError
from polybot.runtime.disk import translated
from polybot.runtime.journal_damage import Damage, is_torn, stray_byte
from polybot.runtime.journal_format import (
    HEADER_BYTES,
    Flaw,
    JournalRecord,
    StoredRecord,
    chain_hash,
    decode_record,
)
from polybot.runtime.journal_segment import Segment, list_segments

BATCH_BYTES = 1 << 20
_CHUNK_BYTES = 1 << 18


class JournalReader:
    """Reads records of a journal directory, also while another process writes it.

    `segments` is shared with the writer when there is one in this process.
    """

    def __init__(self, directory: Path, segments: list[Segment] | None = None) -> None:
        self._directory = directory
        self.segments = list_segments(directory) if segments is None else segments

    @property
    def first_seq(self) -> int:
        """The oldest seq that is still here; 1 for an empty journal."""
        return self.segments[0].first_seq if self.segments else 1

    def read_from(
        self, seq: int, limit: int, *, until_seq: int | None = None
    ) -> list[JournalRecord]:
        """Return at most `limit` records (and about 1 MiB) from `seq` on; empty at the end.

        Without `until_seq` a torn tail counts as the end: it may be a record being written now.
        Raises JournalError when `seq` was trimmed away or a record on the way is damaged.
        """
        if seq < self.first_seq:
            raise JournalError(
                f"expected a seq of at least {self.first_seq} in {self._directory} "
                f"(older segments are deleted), was {seq}"
            )
        row = bisect_right(self.segments, seq, key=lambda segment: segment.first_seq) - 1
        batch = _Batch(seq, limit, until_seq)
        for segment in self.segments[max(row, 0) :]:
            if batch.full:
                break
            tolerant = until_seq is None and segment is self.segments[-1]
            with (
                translated(segment.path),
                _Cursor(segment, batch.next_seq, tolerant=tolerant) as cursor,
            ):
                batch.fill(cursor)
        return batch.records


class _Batch:
    """The records read so far and the bounds on how many there may be."""

    def __init__(self, seq: int, limit: int, until_seq: int | None) -> None:
        self.records: list[JournalRecord] = []
        self.next_seq = seq
        self._limit = limit
        self._until_seq = until_seq
        self._room = BATCH_BYTES

    @property
    def full(self) -> bool:
        """Whether a bound is reached."""
        if self._until_seq is not None and self.next_seq > self._until_seq:
            return True
        return len(self.records) >= self._limit or self._room <= 0

    def fill(self, cursor: "_Cursor") -> None:
        """Take records until a bound or the end of the segment is reached."""
        while not self.full:
            record = cursor.next()
            if record is None:
                return
            if record.seq >= self.next_seq:
                self.records.append(record)
                self.next_seq = record.seq + 1
                self._room -= len(record.payload)


class _Cursor:
    """Steps through one segment, starting near a seq, a chunk of the file at a time."""

    def __init__(self, segment: Segment, seq: int, *, tolerant: bool) -> None:
        self._segment = segment
        self._tolerant = tolerant
        self.seq, self._offset = segment.nearest(seq)
        self._descriptor = os.open(segment.path, os.O_RDONLY | os.O_CLOEXEC)
        self._chunk = b""
        self._chunk_start = self._offset

    def __enter__(self) -> "_Cursor":
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._descriptor)

    def next(self) -> JournalRecord | None:
        """Return the next record, None at the end of the segment's records."""
        record = self._decode()
        if record is Flaw.END:
            return None
        if isinstance(record, Flaw):
            if self._tolerant and self._is_end():
                return None
            raise Damage(self._segment.path, self._offset, self.seq, record.value).error()
        if record.seq != self.seq:
            reason = f"expected seq {self.seq}, was {record.seq}"
            raise Damage(self._segment.path, self._offset, self.seq, reason).error()
        self._segment.mark(self.seq, self._offset)
        self.seq += 1
        self._offset += record.size
        own_hash = chain_hash(record.previous_hash, record.seq, record.payload)
        return JournalRecord(record.seq, record.payload, own_hash)

    def _decode(self) -> StoredRecord | Flaw:
        record = decode_record(self._chunk, self._offset - self._chunk_start)
        if isinstance(record, StoredRecord):
            return record
        # The record may only reach past the chunk: look once more at the file itself.
        self._load(_CHUNK_BYTES)
        length = int.from_bytes(self._chunk[:4], "little")
        if length + HEADER_BYTES > len(self._chunk):
            self._chunk = self._rest()[: length + HEADER_BYTES]
        return decode_record(self._chunk, 0)

    def _is_end(self) -> bool:
        rest = self._rest()
        return stray_byte(self._segment.path, rest, 0, self.seq) is not None or is_torn(
            rest, 0, self.seq
        )

    def _rest(self) -> bytes:
        size = os.fstat(self._descriptor).st_size - self._offset
        return os.pread(self._descriptor, max(size, 0), self._offset)

    def _load(self, size: int) -> None:
        self._chunk = os.pread(self._descriptor, size, self._offset)
        self._chunk_start = self._offset
