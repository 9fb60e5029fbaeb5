from pathlib import Path

import pytest

from polybot.runtime.journal import Journal, JournalSettings
from polybot.runtime.journal_archive import JournalArchive, archived_segments
from polybot.runtime.journal_format import HEADER_BYTES
from polybot.runtime.journal_history import JournalHistory
from polybot.runtime.journal_segment import list_segments

SMALL = JournalSettings(segment_bytes=4096, reserve_bytes=1024)
RECORDS = 100
RECORD_BYTES = HEADER_BYTES + 200


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """Return a journal of 100 records, the older half of it archived and trimmed."""
    journal = Journal.open(tmp_path, settings=SMALL)
    for number in range(1, RECORDS + 1):
        journal.append(b"%0200d" % number)
    journal.sync()
    archive = JournalArchive(tmp_path, cap_bytes=1 << 20)
    archive.take_over(50)
    archive.wait()
    assert journal.trim(archive.take_over(50)) > 2
    journal.close()
    return tmp_path


def numbers(history: JournalHistory, after: int = 0) -> list[int]:
    found = list(history.payloads_after(after))
    assert [seq for seq, _ in found] == [int(payload) for _, payload in found]
    return [seq for seq, _ in found]


def test_the_archive_and_the_segments_are_one_journal(directory: Path) -> None:
    history = JournalHistory(directory)

    assert numbers(history) == list(range(1, RECORDS + 1))
    assert history.missing == []
    assert history.first_seq() == 1
    assert history.first_live_seq() > 1


@pytest.mark.parametrize("after", [1, 13, 14, 49, 50, 51, 99])
def test_reading_begins_after_any_seq(directory: Path, after: int) -> None:
    assert numbers(JournalHistory(directory), after) == list(range(after + 1, RECORDS + 1))


def test_nothing_is_left_after_the_newest_record(directory: Path) -> None:
    assert numbers(JournalHistory(directory), RECORDS) == []


def test_a_segment_both_archived_and_not_yet_trimmed_is_read_once(directory: Path) -> None:
    archive = JournalArchive(directory, cap_bytes=1 << 20)
    archive.take_over(90)
    archive.wait()

    assert numbers(JournalHistory(directory)) == list(range(1, RECORDS + 1))


def test_what_no_file_holds_is_named_by_its_range(directory: Path) -> None:
    kept = archived_segments(directory)
    kept[1].path.unlink()
    history = JournalHistory(directory)

    found = numbers(history)

    gap = (kept[1].first_seq, kept[2].first_seq - 1)
    assert history.missing == [gap]
    assert found == [n for n in range(1, RECORDS + 1) if not gap[0] <= n <= gap[1]]


def test_a_journal_whose_beginning_is_gone_says_so(directory: Path) -> None:
    for segment in archived_segments(directory):
        segment.path.unlink()
    history = JournalHistory(directory)

    found = numbers(history)

    assert history.missing == [(1, found[0] - 1)]


def test_a_damaged_copy_is_a_hole_and_the_rest_is_read(directory: Path) -> None:
    kept = archived_segments(directory)
    data = bytearray(kept[0].path.read_bytes())
    data[len(data) // 2] ^= 1
    kept[0].path.write_bytes(bytes(data))
    history = JournalHistory(directory)

    assert numbers(history)[0] == kept[1].first_seq
    assert history.missing == [(1, kept[1].first_seq - 1)]


def test_a_changed_record_is_a_hole_of_one(directory: Path) -> None:
    segment = list_segments(directory)[0]
    data = bytearray(segment.path.read_bytes())
    data[RECORD_BYTES + HEADER_BYTES + 10] ^= 1
    segment.path.write_bytes(bytes(data))
    history = JournalHistory(directory)

    found = numbers(history)

    changed = segment.first_seq + 1
    assert history.missing == [(changed, changed)]
    assert len(found) == RECORDS - 1


def test_a_record_being_written_just_now_is_not_read(directory: Path) -> None:
    segment = list_segments(directory)[-1]
    data = bytearray(segment.path.read_bytes())
    last = RECORDS - segment.first_seq
    begins = last * RECORD_BYTES
    data[begins + 100 : begins + RECORD_BYTES] = bytes(RECORD_BYTES - 100)
    segment.path.write_bytes(bytes(data))
    history = JournalHistory(directory)

    assert numbers(history) == list(range(1, RECORDS))
    assert history.missing == []


def test_a_process_that_never_ran_has_no_history(tmp_path: Path) -> None:
    history = JournalHistory(tmp_path / "reflector")

    assert numbers(history) == []
    assert (history.first_seq(), history.first_live_seq()) == (0, 0)
