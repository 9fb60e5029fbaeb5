"""A start checks what it stands on, and makes durable what an earlier life may have lost."""

import os
from pathlib import Path

import pytest

from polybot.errors import FatalError, JournalError
from polybot.runtime.journal import Journal, JournalSettings
from polybot.runtime.journal_recovery import check_for_start, make_tail_durable
from polybot.runtime.journal_segment import Segment, list_segments
from polybot.runtime.journal_verify import VerifyReport

SMALL = JournalSettings(segment_bytes=4 << 10, reserve_bytes=1 << 10)


def opened(directory: Path, synced: int, unsynced: int = 0) -> Journal:
    journal = Journal.open(directory, settings=SMALL)
    for _ in range(synced):
        journal.append(b'{"pad":"%s"}' % (b"x" * 100))
        journal.sync()
    for _ in range(unsynced):
        journal.append(b'{"unsynced":true}')
    return journal


def checked(
    directory: Path, *, scan_from_seq: int = 1, floor_seq: int = 0
) -> tuple[list[Segment], VerifyReport]:
    segments = list_segments(directory)
    report = check_for_start(directory, segments, scan_from_seq=scan_from_seq, floor_seq=floor_seq)
    return segments, report


def test_what_an_earlier_life_may_not_have_synced_is_written_again(tmp_path: Path) -> None:
    # That this is what a disk needs which lost writes: test_journal_dying_disk.
    opened(tmp_path, synced=5, unsynced=3).close()
    segments, report = checked(tmp_path)
    # The first of the group of three knew five records to be durable, and so did the last.
    assert (report.last_seq, report.durable_seq) == (8, 5)
    path = segments[0].path
    before = path.read_bytes()
    os.utime(path, ns=(0, 0))
    descriptor = os.open(path, os.O_RDWR)
    make_tail_durable(descriptor, segments[0], report)
    os.close(descriptor)
    assert path.stat().st_mtime_ns > 0
    assert path.read_bytes() == before


def test_a_missing_segment_is_refused_by_the_name_of_its_file(tmp_path: Path) -> None:
    opened(tmp_path, synced=90).close()
    lost = list_segments(tmp_path)[1]
    lost.path.unlink()
    with pytest.raises(JournalError, match=f"missing segment in {lost.path} at offset 0, seq"):
        checked(tmp_path)


def test_a_hole_before_what_has_to_be_read_does_not_matter(tmp_path: Path) -> None:
    opened(tmp_path, synced=90).close()
    segments = list_segments(tmp_path)
    segments[1].path.unlink()
    _, report = checked(tmp_path, scan_from_seq=segments[2].first_seq)
    assert report.last_seq == 90


def test_records_known_to_be_durable_must_be_there(tmp_path: Path) -> None:
    opened(tmp_path, synced=3).close()
    with pytest.raises(JournalError, match="up to seq 4"):
        checked(tmp_path, floor_seq=4)


def descriptor_of(path: Path) -> int:
    """Return the descriptor of this process that is open on a file."""
    (found,) = [
        int(name)
        for name in os.listdir("/proc/self/fd")
        if os.path.realpath(f"/proc/self/fd/{name}") == str(path)
    ]
    return found


def test_after_a_failed_sync_nothing_is_ever_called_durable_in_that_life(tmp_path: Path) -> None:
    journal = opened(tmp_path, synced=2, unsynced=1)
    # A pipe has no disk: its fdatasync fails for real, as that of a dying disk does.
    descriptor = descriptor_of(list_segments(tmp_path)[0].path)
    disk = os.dup(descriptor)
    reading, writing = os.pipe()
    os.dup2(writing, descriptor)
    with pytest.raises(FatalError, match=r"cannot sync .*start this process again"):
        journal.sync()
    # The kernel tells of a lost write once; from now on a sync would succeed.
    os.dup2(disk, descriptor)
    with pytest.raises(FatalError, match="cannot sync"):
        journal.sync()
    with pytest.raises(FatalError, match="cannot sync"):
        journal.append(b'"later"')
    assert journal.synced_seq == 2
    assert journal.read_from(3, 1) == []
    journal.close()
    for used in (disk, reading, writing):
        os.close(used)
    journal = Journal.open(tmp_path, settings=SMALL)
    assert journal.append(b'"goes on"') == journal.synced_seq + 1
    journal.close()
