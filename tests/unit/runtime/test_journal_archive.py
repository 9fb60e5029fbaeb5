import logging
from pathlib import Path

import pytest

from polybot.runtime.journal import Journal, JournalSettings
from polybot.runtime.journal_archive import JournalArchive, archived_segments
from polybot.runtime.journal_segment import list_segments

SMALL = JournalSettings(segment_bytes=4096, reserve_bytes=1024)
MEBIBYTE = 1 << 20


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    journal = Journal.open(tmp_path, settings=SMALL)
    for number in range(100):
        journal.append(b"%0200d" % number)
    journal.sync()
    return journal


def trim(journal: Journal, archive: JournalArchive, before_seq: int) -> int:
    """Trim as a process does: what was put away, in a later call than the one that began it."""
    first = journal.trim(archive.take_over(before_seq))
    archive.wait()
    return first + journal.trim(archive.take_over(before_seq))


def test_a_segment_is_trimmed_only_once_its_copy_is_there(journal: Journal, tmp_path: Path) -> None:
    archive = JournalArchive(tmp_path, cap_bytes=MEBIBYTE)
    before = {path.name: path.read_bytes() for path in tmp_path.glob("journal-*.log")}

    assert journal.trim(archive.take_over(60)) == 0
    archive.wait()
    trimmed = journal.trim(archive.take_over(60))

    kept = [segment.path.name for segment in archived_segments(tmp_path)]
    live = {segment.path.name for segment in list_segments(tmp_path)}
    assert trimmed == len(kept) > 2
    assert {f"{name}.zst" for name in before.keys() - live} == set(kept)
    assert journal.first_seq <= 60


def test_a_copy_is_the_segment_byte_for_byte_and_private(journal: Journal, tmp_path: Path) -> None:
    import zstandard  # noqa: PLC0415

    archive = JournalArchive(tmp_path, cap_bytes=MEBIBYTE)
    oldest = list_segments(tmp_path)[0].path
    data = oldest.read_bytes()

    trim(journal, archive, 60)

    copy = archived_segments(tmp_path)[0].path
    assert not oldest.exists()
    assert zstandard.ZstdDecompressor().decompress(copy.read_bytes()) == data
    assert copy.stat().st_mode & 0o777 == 0o600
    assert copy.parent.stat().st_mode & 0o777 == 0o700


def test_what_is_archived_already_is_not_looked_for_again(
    journal: Journal, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    archive = JournalArchive(tmp_path, cap_bytes=MEBIBYTE)
    trim(journal, archive, 100)
    names = [segment.path.name for segment in archived_segments(tmp_path)]

    assert trim(journal, archive, 100) == 0

    assert [segment.path.name for segment in archived_segments(tmp_path)] == names
    assert caplog.records == []


def test_a_restart_goes_on_where_a_crash_left_an_untrimmed_copy(
    journal: Journal, tmp_path: Path
) -> None:
    archive = JournalArchive(tmp_path, cap_bytes=MEBIBYTE)
    archive.take_over(60)
    archive.wait()
    # Killed before the trim: the next life archives the same segments again.
    assert trim(journal, JournalArchive(tmp_path, cap_bytes=MEBIBYTE), 60) > 2

    firsts = [segment.first_seq for segment in archived_segments(tmp_path)]
    assert len(firsts) == len(set(firsts)) > 2


def test_only_beyond_the_cap_the_oldest_copy_goes_and_that_is_said(
    journal: Journal, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    trim(journal, JournalArchive(tmp_path, cap_bytes=MEBIBYTE), 60)
    kept = archived_segments(tmp_path)
    assert caplog.records == []
    newest_bytes = kept[-1].path.stat().st_size

    small = JournalArchive(tmp_path, cap_bytes=newest_bytes * 2)
    trim(journal, small, 100)

    left = archived_segments(tmp_path)
    assert sum(segment.path.stat().st_size for segment in left) <= newest_bytes * 2
    assert left[0].first_seq > kept[0].first_seq
    gone = caplog.records[0].getMessage()
    assert f"events 1 to {kept[1].first_seq - 1} was deleted" in gone
    assert "trader.journal_archive_mb" in gone


def test_without_a_cap_nothing_is_kept(journal: Journal, tmp_path: Path) -> None:
    archive = JournalArchive(tmp_path, cap_bytes=0)

    assert journal.trim(archive.take_over(60)) > 2

    assert archived_segments(tmp_path) == []


def test_a_segment_stays_when_its_copy_cannot_be_written(
    journal: Journal, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "archive").write_text("a file is in the way")
    archive = JournalArchive(tmp_path, cap_bytes=MEBIBYTE)

    assert trim(journal, archive, 60) == 0
    archive.wait()

    assert journal.first_seq == 1
    told = [record.getMessage() for record in caplog.records]
    assert len(told) == 1
    assert "the journal is not trimmed" in told[0]


def test_a_full_disk_leaves_no_half_copy_and_the_next_try_succeeds(
    journal: Journal, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "archive").mkdir()
    unfinished = tmp_path / "archive" / f"{list_segments(tmp_path)[0].path.name}.zst.tmp"
    unfinished.symlink_to("/dev/full")
    archive = JournalArchive(tmp_path, cap_bytes=MEBIBYTE)

    assert trim(journal, archive, 60) == 0
    archive.wait()
    assert "free space on this disk" in caplog.text

    assert trim(journal, archive, 60) > 2
