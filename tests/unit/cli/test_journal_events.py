"""Records are read while they are written, and neither damage nor trimming ends a reading early."""

from pathlib import Path

import pytest

from polybot.cli.exits import CommandError
from polybot.cli.journal_events import BATCH, Choice, event_of, newest_seq, read_records
from polybot.errors import JournalError
from polybot.runtime.journal import Journal, JournalSettings
from polybot.runtime.journal_archive import JournalArchive, archived_segments
from polybot.runtime.journal_format import JournalRecord, encode_record
from polybot.runtime.journal_segment import list_segments

SMALL = JournalSettings(segment_bytes=16 << 10, reserve_bytes=1 << 10)


def written(directory: Path, count: int) -> Journal:
    journal = Journal.open(directory, settings=SMALL)
    for number in range(count):
        journal.append(b'{"number":%06d}' % number)
        if number % 10 == 0:
            journal.sync()
    return journal


def seqs(directory: Path, since: int = 0, until: int = 10**9) -> list[int]:
    return [record.seq for record in read_records(directory, since, until)]


def test_a_range_is_read_over_batches_and_segments(tmp_path: Path) -> None:
    journal = written(tmp_path, 2 * BATCH + 7)
    assert seqs(tmp_path) == list(range(1, 2 * BATCH + 8))
    assert seqs(tmp_path, BATCH - 1, BATCH + 1) == [BATCH - 1, BATCH, BATCH + 1]
    journal.close()


def test_how_far_it_is_is_told_by_the_batch(tmp_path: Path) -> None:
    journal = written(tmp_path, 2 * BATCH + 7)
    told: list[int] = []
    assert len(list(read_records(tmp_path, 1, 10**9, told.append))) == 2 * BATCH + 7
    assert told == [BATCH, 2 * BATCH, 2 * BATCH + 7]
    journal.close()


def test_records_trimmed_before_they_were_read_are_told_not_left_out(tmp_path: Path) -> None:
    journal = written(tmp_path, 2 * BATCH + 7)
    reading = read_records(tmp_path, 1, 10**9)
    for _ in range(BATCH):
        next(reading)
    journal.trim(2 * BATCH)
    with pytest.raises(CommandError, match=rf"in no file of.*--from {journal.first_seq}"):
        list(reading)
    journal.close()


def archived(directory: Path, before_seq: int, journal: Journal) -> None:
    """Move what ends before a seq to the archive."""
    archive = JournalArchive(directory, cap_bytes=1 << 30)
    archive.take_over(before_seq)
    archive.wait()
    assert journal.trim(archive.take_over(before_seq)) > 1


def test_what_was_trimmed_is_read_from_the_archive(tmp_path: Path) -> None:
    journal = written(tmp_path, 2 * BATCH + 7)
    hashes = [record.hash for record in read_records(tmp_path, 1, 10**9)]
    archived(tmp_path, BATCH + 100, journal)
    assert [record.hash for record in read_records(tmp_path, 1, 10**9)] == hashes
    assert seqs(tmp_path, 5, 7) == [5, 6, 7]
    assert seqs(tmp_path, journal.first_seq - 1, journal.first_seq) == [
        journal.first_seq - 1,
        journal.first_seq,
    ]
    journal.close()


def test_what_is_archived_while_it_is_read_is_read_all_the_same(tmp_path: Path) -> None:
    journal = written(tmp_path, 2 * BATCH + 7)
    reading = read_records(tmp_path, 1, 10**9)
    read = [next(reading).seq for _ in range(BATCH)]
    archived(tmp_path, 2 * BATCH, journal)
    assert read + [record.seq for record in reading] == list(range(1, 2 * BATCH + 8))
    journal.close()


def test_a_hole_in_the_archive_is_told(tmp_path: Path) -> None:
    journal = written(tmp_path, 2 * BATCH + 7)
    archived(tmp_path, 2 * BATCH, journal)
    kept = archived_segments(tmp_path)
    kept[1].path.unlink()
    gap = f"records {kept[1].first_seq} to {kept[2].first_seq - 1} are in no file"
    with pytest.raises(CommandError, match=rf"{gap}.*--from {kept[2].first_seq}"):
        seqs(tmp_path)
    journal.close()


def test_segments_trimmed_behind_a_reading_do_not_disturb_it(tmp_path: Path) -> None:
    journal = written(tmp_path, 2 * BATCH + 7)
    reading = read_records(tmp_path, 1, 10**9)
    read = [next(reading).seq for _ in range(BATCH)]
    assert journal.trim(BATCH) > 0
    assert read + [record.seq for record in reading] == list(range(1, 2 * BATCH + 8))
    journal.close()


@pytest.mark.parametrize("seq", [1, 300, 599, 600])
def test_damage_is_an_error_and_not_the_end(tmp_path: Path, seq: int) -> None:
    written(tmp_path, 600).close()
    text = b'{"number":%06d}' % (seq - 1)
    for segment in list_segments(tmp_path):
        data = segment.path.read_bytes()
        segment.path.write_bytes(data.replace(text, text[:-2] + b"x}"))
    assert newest_seq(tmp_path) == 600
    with pytest.raises(JournalError, match=f"changed record .* seq {seq}:"):
        seqs(tmp_path)


def test_a_record_rewritten_with_its_checksums_breaks_the_chain(tmp_path: Path) -> None:
    written(tmp_path, 20).close()
    (segment,) = list_segments(tmp_path)
    (record,) = read_records(tmp_path, 9, 9)
    data = segment.path.read_bytes()
    end = data.index(b'{"number":000009}') + len(record.payload)
    start = end - 64 - len(record.payload)
    forged = encode_record(10, 0, record.hash, b'{"number":777777}')
    segment.path.write_bytes(data[:start] + forged + data[end:])
    with pytest.raises(JournalError, match=r"expected record 11 .* to continue 10"):
        seqs(tmp_path)


def test_the_newest_seq_is_found_behind_an_empty_segment(tmp_path: Path) -> None:
    assert newest_seq(tmp_path) == 0
    written(tmp_path, 20).close()
    (tmp_path / "journal-0000000000000021.log").write_bytes(bytes(4096))
    assert newest_seq(tmp_path) == 20


def test_what_is_no_event_is_shown_as_that(tmp_path: Path) -> None:
    event = event_of(JournalRecord(3, b"not json", b"x" * 32))
    assert (event["seq"], event["type"]) == (3, "unreadable")
    assert not Choice(session="s1").takes(event)
    assert Choice().takes(event)
