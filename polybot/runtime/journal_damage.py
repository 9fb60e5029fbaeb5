"""Damage in a segment: where it is, which byte changed, and whether it is torn or changed.

A torn record is what a power cut leaves of an unsynced write: whole parts of it (disks write in
sectors) are still zero. One changed byte never looks like that, and its checksum tells which it is.
Payloads are text: no byte of them is zero, so two zero bytes in a row were never written.
"""

import enum
from collections.abc import Iterator
from pathlib import Path

import msgspec

from polybot.errors import JournalError
from polybot.runtime.journal_flip import changed_byte, changed_crc
from polybot.runtime.journal_format import (
    HEADER_BYTES,
    MAGIC_BYTES,
    Flaw,
    StoredRecord,
    decode_record,
    stored_checksums,
)

# A power cut leaves each sector of an unsynced record either written or still zero.
_SECTOR_BYTES = 512
# One zero byte may be a changed byte; this many next to each other are space never written.
_UNWRITTEN_BYTES = 2


class Kind(enum.Enum):
    """What damage is."""

    CHANGED = "changed record"
    MISSING = "missing segment"
    TORN = "torn tail"
    STRAY = "stray byte"


class Damage(msgspec.Struct, frozen=True):
    """Where a journal is not what was written, and why.

    CHANGED is a whole record that is another one now, MISSING a segment that is gone. TORN is an
    unsynced write cut short and STRAY a byte in space no record ever used: nothing durable is in
    either. `changed_at` is the one byte that changed, as far as the checksum tells.
    """

    path: Path
    offset: int
    seq: int
    reason: str
    kind: Kind = Kind.CHANGED
    changed_at: int | None = None

    def __str__(self) -> str:
        found = f"{self.kind.value} in {self.path} at offset {self.offset}"
        return f"{found}, seq {self.seq}: {self.reason}"

    def error(self) -> JournalError:
        """Return the error that refuses to go on, with what a person can do."""
        if self.kind is Kind.MISSING:
            wish = "expected every segment. Restore the missing file from a backup"
        else:
            wish = "expected the record as it was written. Restore this file from a backup"
        return JournalError(f"{self}; {wish}, or begin anew with another POLYBOT_STATE_DIR")


def flaw_damage(path: Path, data: bytes, offset: int, seq: int, flaw: Flaw) -> Damage:
    """Return the damage of a record that cannot be read, with the byte that changed."""
    # Something behind the end of the records is a header that was not there.
    reason = flaw.value if flaw is not Flaw.END else Flaw.HEADER.value
    place = _changed_place(data, offset, flaw)
    if place is None:
        return Damage(path, offset, seq, reason)
    at, error = place
    reason = f"{reason}; the byte at {at} was 0x{data[at] ^ error:02x}, is 0x{data[at]:02x}"
    return Damage(path, offset, seq, reason, changed_at=at)


def is_torn(data: bytes, offset: int, seq: int) -> bool:
    """Return whether the bad bytes at an offset can be what a crash left of unsynced records.

    They cannot when a later record knew `seq` to be synced, when one changed byte explains them, or
    when no part of the bad record is still unwritten.
    """
    flaw = decode_record(data, offset)
    if isinstance(flaw, StoredRecord) or flaw is Flaw.FORMAT:
        return False
    if any(record.durable_seq >= seq for _, record in records_behind(data, offset)):
        return False
    if _changed_place(data, offset, flaw) is not None:
        return False
    body = offset + HEADER_BYTES
    if flaw is Flaw.PAYLOAD:
        length, _, _ = stored_checksums(data, offset)
        return _has_unwritten_part(data, body, body + length)
    return _has_unwritten_part(data, offset, body)


def any_byte(data: bytes, offset: int) -> bool:
    """Return whether anything but zeros follows an offset."""
    return data.count(0, offset) != len(data) - offset


def stray_byte(path: Path, data: bytes, offset: int, seq: int) -> Damage | None:
    """Return the only byte behind an offset that is not zero, None when there are more or none."""
    if len(data) - offset - data.count(0, offset) != 1:
        return None
    at = len(data) - len(data[offset:].lstrip(b"\0"))
    reason = f"0x{data[at]:02x} in space that no record uses; nothing was there"
    return Damage(path, at, seq, reason, kind=Kind.STRAY, changed_at=at)


def records_behind(data: bytes, offset: int) -> Iterator[tuple[int, StoredRecord]]:
    """Yield the whole records that begin after an offset, wherever they are."""
    # The magic is the second word of a header, so a record starts 4 bytes before each hit.
    position = data.find(MAGIC_BYTES, offset + 5)
    while position != -1:
        record = decode_record(data, position - 4)
        if isinstance(record, StoredRecord):
            yield position - 4, record
        position = data.find(MAGIC_BYTES, position + 1)


def lost_part(data: bytes, damage: Damage) -> tuple[int, bytes] | None:
    """Return where to write which byte, when a changed byte may as well be one never written.

    That is so when it is the only byte other than zero of the record's part in its sector. Nobody
    can tell then, and nobody has to: its checksum says what it was. A record that was durable must
    be there; one that was torn may be, as after any end of a process that had not synced yet.
    """
    if damage.kind is not Kind.CHANGED or damage.changed_at is None or data[damage.changed_at]:
        return None
    at = damage.changed_at
    place = _changed_place(data, damage.offset, decode_record(data, damage.offset))
    if place is None:
        return None
    original = bytes((place[1],))
    mended = decode_record(data[:at] + original + data[at + 1 :], damage.offset)
    if not isinstance(mended, StoredRecord) or mended.seq != damage.seq:
        return None
    sector = at // _SECTOR_BYTES * _SECTOR_BYTES
    end = min(sector + _SECTOR_BYTES, damage.offset + mended.size)
    return None if any(data[max(sector, damage.offset) : end]) else (at, original)


def _changed_place(data: bytes, offset: int, flaw: Flaw | StoredRecord) -> tuple[int, int] | None:
    """Return the one byte whose change explains a bad record, and the bits that differ."""
    body = offset + HEADER_BYTES
    if body > len(data) or flaw not in (Flaw.HEADER, Flaw.PAYLOAD):
        return None
    if flaw is Flaw.PAYLOAD:
        length, payload_crc, _ = stored_checksums(data, offset)
        found = changed_byte(data[body : body + length], payload_crc)
        return (body + found.position, found.error) if found else None
    place = _changed_in_header(data, offset)
    if place is None:
        return None
    at, error = place
    mended = data[:at] + bytes((data[at] ^ error,)) + data[at + 1 :]
    # Where the payload is bad too, more than one byte is not what it was.
    return place if isinstance(decode_record(mended, offset), StoredRecord) else None


def _changed_in_header(data: bytes, offset: int) -> tuple[int, int] | None:
    end = offset + HEADER_BYTES - 4
    _, _, header_crc = stored_checksums(data, offset)
    header = data[offset:end]
    found = changed_byte(header, header_crc)
    if found is not None:
        return offset + found.position, found.error
    found = changed_crc(header, header_crc)
    return (end + found.position, found.error) if found else None


def _has_unwritten_part(data: bytes, start: int, end: int) -> bool:
    if end > len(data) or not any(data[max(start, end - _UNWRITTEN_BYTES) : end]):
        return end > len(data) or end - start >= _UNWRITTEN_BYTES
    while start < end:
        stop = min(end, (start // _SECTOR_BYTES + 1) * _SECTOR_BYTES)
        if stop - start >= _UNWRITTEN_BYTES and not any(data[start:stop]):
            return True
        start = stop
    return False
