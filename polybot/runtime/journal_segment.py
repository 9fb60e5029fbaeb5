"""One segment file of a journal: its name, its records, and where they stop being readable."""

from bisect import bisect_right
from pathlib import Path

import msgspec

from polybot.runtime.journal_damage import Damage, any_byte, flaw_damage, records_behind, stray_byte
from polybot.runtime.journal_format import Flaw, StoredRecord, chain_hash, decode_record

_PREFIX, _SUFFIX = "journal-", ".log"
MARK_EVERY = 64


class Segment(msgspec.Struct):
    """A segment file and a sparse index of it, ascending: every 64th record's seq and offset."""

    path: Path
    first_seq: int
    marks: list[tuple[int, int]] = msgspec.field(default_factory=list)

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


class Scan(msgspec.Struct):
    """What reading a segment found; `end` is the offset after the last good record.

    `durable_seq` is what was known to be synced when the last good record was written.
    """

    first_hash: bytes | None = None
    last_hash: bytes | None = None
    last_seq: int = 0
    durable_seq: int = 0
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
    for offset, record in records_behind(data, damage.offset):
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
                seq = scan.last_seq + 1
                scan.damage = stray_byte(segment.path, data, scan.end, seq) or flaw_damage(
                    segment.path, data, scan.end, seq, record
                )
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


def _accept(segment: Segment, scan: Scan, record: StoredRecord) -> None:
    segment.mark(record.seq, scan.end)
    if scan.first_hash is None:
        scan.first_hash = record.previous_hash
    scan.last_hash = chain_hash(record.previous_hash, record.seq, record.payload)
    scan.last_seq = record.seq
    scan.durable_seq = record.durable_seq
    scan.records += 1
    scan.end += record.size


def _broken_chain(segment: Segment, scan: Scan, last_offset: int) -> Damage:
    # With whole checksums on both, the record that changed is the one before, or it is gone.
    if scan.records:
        reason = f"record {scan.last_seq + 1} keeps another hash of it"
        return Damage(segment.path, last_offset, scan.last_seq, reason)
    reason = "it does not continue the segment before"
    return Damage(segment.path, 0, segment.first_seq, reason)
