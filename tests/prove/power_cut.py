"""What a power cut leaves of a journal: all that was synced, and of the rest any sectors or none.

`kill -9` keeps what a process wrote, synced or not. Taking the unsynced bytes away afterwards shows
what was told or sent too early. A disk writes sectors in any order, so each survives by a draw.
"""

import random
from pathlib import Path
from typing import Final

from polybot.runtime.journal_format import StoredRecord, decode_record
from polybot.runtime.journal_segment import list_segments

SECTOR_BYTES: Final = 512


def cut_power(directory: Path, synced_seq: int, draw: random.Random) -> int:
    """Take from a dead process's journal what was not synced; returns how many records that were.

    Half of the time nothing unsynced survives, otherwise each sector does by a draw.
    """
    lost = 0
    keeps = draw.random() < 0.5
    for segment in list_segments(directory):
        data = bytearray(segment.path.read_bytes())
        begin, end, records = _unsynced(data, synced_seq)
        if not records:
            continue
        lost += records
        for start in range(begin // SECTOR_BYTES * SECTOR_BYTES, end, SECTOR_BYTES):
            first, last = max(start, begin), min(start + SECTOR_BYTES, end)
            if not (keeps and draw.random() < 0.5):
                data[first:last] = bytes(last - first)
        segment.path.write_bytes(data)
    return lost


def _unsynced(data: bytearray, synced_seq: int) -> tuple[int, int, int]:
    """Return where the unsynced records of a segment begin and end, and how many they are."""
    offset, begin, records = 0, -1, 0
    whole = bytes(data)
    while isinstance(record := decode_record(whole, offset), StoredRecord):
        if record.seq > synced_seq:
            begin = offset if begin < 0 else begin
            records += 1
        offset += record.size
    return begin, offset, records
