"""Damage is named for what it is, and a changed byte is never taken for a torn write."""

from pathlib import Path
from random import Random

import pytest

from polybot.errors import JournalError
from polybot.runtime.journal_damage import (
    Damage,
    Kind,
    any_byte,
    flaw_damage,
    is_torn,
    stray_byte,
)
from polybot.runtime.journal_format import FIRST_HASH, Flaw, encode_record
from tests.unit.runtime.test_journal_segment import PAYLOADS, offset_of, segment_bytes


# Without one byte of its header or of all, it may as well be that byte that changed: see below.
@pytest.mark.parametrize("length", [*range(1, 63), *range(64, 63 + len(PAYLOADS[2]))])
def test_a_last_record_cut_anywhere_is_torn(length: int) -> None:
    data = segment_bytes(PAYLOADS)
    cut = data[: offset_of(2) + length]
    assert is_torn(cut + bytes(2048), offset_of(2), 3)
    assert is_torn(cut, offset_of(2), 3)


@pytest.mark.parametrize("offset", range(0, 64 + len(PAYLOADS[1]), 7))
def test_a_whole_record_with_a_flipped_byte_is_not_torn(offset: int) -> None:
    data = bytearray(segment_bytes(PAYLOADS[:2]))
    data[offset_of(1) + offset] ^= 0x10
    assert not is_torn(bytes(data), offset_of(1), 2)


def test_a_sector_that_was_never_written_makes_a_record_torn_even_when_later_ones_arrived() -> None:
    # Three records of one unsynced group: the power went while the sectors were on their way.
    data = segment_bytes(PAYLOADS, durable=[0, 0, 0])
    group = data[:512] + bytes(offset_of(2) - 512) + data[offset_of(2) :]
    assert is_torn(group, offset_of(1), 2)


def test_a_hole_a_later_record_knew_to_be_synced_is_not_torn() -> None:
    data = segment_bytes(PAYLOADS, durable=[0, 1, 2])
    hole = data[: offset_of(1)] + bytes(offset_of(2) - offset_of(1)) + data[offset_of(2) :]
    assert not is_torn(hole, offset_of(1), 2)


def test_a_last_byte_that_became_zero_is_a_change_because_a_cut_leaves_more() -> None:
    data = segment_bytes(PAYLOADS)
    end = offset_of(3)
    changed = data[: end - 1] + b"\0" + data[end:]
    assert not is_torn(changed, offset_of(2), 3)
    damage = flaw_damage(Path("s"), changed, offset_of(2), 3, Flaw.PAYLOAD)
    assert damage.changed_at == end - 1
    assert "was 0x7d, is 0x00" in damage.reason


def test_a_header_that_ends_in_a_zero_is_not_torn_when_the_byte_before_becomes_one_too() -> None:
    # One record in 256 has such a checksum.
    data = next(
        record
        for number in range(100_000)
        if (record := encode_record(1, 0, FIRST_HASH, b"%d" % number))[63] == 0
    )
    changed = data[:62] + b"\0" + data[63:] + bytes(2048)
    assert not is_torn(changed, 0, 1)
    assert flaw_damage(Path("s"), changed, 0, 1, Flaw.HEADER).changed_at == 62


def test_a_record_that_can_be_read_is_not_torn_whatever_else_is_wrong_with_it() -> None:
    data = segment_bytes(PAYLOADS)
    assert not is_torn(data, offset_of(1), 7)


@pytest.mark.parametrize("offset", range(64 + len(PAYLOADS[0])))
def test_the_byte_that_changed_is_named(offset: int) -> None:
    data = bytearray(segment_bytes(PAYLOADS))
    data[offset] ^= 0x09
    flaw = Flaw.HEADER if offset < 64 else Flaw.PAYLOAD
    damage = flaw_damage(Path("s"), bytes(data), 0, 1, flaw)
    assert (damage.offset, damage.changed_at) == (0, offset)
    assert f"the byte at {offset} was" in str(damage)


def test_what_no_single_byte_explains_is_told_without_one() -> None:
    data = bytearray(segment_bytes(PAYLOADS))
    data[70], data[66] = data[70] ^ 1, data[66] ^ 1
    damage = flaw_damage(Path("s"), bytes(data), 0, 1, Flaw.PAYLOAD)
    assert (damage.changed_at, damage.reason) == (None, Flaw.PAYLOAD.value)


@pytest.mark.parametrize("length", [3000, 100_000])
def test_a_long_record_of_which_sectors_are_missing_is_torn(length: int) -> None:
    text = bytes(Random(length).choices(b"abcdefghijklmnop", k=length))
    data = segment_bytes([PAYLOADS[0], text])
    boundary = (offset_of(1) // 512 + 3) * 512
    assert is_torn(data[:boundary] + bytes(512) + data[boundary + 512 :], offset_of(1), 2)
    assert not is_torn(data[:boundary] + b"?" + data[boundary + 1 :], offset_of(1), 2)


def test_one_byte_in_unused_space_is_stray_and_more_are_not() -> None:
    data = bytearray(600)
    assert stray_byte(Path("s"), bytes(data), 100, 5) is None
    data[50] = 9
    assert not any_byte(bytes(data), 51)
    assert stray_byte(Path("s"), bytes(data), 100, 5) is None
    data[400] = 0x41
    damage = stray_byte(Path("s"), bytes(data), 100, 5)
    assert damage is not None
    assert (damage.kind, damage.offset, damage.changed_at) == (Kind.STRAY, 400, 400)
    assert str(damage).startswith("stray byte in s at offset 400, seq 5: 0x41 in space")
    data[401] = 1
    assert stray_byte(Path("s"), bytes(data), 100, 5) is None


def test_damage_says_where_it_is_and_what_to_do() -> None:
    damage = Damage(Path("state/journal-1.log"), 88, 4, "the payload does not match its checksum")
    error = damage.error()
    assert isinstance(error, JournalError)
    for part in ("state/journal-1.log", "offset 88", "seq 4", "backup"):
        assert part in str(error)


def test_a_missing_segment_asks_for_the_file() -> None:
    damage = Damage(
        Path("journal-9.log"), 0, 9, "the records from 9 to 20 are not here", Kind.MISSING
    )
    told = str(damage.error())
    assert told.startswith("missing segment in journal-9.log at offset 0, seq 9: the records from")
    assert "Restore the missing file from a backup" in told
