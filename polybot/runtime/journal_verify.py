"""Checks every record of a journal and their chain, for `journal verify` and for recovery."""

from pathlib import Path

import msgspec
from msgspec.structs import replace

from polybot.runtime.disk import translated
from polybot.runtime.journal_damage import Damage, Kind, is_torn
from polybot.runtime.journal_format import FIRST_HASH
from polybot.runtime.journal_segment import (
    Scan,
    Segment,
    list_segments,
    scan_behind,
    scan_segment,
    segment_path,
)

# The files made ahead: `journal.spare` and `journal.reserve`.
_SPARES = "journal.[rs]*e"


class VerifyReport(msgspec.Struct, frozen=True):
    """What checking a journal found; a torn tail alone is no problem, the next start cuts it.

    `end_offset` is where the next record would go in the newest segment, `durable_seq` what its
    last record knew to be synced. `covered` is damage that a checkpoint stands in for, `unused`
    bytes that changed where no record is: they mean nothing, but a disk that changes bytes does.
    """

    directory: Path
    segments: int
    records: int
    first_seq: int
    last_seq: int
    last_hash: bytes
    end_offset: int = 0
    durable_seq: int = 0
    problems: tuple[Damage, ...] = ()
    torn_tail: Damage | None = None
    covered: tuple[Damage, ...] = ()
    unused: tuple[Damage, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether every record is what was written."""
        return not self.problems

    def lines(self) -> list[str]:
        """Return the report as sentences for a person."""
        summary = (
            f"{self.records} records in {self.segments} segments of {self.directory}: "
            f"seq {self.first_seq} to {self.last_seq}, head {self.last_hash.hex()}"
        )
        lines = [summary, *map(str, self.problems)]
        if self.torn_tail is not None:
            lines.append(f"{self.torn_tail}; nothing durable is in it, the next start cuts it")
        lines += [f"{damage}; no record is harmed, check the disk" for damage in self.unused]
        return lines


def verify(directory: Path) -> VerifyReport:
    """Check a whole journal and the space made ahead for it; changes nothing.

    Every segment is checked also when one before it is damaged. Raises StorageError when a file
    cannot be read.
    """
    report = verify_segments(directory, list_segments(directory))
    spares = [_spare_damage(path, report.last_seq + 1) for path in sorted(directory.glob(_SPARES))]
    return replace(report, unused=(*report.unused, *filter(None, spares)))


def verify_segments(
    directory: Path, segments: list[Segment], *, covered_seq: int = 0
) -> VerifyReport:
    """Check some segments of a journal, oldest first, and index them.

    Damage in records up to `covered_seq` only is no problem: a checkpoint holds what they said.
    """
    check = _Check(covered_seq)
    for segment in segments:
        check.take(segment, newest=segment is segments[-1])
    scan = check.scan
    return VerifyReport(
        directory=directory,
        segments=len(segments),
        records=check.records,
        first_seq=segments[0].first_seq if segments else 1,
        last_seq=scan.last_seq if scan else 0,
        last_hash=(scan.last_hash if scan else None) or FIRST_HASH,
        end_offset=scan.end if scan else 0,
        durable_seq=scan.durable_seq if scan else 0,
        problems=tuple(check.problems),
        torn_tail=check.torn_tail,
        covered=tuple(check.covered),
        unused=tuple(check.unused),
    )


class _Check:
    """What was found in the segments taken so far."""

    def __init__(self, covered_seq: int) -> None:
        self._covered_seq = covered_seq
        self.problems: list[Damage] = []
        self.covered: list[Damage] = []
        self.unused: list[Damage] = []
        self.torn_tail: Damage | None = None
        self.records = 0
        self.scan: Scan | None = None

    def take(self, segment: Segment, *, newest: bool) -> None:
        """Check the next segment."""
        missing = _missing_before(segment, self.scan)
        if missing is not None:
            self.problems.append(missing)
            self.scan = None
        with translated(segment.path):
            data = segment.path.read_bytes()
        self.scan = scan_segment(segment, data, _known_hash(self.scan))
        self.records += self.scan.records
        if self.scan.damage is not None:
            self._judge(segment, data, self.scan, self.scan.damage, newest=newest)

    def _judge(
        self, segment: Segment, data: bytes, scan: Scan, damage: Damage, *, newest: bool
    ) -> None:
        if damage.kind is Kind.STRAY:
            # In an older segment the next one tells whether records end here.
            self.unused.append(damage)
            scan.damage = None
        elif newest and is_torn(data, damage.offset, damage.seq):
            self.torn_tail = replace(damage, kind=Kind.TORN)
        else:
            behind = _behind_covered(segment, data, damage, self._covered_seq)
            if behind is None:
                self.problems.append(damage)
            else:
                self.covered.append(damage)
                self.scan = behind
                self.records += behind.records


def _spare_damage(path: Path, next_seq: int) -> Damage | None:
    with translated(path):
        data = path.read_bytes()
    changed = len(data) - data.count(0)
    if not changed:
        return None
    at = len(data) - len(data.lstrip(b"\0"))
    reason = f"{changed} bytes are not zero in space made ahead, which no record uses yet"
    return Damage(path, at, next_seq, reason, kind=Kind.STRAY, changed_at=at)


def _behind_covered(segment: Segment, data: bytes, damage: Damage, covered_seq: int) -> Scan | None:
    """Return the whole rest of a segment behind damage, None when not all that is lost is covered.

    One damage is borne: where there is more, a person should look first.
    """
    if damage.seq > covered_seq:
        return None
    behind = scan_behind(segment, data, damage)
    if behind is None or (behind.damage is not None and behind.damage.kind is not Kind.STRAY):
        return None
    first_seq = behind.last_seq - behind.records + 1
    return behind if first_seq <= covered_seq + 1 else None


def _known_hash(before: Scan | None) -> bytes | None:
    # Behind damage nobody knows what the next segment has to continue.
    return before.last_hash if before is not None and before.damage is None else None


def _missing_before(segment: Segment, before: Scan | None) -> Damage | None:
    if before is None or before.damage is not None or segment.first_seq == before.last_seq + 1:
        return None
    first, last = before.last_seq + 1, segment.first_seq - 1
    reason = (
        f"the records from {first} to {last} are not here, the next file is {segment.path.name}"
    )
    path = segment_path(segment.path.parent, first)
    return Damage(path, 0, first, reason, kind=Kind.MISSING)
