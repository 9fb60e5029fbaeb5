from pathlib import Path

from polybot.runtime.journal_format import FIRST_HASH, chain_hash, encode_record
from polybot.runtime.journal_segment import (
    MARK_EVERY,
    Segment,
    list_segments,
    scan_segment,
    segment_path,
)

PAYLOADS = [b'{"n":1}', b'{"n":2,"text":"' + b"x" * 700 + b'"}', b'{"n":3}']


def segment_bytes(
    payloads: list[bytes], *, durable: list[int] | None = None, first_seq: int = 1
) -> bytes:
    """Return records with the durable_seq each was written with, and 2 KiB of zeros."""
    data = b""
    previous = FIRST_HASH
    for number, payload in enumerate(payloads):
        seq = first_seq + number
        known = durable[number] if durable else seq - 1
        data += encode_record(seq, known, previous, payload)
        previous = chain_hash(previous, seq, payload)
    return data + bytes(2048)


def offset_of(number: int) -> int:
    return sum(64 + len(payload) for payload in PAYLOADS[:number])


def test_a_whole_segment_is_read_to_its_end() -> None:
    scan = scan_segment(Segment(Path("s"), 1), segment_bytes(PAYLOADS), FIRST_HASH)
    assert (scan.last_seq, scan.records, scan.end) == (3, 3, offset_of(3))
    assert scan.damage is None
    assert scan.first_hash == FIRST_HASH


def test_an_empty_segment_ends_before_its_first_seq() -> None:
    scan = scan_segment(Segment(Path("s"), 9), bytes(2048), b"\x01" * 32)
    assert (scan.last_seq, scan.records, scan.end, scan.damage) == (8, 0, 0, None)
    assert scan.last_hash == b"\x01" * 32


def test_a_segment_that_does_not_continue_the_one_before_is_damaged_at_its_start() -> None:
    scan = scan_segment(Segment(Path("s"), 1), segment_bytes(PAYLOADS), b"\x01" * 32)
    assert scan.damage is not None
    assert (scan.damage.offset, scan.damage.seq) == (0, 1)


def test_a_record_rewritten_with_fitting_checksums_is_found_by_the_next_ones_hash() -> None:
    data = segment_bytes(PAYLOADS)
    forged = encode_record(1, 0, FIRST_HASH, b'{"n":9}')
    scan = scan_segment(Segment(Path("s"), 1), forged + data[len(forged) :], FIRST_HASH)
    assert scan.damage is not None
    assert (scan.damage.offset, scan.damage.seq) == (0, 1)
    assert "another hash" in scan.damage.reason


def test_a_record_taken_out_is_found_by_the_next_ones_seq() -> None:
    data = segment_bytes(PAYLOADS)
    without = data[: offset_of(1)] + data[offset_of(2) :]
    scan = scan_segment(Segment(Path("s"), 1), without, FIRST_HASH)
    assert scan.damage is not None
    assert (scan.damage.offset, scan.damage.seq) == (offset_of(1), 2)
    assert "expected seq 2, was 3" in scan.damage.reason


def test_bytes_after_the_last_record_are_damage() -> None:
    data = bytearray(segment_bytes(PAYLOADS))
    data[-5] = data[-3] = 1
    scan = scan_segment(Segment(Path("s"), 1), bytes(data), FIRST_HASH)
    assert scan.damage is not None
    assert scan.damage.offset == offset_of(3)


def test_every_64th_record_is_remembered_for_a_quick_start() -> None:
    segment = Segment(Path("s"), 1)
    for seq in range(1, 200):
        segment.mark(seq, seq * 10)
        segment.mark(seq, seq * 10)
    assert segment.marks == [(1, 10), (65, 650), (129, 1290), (193, 1930)]
    assert segment.nearest(MARK_EVERY) == (1, 10)
    assert segment.nearest(130) == (129, 1290)
    assert segment.nearest(5000) == (193, 1930)


def test_a_record_behind_damage_is_remembered_though_it_is_none_of_those() -> None:
    segment = Segment(Path("s"), 1)
    segment.mark(1, 10)
    segment.mark_always(40, 400)
    segment.mark(65, 650)
    assert segment.nearest(39) == (1, 10)
    assert segment.nearest(64) == (40, 400)
    assert segment.nearest(65) == (65, 650)


def test_segments_are_listed_by_seq_and_other_files_left_alone(tmp_path: Path) -> None:
    for name in ("journal-9.log", "journal-10.log", "journal-x.log", "journal.spare", "notes"):
        (tmp_path / name).touch()
    assert [segment.first_seq for segment in list_segments(tmp_path)] == [9, 10]
    assert segment_path(tmp_path, 12).name == "journal-0000000000000012.log"
