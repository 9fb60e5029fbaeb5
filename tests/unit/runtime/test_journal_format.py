import hashlib
from zlib import crc32

import pytest

from polybot.runtime.journal_format import (
    FIRST_HASH,
    HEADER_BYTES,
    Flaw,
    StoredRecord,
    chain_hash,
    decode_record,
    encode_record,
)

RECORD = encode_record(7, 5, b"\x11" * 32, b'{"kind":"intent"}')


def test_a_record_comes_back_as_it_was_written() -> None:
    data = b"before" + RECORD + bytes(100)
    record = decode_record(data, 6)
    assert record == StoredRecord(7, 5, b"\x11" * 32, b'{"kind":"intent"}')
    assert record.size == len(RECORD) == HEADER_BYTES + 17


def test_zeros_are_the_end_of_the_records_also_when_the_file_ends_with_them() -> None:
    assert decode_record(bytes(200), 0) is Flaw.END
    assert decode_record(bytes(10), 0) is Flaw.END
    assert decode_record(b"", 0) is Flaw.END


@pytest.mark.parametrize("offset", range(len(RECORD)))
@pytest.mark.parametrize("flipped", [0x01, 0x80])
def test_a_flipped_bit_anywhere_in_a_record_is_a_flaw(offset: int, flipped: int) -> None:
    data = bytearray(RECORD)
    data[offset] ^= flipped
    expected = Flaw.HEADER if offset < HEADER_BYTES else Flaw.PAYLOAD
    assert decode_record(bytes(data) + bytes(64), 0) is expected


@pytest.mark.parametrize("length", range(len(RECORD)))
def test_a_record_cut_anywhere_is_a_flaw_whether_zeros_follow_or_the_file_ends(length: int) -> None:
    cut = RECORD[:length]
    expected = {Flaw.END} if length == 0 else {Flaw.HEADER, Flaw.PAYLOAD}
    assert decode_record(cut, 0) in expected
    assert decode_record(cut + bytes(100), 0) in expected


def test_a_record_of_another_format_is_told_from_a_damaged_one() -> None:
    other = bytearray(RECORD)
    other[4:8] = b"PBJ2"
    other[60:64] = crc32(bytes(other[:60])).to_bytes(4, "little")
    assert decode_record(bytes(other), 0) is Flaw.FORMAT


def test_the_hash_of_a_record_depends_on_its_place_and_its_payload() -> None:
    first = chain_hash(FIRST_HASH, 1, b"a")
    assert first == hashlib.sha256(bytes(32) + (1).to_bytes(8, "little") + b"a").digest()
    assert len({first, chain_hash(FIRST_HASH, 2, b"a"), chain_hash(first, 1, b"a")}) == 3
    assert first != chain_hash(FIRST_HASH, 1, b"b")
