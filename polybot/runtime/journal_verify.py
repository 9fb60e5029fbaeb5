"""Checks every record of a journal and their chain, for `journal verify` and for recovery."""

from pathlib import Path

import msgspec
from msgspec.structs import replace

from polybot.runtime.disk import translated
from polybot.runtime.journal_format import FIRST_HASH
from polybot.runtime.journal_segment import (
    Damage,
    Scan,
    Segment,
    is_torn,
    list_segments,
    scan_behind,
    scan_segment,
)


class VerifyReport(msgspec.Struct, frozen=True):
    """What checking a journal found; a torn tail alone is no problem, the next start cuts it.

    `end_offset` is where the next record would go in the newest segment; `covered` is damage that
    a checkpoint stands in for.
    """

    directory: Path
    segments: int
    records: int
    first_seq: int
    last_seq: int
    last_hash: bytes
    end_offset: int = 0
    problems: tuple[Damage, ...] = ()
    torn_tail: Damage | None = None
    covered: tuple[Damage, ...] = ()

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
        return lines


def verify(directory: Path) -> VerifyReport:
    """Check a whole journal; changes nothing.

    Every segment is checked also when one before it is damaged. Raises StorageError when a file
    cannot be read.
    """
    return verify_segments(directory, list_segments(directory))


def verify_segments(
    directory: Path, segments: list[Segment], *, covered_seq: int = 0
) -> VerifyReport:
    """Check some segments of a journal, oldest first, and index them.

    Damage in records up to `covered_seq` only is no problem: a checkpoint holds what they said.
    """
    problems: list[Damage] = []
    covered: list[Damage] = []
    torn_tail: Damage | None = None
    records = 0
    scan: Scan | None = None
    for segment in segments:
        missing = _missing_before(segment, scan)
        if missing is not None:
            problems.append(missing)
            scan = None
        with translated(segment.path):
            data = segment.path.read_bytes()
        scan = scan_segment(segment, data, _known_hash(scan))
        records += scan.records
        if scan.damage is None:
            continue
        if segment is segments[-1] and is_torn(data, scan.damage.offset, scan.damage.seq):
            torn_tail = replace(scan.damage, torn=True)
            continue
        behind = _behind_covered(segment, data, scan.damage, covered_seq)
        if behind is None:
            problems.append(scan.damage)
        else:
            covered.append(scan.damage)
            scan = behind
            records += scan.records
    return VerifyReport(
        directory=directory,
        segments=len(segments),
        records=records,
        first_seq=segments[0].first_seq if segments else 1,
        last_seq=scan.last_seq if scan else 0,
        last_hash=(scan.last_hash if scan else None) or FIRST_HASH,
        end_offset=scan.end if scan else 0,
        problems=tuple(problems),
        torn_tail=torn_tail,
        covered=tuple(covered),
    )


def _behind_covered(segment: Segment, data: bytes, damage: Damage, covered_seq: int) -> Scan | None:
    """Return the whole rest of a segment behind damage, None when not all that is lost is covered.

    One damage is borne: where there is more, a person should look first.
    """
    if damage.seq > covered_seq:
        return None
    behind = scan_behind(segment, data, damage)
    if behind is None or behind.damage is not None:
        return None
    first_seq = behind.last_seq - behind.records + 1
    return behind if first_seq <= covered_seq + 1 else None


def _known_hash(before: Scan | None) -> bytes | None:
    # Behind damage nobody knows what the next segment has to continue.
    return before.last_hash if before is not None and before.damage is None else None


def _missing_before(segment: Segment, before: Scan | None) -> Damage | None:
    if before is None or before.damage is not None or segment.first_seq == before.last_seq + 1:
        return None
    reason = f"expected the segment that starts at seq {before.last_seq + 1}, was this one"
    return Damage(segment.path, 0, before.last_seq + 1, reason)
