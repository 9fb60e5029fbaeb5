"""All of a process's journal on this disk, read from files: its archive, then its segments."""

import os
from collections.abc import Iterator
from pathlib import Path

import msgspec

from polybot.errors import StorageError
from polybot.runtime.disk import translated
from polybot.runtime.journal_archive import SUFFIX, archived_segments
from polybot.runtime.journal_format import (
    MAGIC_BYTES,
    JournalRecord,
    StoredRecord,
    chain_hash,
    decode_record,
)
from polybot.runtime.journal_segment import Segment, list_segments


class JournalHistory(msgspec.Struct):
    """Reads a journal's records whether its process runs or not, and says what is not there.

    `missing` are the ranges of seq, first and last, that were passed over so far. What it yields is
    durable: the segments are synced before they are read.
    """

    directory: Path
    missing: list[tuple[int, int]] = msgspec.field(default_factory=list)

    def first_seq(self) -> int:
        """Return the oldest seq there is a file for, 0 when there is no journal."""
        return min((segment.first_seq for segment in self._segments()), default=0)

    def first_live_seq(self) -> int:
        """Return the oldest seq the process itself can still read, 0 when there is no journal."""
        return min((segment.first_seq for segment in list_segments(self.directory)), default=0)

    def payloads_after(self, seq: int) -> Iterator[tuple[int, bytes]]:
        """Yield seq and payload of every whole record after a seq, in order.

        Raises StorageError when a file cannot be read.
        """
        for record in self._stored_after(seq):
            yield record.seq, record.payload

    def records_after(self, seq: int) -> Iterator[JournalRecord]:
        """Yield the same with each record's own hash."""
        for record in self._stored_after(seq):
            own_hash = chain_hash(record.previous_hash, record.seq, record.payload)
            yield JournalRecord(record.seq, record.payload, own_hash)

    def _stored_after(self, seq: int) -> Iterator[StoredRecord]:
        segments = self._segments()
        for row, segment in enumerate(segments):
            if row + 1 < len(segments) and segments[row + 1].first_seq <= seq + 1:
                continue
            for record in _records(self._load(segment)):
                if record.seq <= seq:
                    continue
                if record.seq > seq + 1:
                    self.missing.append((seq + 1, record.seq - 1))
                seq = record.seq
                yield record

    def _segments(self) -> list[Segment]:
        found = {segment.first_seq: segment for segment in archived_segments(self.directory)}
        found |= {segment.first_seq: segment for segment in list_segments(self.directory)}
        return [found[first_seq] for first_seq in sorted(found)]

    def _load(self, segment: Segment) -> bytes:
        if segment.path.name.endswith(SUFFIX):
            return _unpacked(segment.path)
        try:
            return _synced(segment.path)
        except FileNotFoundError:
            # Its process archived and trimmed it just now.
            return _unpacked(self._archived(segment))
        except OSError as error:
            raise StorageError(f"cannot read {segment.path}: {error.strerror}") from error

    def _archived(self, segment: Segment) -> Path:
        for kept in archived_segments(self.directory):
            if kept.first_seq == segment.first_seq:
                return kept.path
        raise StorageError(f"expected {segment.path} or its archived copy, was neither")


def _synced(path: Path) -> bytes:
    # What a killed process left in the page cache could still be lost: it is not when it is told.
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
        with os.fdopen(os.dup(descriptor), "rb") as file:
            return file.read()
    finally:
        os.close(descriptor)


def _unpacked(path: Path) -> bytes:
    # Only a rebuild and commands about the past read the archive.
    import zstandard  # noqa: PLC0415

    with translated(path):
        packed = path.read_bytes()
    try:
        return zstandard.ZstdDecompressor().decompress(packed)
    except zstandard.ZstdError:
        # A damaged copy is a hole: its events are told to be missing, the others are read.
        return b""


def _records(data: bytes) -> Iterator[StoredRecord]:
    """Yield every whole record, also those behind damage; zeros and a torn tail are the end."""
    offset = 0
    while True:
        record = decode_record(data, offset)
        if isinstance(record, StoredRecord):
            yield record
            offset += record.size
            continue
        # The magic is the second word of a header, so a record starts 4 bytes before it.
        found = data.find(MAGIC_BYTES, offset + 5)
        if found == -1:
            return
        offset = found - 4
