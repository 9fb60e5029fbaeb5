"""After a power cut any sectors of what was not synced are gone: a start goes on, none is lost."""

from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from polybot.runtime.journal import Journal, JournalSettings
from polybot.runtime.journal_segment import list_segments
from polybot.runtime.journal_verify import verify

SMALL = JournalSettings(segment_bytes=16 << 10, reserve_bytes=1 << 10)
SECTOR = 512
HEADER = 64


def text(size: int) -> bytes:
    """Return a payload; no byte of one is zero."""
    return bytes(Random(size).choices(b'abc{}":,0189', k=size))


def written(directory: Path, synced: list[int], unsynced: list[int]) -> tuple[Path, int, int]:
    """Write records and return the file, and where the unsynced ones begin and end."""
    journal = Journal.open(directory, settings=SMALL)
    for size in synced:
        journal.append(text(size))
        journal.sync()
    for size in unsynced:
        journal.append(text(size))
    journal.close()
    (segment,) = list_segments(directory)
    begin = sum(HEADER + size for size in synced)
    return segment.path, begin, begin + sum(HEADER + size for size in unsynced)


def lose(path: Path, begin: int, end: int, sectors: set[int]) -> None:
    """Let sectors of a range never have been written, counted from the first it touches."""
    data = bytearray(path.read_bytes())
    for number, start in enumerate(range(begin // SECTOR * SECTOR, end, SECTOR)):
        if number in sectors:
            first, last = max(start, begin), min(start + SECTOR, end)
            data[first:last] = bytes(last - first)
    path.write_bytes(data)


SIZES = st.lists(st.integers(1, 1300), min_size=1, max_size=4)


@settings(max_examples=150, deadline=None)
@given(synced=SIZES, unsynced=SIZES, lost=st.sets(st.integers(0, 12)))
def test_whatever_sectors_are_lost_a_start_goes_on_with_all_that_was_synced(
    synced: list[int],
    unsynced: list[int],
    lost: set[int],
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    directory = tmp_path_factory.mktemp("journal")
    lose(*written(directory, synced, unsynced), lost)
    journal = Journal.open(directory, settings=SMALL)
    assert journal.payloads_from(1, len(synced)) == [text(size) for size in synced]
    rest = journal.payloads_from(len(synced) + 1, 100)
    assert rest == [text(size) for size in unsynced[: len(rest)]]
    journal.append(b'"next"')
    journal.close()
    assert verify(directory).ok


# The newest record's first byte is the last of a sector, or its last byte the first of one.
@pytest.mark.parametrize(
    ("synced", "unsynced", "lost"),
    [(511 - HEADER, 300, 0), (300, 2 * SECTOR + 1 - 300 - 2 * HEADER, 2)],
    ids=["first byte", "last byte"],
)
def test_a_sector_with_one_byte_of_a_record_is_given_back_by_its_checksum(
    tmp_path: Path, synced: int, unsynced: int, lost: int, caplog: pytest.LogCaptureFixture
) -> None:
    path, begin, end = written(tmp_path, [synced], [unsynced])
    whole = path.read_bytes()
    lose(path, begin, end, {lost if lost == 0 else (end - 1) // SECTOR - begin // SECTOR})
    changed = [at for at in range(len(whole)) if path.read_bytes()[at] != whole[at]]
    assert len(changed) == 1
    # Looking changes nothing, and says what it may be: a byte of a durable record.
    assert not verify(tmp_path).ok
    assert verify(tmp_path).problems[0].changed_at == changed[0]
    journal = Journal.open(tmp_path, settings=SMALL)
    assert journal.last_seq == 2
    assert f"the byte at {changed[0]} was" in caplog.text
    assert "given back by the record's checksum" in caplog.text
    journal.close()
    assert path.read_bytes() == whole
