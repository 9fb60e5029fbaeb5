"""One segment file of a journal: its name, its records, and whether bad bytes are torn or not."""

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from polybot.errors import JournalError
from polybot.runtime.journal_format import (
    HEADER_BYTES,
    MAGIC_BYTES,
    Flaw,
    StoredRecord,
    chain_hash,
    decode_record,
)

_PREFIX, _SUFFIX = "journal-", ".log"
# A power cut leaves each sector of an unsynced record either written or still zero.
_SECTOR_BYTES = 512
MARK_EVERY = 64


class Damage(msgspec.Struct, frozen=True):
    """Where a journal stops being readable, and why.

    `torn` means an unsynced write cut short: nothing durable is in it. Otherwise a record that was
    whole is not what was written.
    """

    path: Path
    offset: int
    seq: int
    reason: str
    torn: bool = False

    def __str__(self) -> str:
        kind = "torn tail" if self.torn else "changed record"
        return f"{kind} in {self.path} at offset {self.offset}, seq {self.seq}: {self.reason}"

    def error(self) -> JournalError:
        """Return the error that refuses to go on, with what a person can do."""
        return JournalError(
            f"{self}; expected the record as it was written. Restore this file from a backup, or "
            "begin anew with another POLYBOT_STATE_DIR"
        )


@dataclass(slots=True)
class Segment:
    """A segment file and a sparse index of it, ascending: every 64th record's seq and offset."""

    path: Path
    first_seq: int
    marks: list[tuple[int, int]] = field(default_factory=list)

    def mark(self, seq: int, offset: int) -> None:
        """Remember where a record lies, when it is one of those to remember."""
        if (seq - self.first_seq) % MARK_EVERY == 0:
            self.mark_always(seq, offset)

    def mark_always(self, seq: int, offset: int) -> None:
        """Remember a record that reading must be able to begin at: damage lies before it."""
        if not self.marks or seq > self.marks[-1][0]:
            self.marks.append((seq, offset))

    def nearest(self, seq: int) -> tuple[int, int]:
        """Return seq and offset of the last remembered record at or before `seq`."""
        row = bisect_right(self.marks, seq, key=lambda mark: mark[0])
        return self.marks[row - 1] if row else (self.first_seq, 0)


@dataclass(slots=True)
class Scan:
    """What reading a segment found; `end` is the offset after the last good record."""

    first_hash: bytes | None = None
    last_hash: bytes | None = None
    last_seq: int = 0
    records: int = 0
    end: int = 0
    damage: Damage | None = None


def segment_path(directory: Path, first_seq: int) -> Path:
    """Return the name of the segment that starts at a seq; names sort by seq."""
    return directory / f"{_PREFIX}{first_seq:016d}{_SUFFIX}"


def list_segments(directory: Path) -> list[Segment]:
    """Return a directory's segments, oldest first; other files are not looked at."""
    found = []
    for path in directory.glob(f"{_PREFIX}*{_SUFFIX}"):
        number = path.name[len(_PREFIX) : -len(_SUFFIX)]
        if number.isdecimal():
            found.append(Segment(path, int(number)))
    return sorted(found, key=lambda segment: segment.first_seq)


def scan_segment(segment: Segment, data: bytes, previous_hash: bytes | None) -> Scan:
    """Check every record of a segment and index it.

    `previous_hash` is the hash the first record must continue, None when it is not known. Damage is
    called changed here; only the newest segment can be torn (`is_torn`).
    """
    return _scan(segment, data, Scan(last_hash=previous_hash, last_seq=segment.first_seq - 1))


def scan_behind(segment: Segment, data: bytes, damage: Damage) -> Scan | None:
    """Check the records behind damage, from the next that can be read; None when there is none.

    What lies between the two is lost; nothing tells whether the next record continues it.
    """
    for offset, record in _records_behind(data, damage.offset):
        if record.seq > damage.seq:
            segment.mark_always(record.seq, offset)
            return _scan(segment, data, Scan(last_seq=record.seq - 1, end=offset))
    return None


def _scan(segment: Segment, data: bytes, scan: Scan) -> Scan:
    last_offset = scan.end
    while True:
        record = decode_record(data, scan.end)
        if isinstance(record, Flaw):
            if record is not Flaw.END or any_byte(data, scan.end):
                reason = record.value if record is not Flaw.END else Flaw.HEADER.value
                scan.damage = Damage(segment.path, scan.end, scan.last_seq + 1, reason)
            return scan
        if record.seq != scan.last_seq + 1:
            reason = f"expected seq {scan.last_seq + 1}, was {record.seq}"
            scan.damage = Damage(segment.path, scan.end, scan.last_seq + 1, reason)
            return scan
        if scan.last_hash is not None and record.previous_hash != scan.last_hash:
            scan.damage = _broken_chain(segment, scan, last_offset)
            return scan
        last_offset = scan.end
        _accept(segment, scan, record)


def is_torn(data: bytes, offset: int, seq: int) -> bool:
    """Return whether the bad bytes at an offset can be what a crash left of unsynced records.

    They cannot when a later record knew `seq` to be synced, or when no part of the bad record is
    still unwritten.
    """
    if decode_record(data, offset) is Flaw.FORMAT or _known_durable(data, offset, seq):
        return False
    return _has_unwritten_part(data, offset)


def any_byte(data: bytes, offset: int) -> bool:
    """Return whether anything but zeros follows an offset."""
    return data.count(0, offset) != len(data) - offset


def _accept(segment: Segment, scan: Scan, record: StoredRecord) -> None:
    segment.mark(record.seq, scan.end)
    if scan.first_hash is None:
        scan.first_hash = record.previous_hash
    scan.last_hash = chain_hash(record.previous_hash, record.seq, record.payload)
    scan.last_seq = record.seq
    scan.records += 1
    scan.end += record.size


def _broken_chain(segment: Segment, scan: Scan, last_offset: int) -> Damage:
    # With whole checksums on both, the record that changed is the one before, or it is gone.
    if scan.records:
        reason = f"record {scan.last_seq + 1} keeps another hash of it"
        return Damage(segment.path, last_offset, scan.last_seq, reason)
    reason = "it does not continue the segment before"
    return Damage(segment.path, 0, segment.first_seq, reason)


def _known_durable(data: bytes, offset: int, seq: int) -> bool:
    return any(record.durable_seq >= seq for _, record in _records_behind(data, offset))


def _records_behind(data: bytes, offset: int) -> Iterator[tuple[int, StoredRecord]]:
    """Yield the whole records that begin after an offset, wherever they are."""
    # The magic is the second word of a header, so a record starts 4 bytes before each hit.
    position = data.find(MAGIC_BYTES, offset + 5)
    while position != -1:
        record = decode_record(data, position - 4)
        if isinstance(record, StoredRecord):
            yield position - 4, record
        position = data.find(MAGIC_BYTES, position + 1)


def _has_unwritten_part(data: bytes, offset: int) -> bool:
    end = offset + HEADER_BYTES
    if decode_record(data, offset) is Flaw.PAYLOAD:
        end += int.from_bytes(data[offset : offset + 4], "little")
    if end > len(data) or data[end - 1] == 0:
        return True
    start = offset
    while start < end:
        stop = min(end, (start // _SECTOR_BYTES + 1) * _SECTOR_BYTES)
        if not any(data[start:stop]):
            return True
        start = stop
    return False
