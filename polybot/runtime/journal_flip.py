"""Finds the one changed byte that explains a wrong CRC-32: a flip, and not a torn write."""

from zlib import crc32

import msgspec

_POLYNOMIAL = 0xEDB88320
# Behind this much data a chance match is no longer rare, and looking takes long.
LONGEST = 1 << 16


class ChangedByte(msgspec.Struct, frozen=True):
    """Where a byte is not what it was, and the bits that differ; a change of the CRC has none."""

    position: int
    error: int


def changed_byte(data: bytes, stored_crc: int) -> ChangedByte | None:
    """Return the one byte of `data` whose change makes its CRC-32 the stored one.

    A CRC is linear: the difference of the two depends on the error and on how many bytes follow it,
    so going backwards undoes one byte at a time. Returns None when no single byte explains it.
    """
    if len(data) > LONGEST:
        return None
    difference = crc32(data) ^ stored_crc
    for position in range(len(data) - 1, -1, -1):
        if difference in _ERROR_OF:
            return ChangedByte(position, _ERROR_OF[difference])
        low = _LOW_BYTE_OF[difference >> 24]
        difference = ((difference ^ _TABLE[low]) << 8 | low) & 0xFFFFFFFF
    return None


def changed_crc(data: bytes, stored_crc: int) -> ChangedByte | None:
    """Return which byte of a stored CRC-32 (little endian) is the only one that is wrong."""
    difference = (crc32(data) ^ stored_crc).to_bytes(4, "little")
    wrong = [position for position in range(4) if difference[position]]
    return ChangedByte(wrong[0], difference[wrong[0]]) if len(wrong) == 1 else None


def _entry(byte: int) -> int:
    for _ in range(8):
        byte = (byte >> 1) ^ (_POLYNOMIAL if byte & 1 else 0)
    return byte


_TABLE = tuple(map(_entry, range(256)))
# An error in the last byte changes the CRC by its entry of the table.
_ERROR_OF = {entry: error for error, entry in enumerate(_TABLE) if error}
# The high bytes of the entries are all different, which makes a step undoable.
_LOW_BYTE_OF = {entry >> 24: low for low, entry in enumerate(_TABLE)}
