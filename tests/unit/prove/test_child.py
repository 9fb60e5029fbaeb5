"""A process under proof is as shipped, but for small journals and a page that tells of syncs."""

import subprocess
import sys
from pathlib import Path

from tests.prove.child import SEGMENT_BYTES, synced_seq

# In a process of its own: what it changes is changed for good.
PROGRAM = """
import sys
from pathlib import Path
from polybot.runtime import journal
from tests.prove.child import tell_how_far_it_is_synced, use_small_journals

use_small_journals()
tell_how_far_it_is_synced()
opened = journal.Journal.open(Path(sys.argv[1]))
for number in range(int(sys.argv[2])):
    opened.append(b"x" * 1000)
opened.sync()
opened.append(b"not synced")
print(len(list(Path(sys.argv[1]).glob("journal-0*.log"))), flush=True)
import os
os._exit(0)
"""
ROOT = Path(__file__).resolve().parents[3]


def play(directory: Path, records: int) -> str:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(directory), str(records)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def test_a_page_tells_how_far_a_journal_is_synced_after_any_end(tmp_path: Path) -> None:
    assert synced_seq(tmp_path) == 0
    play(tmp_path, 5)
    assert synced_seq(tmp_path) == 5
    # A kill keeps what was written, and taking the journal over makes it durable.
    play(tmp_path, 2)
    assert synced_seq(tmp_path) == 8


def test_a_segment_is_full_within_a_hundred_records(tmp_path: Path) -> None:
    assert play(tmp_path, SEGMENT_BYTES // 1000 + 5) == "2"
