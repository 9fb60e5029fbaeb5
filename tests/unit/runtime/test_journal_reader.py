from pathlib import Path

import pytest

from polybot.errors import JournalError
from polybot.runtime.journal import Journal, JournalSettings
from polybot.runtime.journal_reader import BATCH_BYTES, JournalReader
from polybot.runtime.journal_segment import list_segments

SMALL = JournalSettings(segment_bytes=16 << 10, reserve_bytes=4 << 10)


def filled(directory: Path, count: int, settings: JournalSettings = SMALL) -> list[bytes]:
    payloads = [b'{"n":%d,"pad":"%s"}' % (n, b"x" * (n % 50)) for n in range(1, count + 1)]
    journal = Journal.open(directory, settings=settings)
    for payload in payloads:
        journal.append(payload)
    journal.close()
    return payloads


@pytest.mark.parametrize("seq", [1, 2, 63, 64, 65, 66, 150, 499, 500])
def test_reading_starts_at_any_seq_and_crosses_segments(tmp_path: Path, seq: int) -> None:
    payloads = filled(tmp_path, 500)
    assert len(list_segments(tmp_path)) > 2
    records = JournalReader(tmp_path).read_from(seq, 1000)
    assert [record.seq for record in records] == list(range(seq, 501))
    assert [record.payload for record in records] == payloads[seq - 1 :]


def test_batches_are_bounded_by_count(tmp_path: Path) -> None:
    filled(tmp_path, 100)
    reader = JournalReader(tmp_path)
    assert [record.seq for record in reader.read_from(90, 3)] == [90, 91, 92]
    assert reader.read_from(101, 10) == []


def test_batches_are_bounded_by_bytes_but_hold_one_record_at_least(tmp_path: Path) -> None:
    journal = Journal.open(tmp_path)
    for _ in range(4):
        journal.append(b'"' + b"x" * (BATCH_BYTES // 2) + b'"')
    journal.append(b'"' + b"y" * (BATCH_BYTES * 2) + b'"')
    journal.close()
    reader = JournalReader(tmp_path)
    assert [record.seq for record in reader.read_from(1, 100)] == [1, 2]
    assert [record.seq for record in reader.read_from(5, 100)] == [5]


def test_a_seq_that_was_trimmed_away_is_refused_with_the_first_that_is_left(tmp_path: Path) -> None:
    filled(tmp_path, 500)
    first, second = list_segments(tmp_path)[:2]
    first.path.unlink()
    with pytest.raises(JournalError, match=f"at least {second.first_seq}"):
        JournalReader(tmp_path).read_from(1, 10)


def test_a_changed_record_stops_the_reading_and_is_named(tmp_path: Path) -> None:
    payloads = filled(tmp_path, 3)
    path = list_segments(tmp_path)[0].path
    data = bytearray(path.read_bytes())
    offset = 64 + len(payloads[0])
    data[offset + 70] ^= 1
    path.write_bytes(data)
    with pytest.raises(JournalError, match=rf"offset {offset}, seq 2"):
        JournalReader(tmp_path).read_from(1, 10)


def test_a_reader_beside_the_writer_takes_a_half_written_record_for_the_end(tmp_path: Path) -> None:
    payloads = filled(tmp_path, 3)
    path = list_segments(tmp_path)[0].path
    data = bytearray(path.read_bytes())
    start = sum(64 + len(payload) for payload in payloads[:2])
    data[start + 30 :] = bytes(len(data) - start - 30)
    path.write_bytes(data)
    assert [record.seq for record in JournalReader(tmp_path).read_from(1, 10)] == [1, 2]
    with pytest.raises(JournalError, match="seq 3"):
        JournalReader(tmp_path).read_from(1, 10, until_seq=3)


def test_an_empty_directory_has_no_records(tmp_path: Path) -> None:
    assert JournalReader(tmp_path).read_from(1, 10) == []
    assert JournalReader(tmp_path).first_seq == 1


def test_a_record_larger_than_a_read_step_comes_whole(tmp_path: Path) -> None:
    journal = Journal.open(tmp_path)
    large = b'"' + bytes(range(97, 122)) * 30_000 + b'"'
    for payload in (b'"a"', large, b'"b"'):
        journal.append(payload)
    journal.close()
    records = JournalReader(tmp_path).read_from(1, 10)
    assert [record.payload for record in records] == [b'"a"', large, b'"b"']


def test_a_claimed_length_beyond_the_file_asks_for_no_more_memory_than_there_is(
    tmp_path: Path,
) -> None:
    filled(tmp_path, 1)
    path = list_segments(tmp_path)[0].path
    data = bytearray(path.read_bytes())
    data[0:4] = b"\xff\xff\xff\xff"
    path.write_bytes(data)
    with pytest.raises(JournalError, match="offset 0, seq 1"):
        JournalReader(tmp_path).read_from(1, 10)
