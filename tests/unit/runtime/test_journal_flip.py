"""One changed byte is found by its checksum alone; anything else is not taken for one."""

import os
from random import Random
from zlib import crc32

import pytest

from polybot.runtime.journal_flip import LONGEST, ChangedByte, changed_byte, changed_crc

DATA = Random(4).randbytes(600)


@pytest.mark.parametrize("position", [0, 1, 59, 300, 598, 599])
@pytest.mark.parametrize("error", [0x01, 0x20, 0x80, 0xFF])
def test_a_changed_byte_is_found_with_its_bits(position: int, error: int) -> None:
    changed = bytearray(DATA)
    changed[position] ^= error
    assert changed_byte(bytes(changed), crc32(DATA)) == ChangedByte(position, error)


@pytest.mark.parametrize("position", range(4))
def test_a_changed_byte_of_the_checksum_is_found(position: int) -> None:
    assert changed_crc(DATA, crc32(DATA) ^ 0x40 << 8 * position) == ChangedByte(position, 0x40)


def test_whole_data_and_two_changed_bytes_are_no_single_change() -> None:
    assert changed_byte(DATA, crc32(DATA)) is None
    assert changed_crc(DATA, crc32(DATA)) is None
    changed = bytearray(DATA)
    changed[10] ^= 1
    changed[400] ^= 1
    assert changed_byte(bytes(changed), crc32(DATA)) is None
    assert changed_crc(DATA, crc32(DATA) ^ 0x0101) is None


def test_half_of_the_data_gone_is_hardly_ever_taken_for_a_change() -> None:
    random = Random(7)
    taken = 0
    for _ in range(300):
        data = random.randbytes(300)
        taken += changed_byte(data[:150] + bytes(150), crc32(data)) is not None
    assert taken <= 1


def test_data_too_long_to_be_sure_is_not_looked_at() -> None:
    data = bytearray(os.urandom(LONGEST + 1))
    stored = crc32(data)
    data[3] ^= 1
    assert changed_byte(bytes(data), stored) is None
    assert changed_byte(bytes(data[1:]), crc32(data[1:])) is None
