import subprocess
import sys
from pathlib import Path

import pytest

from polybot.errors import JournalError, StorageError
from polybot.runtime.journal import Journal, JournalSettings
from polybot.runtime.journal_format import FIRST_HASH, chain_hash
from polybot.runtime.journal_head import JournalHead
from polybot.runtime.journal_segment import list_segments
from polybot.runtime.journal_verify import verify

SMALL = JournalSettings(segment_bytes=4 << 10, reserve_bytes=2 << 10)
PAYLOADS = [b'{"first":1}', b'{"second":"%s"}' % (b"x" * 600), b'{"third":3}']


def open_small(directory: Path, **options: int) -> Journal:
    return Journal.open(directory, settings=SMALL, **options)


def filled(directory: Path, payloads: list[bytes]) -> Journal:
    journal = open_small(directory)
    for payload in payloads:
        journal.append(payload)
        journal.sync()
    journal.close()
    return journal


def numbered(count: int) -> list[bytes]:
    return [b'{"number":%06d}' % number for number in range(1, count + 1)]


def test_records_are_numbered_from_one_and_chained(tmp_path: Path) -> None:
    journal = open_small(tmp_path)
    assert journal.head() == JournalHead(0, FIRST_HASH)
    assert [journal.append(payload) for payload in PAYLOADS] == [1, 2, 3]
    expected = FIRST_HASH
    for number, payload in enumerate(PAYLOADS):
        expected = chain_hash(expected, number + 1, payload)
    assert journal.head() == JournalHead(3, expected)
    journal.close()


def test_only_synced_records_are_served(tmp_path: Path) -> None:
    journal = open_small(tmp_path)
    journal.append(b'"a"')
    assert (journal.synced_seq, journal.read_from(1, 10)) == (0, [])
    journal.sync()
    journal.append(b'"b"')
    assert journal.synced_seq == 1
    assert journal.payloads_from(1, 10) == [b'"a"']
    journal.close()


def test_a_journal_goes_on_where_it_ended_over_many_segments(tmp_path: Path) -> None:
    payloads = numbered(300)
    for start in range(0, 300, 30):
        journal = open_small(tmp_path)
        assert journal.last_seq == journal.synced_seq == start
        for payload in payloads[start : start + 30]:
            journal.append(payload)
        journal.close()
    journal = open_small(tmp_path)
    assert journal.payloads_from(1, 1000) == payloads
    assert [record.hash for record in journal.read_from(300, 1)] == [journal.last_hash]
    assert verify(tmp_path).ok
    journal.close()


# One byte less than a whole header or record is a change of that byte, see test_journal_damage.
@pytest.mark.parametrize("length", [*range(63), *range(64, 63 + len(PAYLOADS[2]))])
def test_a_tail_torn_at_any_byte_is_cut_and_said_and_the_seq_is_used_again(
    tmp_path: Path, length: int, caplog: pytest.LogCaptureFixture
) -> None:
    head = filled(tmp_path, PAYLOADS[:2]).head()
    filled(tmp_path, PAYLOADS[2:])
    path = list_segments(tmp_path)[0].path
    end = sum(64 + len(payload) for payload in PAYLOADS[:2])
    data = path.read_bytes()
    path.write_bytes(data[: end + length] + bytes(len(data) - end - length))
    journal = open_small(tmp_path)
    assert journal.head() == head
    # The first four bytes are the length, of which one is not zero: as much as a change of an
    # unused byte leaves. It is no record either way.
    assert (journal.recovery.torn_tail is None) == (length <= 4)
    assert ("torn tail" in caplog.text) == (length > 4)
    assert ("stray byte" in caplog.text) == (0 < length <= 4)
    assert journal.append(b'"again"') == 3
    journal.close()
    assert [record.payload for record in _read_all(tmp_path)] == [*PAYLOADS[:2], b'"again"']
    assert verify(tmp_path).torn_tail is None


def _read_all(directory: Path) -> list:
    journal = open_small(directory)
    records = journal.read_from(1, 1000)
    journal.close()
    return records


@pytest.mark.parametrize("length", [0, 1, 63, 64, 70])
def test_a_file_that_ends_inside_a_record_is_cut_and_the_journal_goes_on(
    tmp_path: Path, length: int
) -> None:
    filled(tmp_path, PAYLOADS)
    path = list_segments(tmp_path)[0].path
    end = sum(64 + len(payload) for payload in PAYLOADS[:2])
    path.write_bytes(path.read_bytes()[: end + length])
    journal = open_small(tmp_path)
    assert journal.append(b'"again"') == 3
    journal.close()
    assert [record.payload for record in _read_all(tmp_path)] == [*PAYLOADS[:2], b'"again"']
    assert verify(tmp_path).ok


@pytest.mark.parametrize("number", [0, 1])
@pytest.mark.parametrize("byte", [0, 3, 6, 9, 17, 30, 57, 61, 64, 74])
def test_a_changed_record_is_refused_with_file_offset_and_seq(
    tmp_path: Path, number: int, byte: int
) -> None:
    filled(tmp_path, PAYLOADS)
    path = list_segments(tmp_path)[0].path
    offset = sum(64 + len(payload) for payload in PAYLOADS[:number])
    data = bytearray(path.read_bytes())
    data[offset + byte] ^= 0x20
    path.write_bytes(data)
    with pytest.raises(JournalError, match=rf"{path.name} at offset {offset}, seq {number + 1}"):
        open_small(tmp_path)
    assert path.read_bytes() == bytes(data)


@pytest.mark.parametrize("byte", range(64 + len(PAYLOADS[2])))
def test_a_changed_last_record_is_never_accepted(tmp_path: Path, byte: int) -> None:
    filled(tmp_path, PAYLOADS)
    path = list_segments(tmp_path)[0].path
    offset = sum(64 + len(payload) for payload in PAYLOADS[:2])
    data = bytearray(path.read_bytes())
    data[offset + byte] ^= 0x20
    path.write_bytes(data)
    with pytest.raises(JournalError, match=f"offset {offset}, seq 3"):
        open_small(tmp_path)


def test_damage_in_a_segment_that_is_not_the_newest_is_never_a_torn_tail(tmp_path: Path) -> None:
    filled(tmp_path, numbered(100))
    segment = list_segments(tmp_path)[0]
    data = bytearray(segment.path.read_bytes())
    last = 4096 // 81 - 1
    data[last * 81 + 10 : last * 81 + 81] = bytes(71)
    segment.path.write_bytes(data)
    with pytest.raises(JournalError, match=f"changed record.*seq {last + 1}"):
        open_small(tmp_path)


def test_a_crash_after_a_segment_got_its_name_and_before_its_first_record(tmp_path: Path) -> None:
    head = filled(tmp_path, numbered(50)).head()
    empty = tmp_path / "journal-0000000000000051.log"
    if not empty.exists():
        empty.write_bytes(bytes(4096))
    journal = open_small(tmp_path, scan_from_seq=51)
    assert journal.head() == head
    assert journal.append(b'"next"') == 51
    journal.close()
    assert verify(tmp_path).ok


def test_only_the_segments_from_the_asked_seq_on_are_checked(tmp_path: Path) -> None:
    filled(tmp_path, numbered(200))
    segment = list_segments(tmp_path)[0]
    data = bytearray(segment.path.read_bytes())
    data[70] ^= 1
    segment.path.write_bytes(data)
    journal = open_small(tmp_path, scan_from_seq=150)
    assert journal.last_seq == 200
    with pytest.raises(JournalError, match="offset 0, seq 1"):
        journal.read_from(1, 10)
    journal.close()


def test_a_new_journal_continues_after_the_seq_a_checkpoint_knows(tmp_path: Path) -> None:
    journal = open_small(tmp_path, floor_seq=41)
    assert journal.first_seq == 42
    assert journal.append(b'"a"') == 42
    journal.close()
    journal = open_small(tmp_path, floor_seq=41)
    assert journal.last_seq == 42
    journal.close()


def test_a_journal_that_ends_before_what_a_checkpoint_knows_is_refused(tmp_path: Path) -> None:
    filled(tmp_path, PAYLOADS)
    with pytest.raises(JournalError, match=r"up to seq 4 .*, was 3"):
        open_small(tmp_path, floor_seq=4)


def test_trimming_deletes_whole_segments_only_and_never_the_head(tmp_path: Path) -> None:
    journal = open_small(tmp_path)
    for payload in numbered(200):
        journal.append(payload)
    journal.sync()
    per_segment = 4096 // 81
    assert journal.trim(per_segment) == 0
    assert journal.trim(per_segment + 1) == 1
    assert journal.first_seq == per_segment + 1
    journal.trim(10_000)
    assert journal.first_seq <= 200
    assert len(list_segments(tmp_path)) == 1
    journal.close()
    journal = open_small(tmp_path)
    assert journal.append(b'"next"') == 201
    journal.close()


def test_the_segments_a_size_allows_are_the_newest(tmp_path: Path) -> None:
    journal = open_small(tmp_path)
    for payload in numbered(200):
        journal.append(payload)
    firsts = [segment.first_seq for segment in list_segments(tmp_path)]
    assert journal.first_seq_within(0) == firsts[-1]
    assert journal.first_seq_within(2 * 4096) == firsts[-2]
    assert journal.first_seq_within(1 << 30) == 1
    journal.close()


@pytest.mark.parametrize("payload", [b"", b"x" * 4096])
def test_a_payload_that_cannot_be_a_record_is_refused_and_nothing_is_written(
    tmp_path: Path, payload: bytes
) -> None:
    journal = open_small(tmp_path)
    with pytest.raises(JournalError, match="expected a payload"):
        journal.append(payload)
    assert journal.append(b'"a"') == 1
    journal.close()


def test_a_second_process_may_not_write_the_same_journal(tmp_path: Path) -> None:
    journal = open_small(tmp_path)
    with pytest.raises(StorageError, match="locked by another"):
        open_small(tmp_path)
    journal.close()
    open_small(tmp_path).close()


def test_a_directory_that_cannot_be_made_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match="file/trader"):
        open_small(tmp_path / "file" / "trader")


KILLED_WHILE_APPENDING = """
import sys
from pathlib import Path
from polybot.runtime.journal import Journal, JournalSettings

journal = Journal.open(Path(sys.argv[1]), settings=JournalSettings(segment_bytes=65536))
while True:
    for _ in range(3):
        seq = journal.append(b'{"n":%d}' % (journal.last_seq + 1))
    journal.sync()
    sys.stdout.write(f"{seq}\\n")
    sys.stdout.flush()
"""


def test_what_was_synced_survives_a_kill_at_any_moment(tmp_path: Path) -> None:
    acknowledged = 0
    for round_number in range(6):
        process = subprocess.Popen(
            [sys.executable, "-c", KILLED_WHILE_APPENDING, str(tmp_path)],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        for _ in range(200 * round_number + 1):
            acknowledged = int(process.stdout.readline())
        process.kill()
        rest = process.stdout.read().split("\n")
        # The last line may itself be torn by the kill.
        acknowledged = int(rest[-2]) if len(rest) > 1 else acknowledged
        process.wait()
        process.stdout.close()
        journal = Journal.open(tmp_path, settings=JournalSettings(segment_bytes=65536))
        assert journal.last_seq >= acknowledged
        assert verify(tmp_path).ok
        journal.close()
