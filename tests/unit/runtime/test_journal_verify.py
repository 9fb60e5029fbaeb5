from pathlib import Path

import pytest

from polybot.runtime.journal import Journal, JournalSettings
from polybot.runtime.journal_format import FIRST_HASH
from polybot.runtime.journal_segment import list_segments
from polybot.runtime.journal_verify import verify, verify_segments

SMALL = JournalSettings(segment_bytes=4 << 10, reserve_bytes=1 << 10)


def filled(directory: Path, count: int) -> Journal:
    journal = Journal.open(directory, settings=SMALL)
    for number in range(count):
        journal.append(b'{"number":%06d}' % number)
        journal.sync()
    journal.close()
    return journal


def test_a_whole_journal_verifies_with_its_head(tmp_path: Path) -> None:
    journal = filled(tmp_path, 200)
    report = verify(tmp_path)
    assert report.ok
    assert report.torn_tail is None
    assert (report.records, report.first_seq, report.last_seq) == (200, 1, 200)
    assert report.last_hash == journal.last_hash
    assert report.segments == len(list_segments(tmp_path)) > 2
    assert journal.last_hash.hex() in report.lines()[0]


def test_an_empty_directory_verifies_as_nothing(tmp_path: Path) -> None:
    report = verify(tmp_path)
    assert report.ok
    assert (report.records, report.last_seq, report.last_hash) == (0, 0, FIRST_HASH)


@pytest.mark.parametrize("record", [0, 1, 20, 60, 61, 198])
@pytest.mark.parametrize("byte", [0, 5, 10, 20, 40, 57, 61, 64, 79])
def test_a_flipped_byte_is_located(tmp_path: Path, record: int, byte: int) -> None:
    filled(tmp_path, 200)
    size = 64 + len(b'{"number":000000}')
    per_segment = 4096 // size
    segment = list_segments(tmp_path)[record // per_segment]
    offset = record % per_segment * size
    data = bytearray(segment.path.read_bytes())
    data[offset + byte] ^= 0x40
    segment.path.write_bytes(data)
    report = verify(tmp_path)
    assert not report.ok
    damage = report.problems[0]
    assert (damage.path, damage.offset, damage.seq) == (segment.path, offset, record + 1)
    assert str(damage) in report.lines()


def test_damage_in_one_segment_does_not_hide_damage_in_a_later_one(tmp_path: Path) -> None:
    filled(tmp_path, 200)
    segments = list_segments(tmp_path)
    for segment in (segments[0], segments[2]):
        data = bytearray(segment.path.read_bytes())
        data[70] ^= 1
        segment.path.write_bytes(data)
    assert [problem.path for problem in verify(tmp_path).problems] == [
        segments[0].path,
        segments[2].path,
    ]


def test_a_missing_segment_is_named_by_the_seq_it_should_have_held(tmp_path: Path) -> None:
    filled(tmp_path, 200)
    missing = list_segments(tmp_path)[1]
    missing.path.unlink()
    report = verify(tmp_path)
    assert [problem.seq for problem in report.problems] == [missing.first_seq]


def test_segments_trimmed_from_the_front_are_no_problem(tmp_path: Path) -> None:
    filled(tmp_path, 200)
    first, second = list_segments(tmp_path)[:2]
    first.path.unlink()
    report = verify(tmp_path)
    assert report.ok
    assert report.first_seq == second.first_seq


def test_a_torn_tail_is_said_but_is_no_problem_and_nothing_is_changed(tmp_path: Path) -> None:
    filled(tmp_path, 3)
    path = list_segments(tmp_path)[0].path
    size = 64 + len(b'{"number":000000}')
    data = bytearray(path.read_bytes())
    data[2 * size + 50 : 3 * size] = bytes(size - 50)
    path.write_bytes(data)
    report = verify(tmp_path)
    assert report.ok
    assert report.torn_tail is not None
    assert (report.last_seq, report.torn_tail.seq, report.end_offset) == (2, 3, 2 * size)
    assert "nothing durable" in report.lines()[-1]
    assert path.read_bytes() == bytes(data)


def test_more_than_one_covered_damage_in_a_segment_is_a_problem(tmp_path: Path) -> None:
    filled(tmp_path, 20)
    (segment,) = list_segments(tmp_path)
    size = 64 + len(b'{"number":000000}')
    data = bytearray(segment.path.read_bytes())
    data[70] ^= 1
    segment.path.write_bytes(data)
    assert verify_segments(tmp_path, [segment], covered_seq=10).ok
    data[5 * size + 70] ^= 1
    segment.path.write_bytes(data)
    assert not verify_segments(tmp_path, [segment], covered_seq=10).ok
    assert not verify_segments(tmp_path, [segment]).ok
