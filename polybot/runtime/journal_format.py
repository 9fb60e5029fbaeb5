"""The bytes of one journal record: a checked header, then the payload, chained by hash.

    u32  length          of the payload; 0 marks the end of the records
    u32  magic           "PBJ1", also the version of this format
    u64  seq
    u64  durable_seq     what was known to be synced when this record was written
    32 B previous_hash   the hash of the record before
    u32  payload_crc     CRC-32 of the payload
    u32  header_crc      CRC-32 of the 60 bytes above

The two CRCs tell a wrong length from a wrong payload. `durable_seq` tells a torn tail from a
changed record: when a later record knew this one to be synced, no power cut can have torn it.
"""

import enum
import struct
from hashlib import sha256
from zlib import crc32

import msgspec

HEADER = struct.Struct("<IIQQ32sII")
HEADER_BYTES = HEADER.size
MAGIC_BYTES = b"PBJ1"
MAGIC = int.from_bytes(MAGIC_BYTES, "little")
FIRST_HASH = bytes(32)

_CHECKED = struct.Struct("<IIQQ32sI")
_CRC = struct.Struct("<I")
_SEQ = struct.Struct("<Q")


class JournalRecord(msgspec.Struct, frozen=True):
    """One durable payload with its number and its place in the hash chain."""

    seq: int
    payload: bytes
    hash: bytes


class StoredRecord(msgspec.Struct, frozen=True):
    """A record as it lies in a segment, its CRCs verified and its chain not yet."""

    seq: int
    durable_seq: int
    previous_hash: bytes
    payload: bytes

    @property
    def size(self) -> int:
        """Bytes this record takes in its segment."""
        return HEADER_BYTES + len(self.payload)


class Flaw(enum.Enum):
    """Why the bytes at an offset are not a record."""

    END = "there are no more records"
    HEADER = "the header does not match its checksum"
    PAYLOAD = "the payload does not match its checksum"
    FORMAT = "the record has a format this version does not know"


def chain_hash(previous_hash: bytes, seq: int, payload: bytes) -> bytes:
    """Return the SHA-256 of previous hash, seq (u64, little endian) and payload."""
    return sha256(b"".join((previous_hash, _SEQ.pack(seq), payload))).digest()


def encode_record(seq: int, durable_seq: int, previous_hash: bytes, payload: bytes) -> bytes:
    """Return the bytes of a record."""
    checked = _CHECKED.pack(len(payload), MAGIC, seq, durable_seq, previous_hash, crc32(payload))
    return b"".join((checked, _CRC.pack(crc32(checked)), payload))


def stored_checksums(data: bytes, offset: int) -> tuple[int, int, int]:
    """Return payload length, payload CRC and header CRC as a header says them, right or wrong."""
    length, _, _, _, _, payload_crc, header_crc = HEADER.unpack_from(data, offset)
    return length, payload_crc, header_crc


def decode_record(data: bytes, offset: int) -> StoredRecord | Flaw:
    """Return the record at an offset, or what is wrong there.

    `Flaw.END` is only the zero length mark; whether zeros really follow is the segment's question.
    """
    body = offset + HEADER_BYTES
    if body > len(data):
        return Flaw.END if not any(data[offset:]) else Flaw.HEADER
    length, magic, seq, durable_seq, previous_hash, payload_crc, header_crc = HEADER.unpack_from(
        data, offset
    )
    if not length and not any(data[offset:body]):
        return Flaw.END
    if crc32(data[offset : body - 4]) != header_crc:
        return Flaw.HEADER
    if magic != MAGIC:
        return Flaw.FORMAT
    payload = data[body : body + length]
    if len(payload) != length or crc32(payload) != payload_crc:
        return Flaw.PAYLOAD
    return StoredRecord(seq, durable_seq, previous_hash, payload)
