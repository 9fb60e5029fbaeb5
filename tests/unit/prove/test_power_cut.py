"""What a power cut leaves: everything synced, and of the rest nothing that cannot be told."""

import random
from pathlib import Path

import pytest

from polybot.runtime.journal import Journal, JournalSettings
from tests.prove.power_cut import cut_power

SETTINGS = JournalSettings(segment_bytes=16 << 10, reserve_bytes=16 << 10)


def a_journal(directory: Path, synced: int, unsynced: int) -> None:
    """Leave a journal as a kill would: written, and partly not synced."""
    journal = Journal.open(directory, settings=SETTINGS)
    for number in range(synced):
        journal.append(f"synced {number}".encode() * 20)
    journal.sync()
    for number in range(unsynced):
        journal.append(f"unsynced {number}".encode() * 90)
    # Neither synced nor closed: the process is gone.
    journal.synced_seq = journal.last_seq
    journal.close()


@pytest.mark.parametrize("seed", range(8))
def test_what_was_synced_survives_and_the_rest_is_a_torn_tail(seed: int, tmp_path: Path) -> None:
    a_journal(tmp_path, 5, 4)
    assert cut_power(tmp_path, 5, random.Random(seed)) == 4
    journal = Journal.open(tmp_path, settings=SETTINGS)
    assert 5 <= journal.last_seq < 9
    assert [r.seq for r in journal.read_from(1, 100)] == list(range(1, journal.last_seq + 1))
    assert journal.append(b"goes on") == journal.last_seq
    journal.close()


def test_nothing_is_lost_where_everything_was_synced(tmp_path: Path) -> None:
    a_journal(tmp_path, 5, 0)
    before = [path.read_bytes() for path in sorted(tmp_path.glob("journal-*.log"))]
    assert cut_power(tmp_path, 5, random.Random(1)) == 0
    assert [path.read_bytes() for path in sorted(tmp_path.glob("journal-*.log"))] == before


def test_unsynced_records_are_gone_in_half_of_the_cuts(tmp_path: Path) -> None:
    kept = []
    for seed in range(12):
        directory = tmp_path / str(seed)
        a_journal(directory, 2, 6)
        cut_power(directory, 2, random.Random(seed))
        data = b"".join(path.read_bytes() for path in directory.glob("journal-*.log"))
        kept.append(b"unsynced" in data)
    assert True in kept
    assert False in kept
