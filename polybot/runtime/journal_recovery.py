"""What a start does with the journal an earlier life left: check it, then make its tail durable."""

import logging
import os
from pathlib import Path

from polybot.errors import JournalError
from polybot.runtime.disk import translated, write_all
from polybot.runtime.journal_damage import Damage, lost_part
from polybot.runtime.journal_segment import Segment
from polybot.runtime.journal_verify import VerifyReport, verify_segments

logger = logging.getLogger(__name__)


def check_for_start(
    directory: Path, segments: list[Segment], *, scan_from_seq: int, floor_seq: int
) -> VerifyReport:
    """Check and index the segments that hold records from a seq on.

    Changes nothing but a single byte of the newest segment that may never have been written and
    that its record's checksum gives back. Raises JournalError for a changed record, a missing
    segment, and a journal that ends before `floor_seq`, which is known to have been durable.
    """
    rows = range(len(segments))
    row = max((r for r in rows if segments[r].first_seq <= scan_from_seq), default=0)
    covered_seq = scan_from_seq - 1
    report = _verified(directory, segments[row:], covered_seq)
    while not report.records and row:
        # The newest segment is still empty: the chain's head lies in the one before.
        row -= 1
        report = _verified(directory, segments[row:], covered_seq)
    if report.problems:
        raise report.problems[0].error()
    for damage in report.covered:
        logger.error(
            "%s; the checkpoint at %d holds what it said, so the start goes on; restore the "
            "file from a backup",
            damage,
            covered_seq,
        )
    if report.last_seq < floor_seq:
        raise JournalError(
            f"expected records up to seq {floor_seq} in {directory} (the checkpoint "
            f"holds them), was {report.last_seq}; restore the newest segment from a backup"
        )
    return report


def _verified(directory: Path, segments: list[Segment], covered_seq: int) -> VerifyReport:
    report = verify_segments(directory, segments, covered_seq=covered_seq)
    if len(report.problems) == 1 and _is_mended(report.problems[0], segments[-1]):
        segments[-1].marks.clear()
        report = verify_segments(directory, segments, covered_seq=covered_seq)
    return report


def _is_mended(damage: Damage, newest: Segment) -> bool:
    if damage.path != newest.path:
        return False
    with translated(newest.path):
        part = lost_part(newest.path.read_bytes(), damage)
        if part is None:
            return False
        with newest.path.open("r+b", buffering=0) as file:
            file.seek(part[0])
            file.write(part[1])
            os.fsync(file.fileno())
    logger.warning("%s; it was given back by the record's checksum", damage)
    return True


def make_tail_durable(descriptor: int, segment: Segment, report: VerifyReport) -> None:
    """Clear what is behind the last record, and make the last records durable for certain.

    Those that an earlier life may never have synced are written once more: after a failed sync the
    kernel holds pages it calls clean and the disk does not have, so a sync alone would be a lie.
    """
    capacity = os.fstat(descriptor).st_size
    if report.torn_tail is not None:
        logger.warning("%s; cut, nothing durable was in it", report.torn_tail)
    for damage in report.unused:
        logger.warning("%s; no record is harmed, check the disk", damage)
    if report.torn_tail is not None or report.unused:
        # In place, not by truncating: a full disk would not give the space back.
        write_all(descriptor, bytes(capacity - report.end_offset), report.end_offset)
    _, start = segment.nearest(max(report.durable_seq + 1, segment.first_seq))
    unsure = os.pread(descriptor, report.end_offset - start, start)
    write_all(descriptor, unsure, start)
    # What a killed process left in the page cache becomes durable before anybody relies on it.
    os.fsync(descriptor)
