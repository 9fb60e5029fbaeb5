"""Every byte of a small journal is changed in several ways: each change is found where it is."""

from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from polybot.errors import JournalError
from polybot.runtime.journal import Journal, JournalSettings
from polybot.runtime.journal_damage import Kind
from polybot.runtime.journal_format import HEADER_BYTES
from polybot.runtime.journal_segment import list_segments
from polybot.runtime.journal_verify import VerifyReport, verify

SMALL = JournalSettings(segment_bytes=2 << 10, reserve_bytes=1 << 10)
# As many records in one sync as a turn may have: the last ones are not known to be durable.
GROUP = 3
# Bits that a disk or a person flips: one at either end, and (0) those that make the byte zero.
ERRORS = (0x01, 0x80, 0)


def written(directory: Path, sizes: list[int]) -> list[tuple[Path, int, int, int]]:
    """Write records of some sizes; return each one's file, offset, end and seq."""
    journal = Journal.open(directory, settings=SMALL)
    random = Random(len(sizes))
    for number, size in enumerate(sizes):
        journal.append(bytes(random.choices(b'abcXYZ{}":,019', k=size)))
        if number % GROUP == GROUP - 1:
            journal.sync()
    journal.close()
    places: list[tuple[Path, int, int, int]] = []
    seq = 0
    for segment in list_segments(directory):
        offset = 0
        while seq < len(sizes) and (seq < segment.first_seq or offset):
            end = offset + HEADER_BYTES + sizes[seq]
            if end > SMALL.segment_bytes:
                break
            seq += 1
            places.append((segment.path, offset, end, seq))
            offset = end
    assert len(places) == len(sizes)
    return places


def damage_of(report: VerifyReport) -> tuple[Kind, Path, int, int, int | None]:
    """Return what a report found, which must be one thing."""
    (found,) = (*report.problems, *filter(None, (report.torn_tail,)), *report.unused)
    return found.kind, found.path, found.offset, found.seq, found.changed_at


def check_every_byte(
    directory: Path, places: list[tuple[Path, int, int, int]], errors: tuple[int, ...] = ERRORS
) -> int:
    """Change each byte in each way, and hold what is found against the truth.

    Of the files made ahead, which are nothing but zeros, some bytes stand for all.
    """
    before = verify(directory)
    assert (before.ok, before.torn_tail, before.unused) == (True, None, ())
    changes = 0
    files = sorted(directory.glob("journal*"))
    for path in [file for file in files if file.name != "journal.lock"]:
        own = [place for place in places if place[0] == path]
        data = path.read_bytes()
        with path.open("r+b", buffering=0) as file:
            for at, byte in enumerate(data):
                if not own and at % 59 and at != len(data) - 1:
                    continue
                hit = [place for place in own if place[1] <= at < place[2]]
                for error in {error or byte for error in errors} - {0}:
                    file.seek(at)
                    file.write(bytes([byte ^ error]))
                    report = verify(directory)
                    changes += 1
                    if hit:
                        _, offset, _, seq = hit[0]
                        assert not report.ok, (path.name, at, error)
                        expected = (Kind.CHANGED, path, offset, seq, at)
                    else:
                        assert report.ok, (path.name, at, error)
                        behind = own[-1][3] + 1 if own else before.last_seq + 1
                        expected = (Kind.STRAY, path, at, behind, at)
                    assert damage_of(report) == expected, (path.name, at, error)
                file.seek(at)
                file.write(bytes([byte]))
    assert verify(directory).ok
    return changes


def test_a_change_of_any_byte_is_found_and_located_or_said_to_mean_nothing(tmp_path: Path) -> None:
    # Three segments with padding behind each, records within a sector and over two and three.
    places = written(tmp_path, [2, 40, 900, 300, 1, 17, 700, 64, 448, 5, 3, 90, 600])
    assert len(list_segments(tmp_path)) == 3
    assert check_every_byte(tmp_path, places) > 11_000


@settings(max_examples=4, deadline=None)
@given(sizes=st.lists(st.integers(1, 1200), min_size=1, max_size=5))
def test_a_change_of_any_byte_is_found_in_journals_of_any_shape(
    sizes: list[int], tmp_path_factory: pytest.TempPathFactory
) -> None:
    directory = tmp_path_factory.mktemp("journal")
    check_every_byte(directory, written(directory, sizes), errors=(0x20, 0))


def test_a_start_refuses_a_change_of_any_byte_of_a_record_and_bears_one_beside_them(
    tmp_path: Path,
) -> None:
    places = written(tmp_path, [2, 40, 900, 300, 17])
    (path,) = {place[0] for place in places}
    data = path.read_bytes()
    end = places[-1][2]
    for at in [*range(0, len(data), 7), end - 1, end, end + 63, len(data) - 1]:
        changed = bytearray(data)
        changed[at] ^= 0x10
        path.write_bytes(changed)
        if at < end:
            with pytest.raises(JournalError, match=f"the byte at {at} was"):
                Journal.open(tmp_path, settings=SMALL)
            assert path.read_bytes() == bytes(changed)
        else:
            journal = Journal.open(tmp_path, settings=SMALL)
            assert journal.last_seq == len(places)
            journal.close()
            assert path.read_bytes() == data
