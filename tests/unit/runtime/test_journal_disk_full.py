"""The journal on a disk without space: a file size limit and, for root, a tiny file system."""

import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from polybot.errors import DiskFull
from polybot.runtime.journal import Journal, JournalSettings
from polybot.runtime.journal_verify import verify

SMALL = JournalSettings(segment_bytes=64 << 10, reserve_bytes=16 << 10)


@pytest.fixture
def full_disk(tmp_path: Path) -> Iterator[Path]:
    """Mount a tmpfs with room for two segments and the reserve, then none."""
    if os.geteuid() != 0:
        pytest.skip("only root may mount a tiny file system")
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=200k", "tmpfs", str(tmp_path)],
        capture_output=True,
        check=False,
    )
    if mounted.returncode != 0:
        pytest.skip(f"cannot mount here: {mounted.stderr.decode().strip()}")
    yield tmp_path / "trader"
    subprocess.run(["umount", "-l", str(tmp_path)], check=True)


def fill(journal: Journal) -> int:
    """Append until the disk is full and return the last seq that was written."""

    def append_for_ever() -> None:
        while True:
            journal.append(b'{"pad":"%s"}' % (b"x" * 500))

    with pytest.raises(DiskFull, match="free space"):
        append_for_ever()
    journal.sync()
    return journal.last_seq


def test_a_full_disk_denies_an_append_and_keeps_what_was_written(full_disk: Path) -> None:
    journal = Journal.open(full_disk, settings=SMALL)
    last = fill(journal)
    assert journal.last_seq == last > 100
    assert journal.shortage is not None
    assert len(journal.read_from(last, 10)) == 1
    journal.close()
    assert verify(full_disk).last_seq == last


def test_the_reserve_lets_exits_be_journaled_on_a_full_disk(full_disk: Path) -> None:
    journal = Journal.open(full_disk, settings=SMALL)
    last = fill(journal)
    journal.release_reserve()
    for number in range(1, 21):
        assert journal.append(b'{"exit":%d,"pad":"%s"}' % (number, b"x" * 500)) == last + number
    journal.sync()
    journal.close()
    report = verify(full_disk)
    assert report.ok
    assert report.last_seq == last + 20


def test_a_journal_on_a_full_disk_opens_again_and_still_has_its_reserve(full_disk: Path) -> None:
    journal = Journal.open(full_disk, settings=SMALL)
    last = fill(journal)
    journal.close()
    journal = Journal.open(full_disk, settings=SMALL)
    assert journal.last_seq == last
    journal.release_reserve()
    while journal.last_seq < last + 10:
        journal.append(b'{"exit":1}')
    journal.close()


def test_when_space_is_back_the_journal_and_its_reserve_are_whole_again(full_disk: Path) -> None:
    ballast = full_disk.parent / "ballast"
    ballast.write_bytes(bytes(40 << 10))
    journal = Journal.open(full_disk, settings=SMALL)
    last = fill(journal)
    journal.release_reserve()
    journal.append(b'{"exit":1}')
    journal.sync()
    ballast.unlink()
    journal.trim(last + 1)
    journal.replenish()
    journal.close()
    journal = Journal.open(full_disk, settings=SMALL)
    assert journal.shortage is None
    assert (full_disk / "journal.reserve").stat().st_size == SMALL.reserve_bytes
    assert journal.append(b'{"entry":1}') == last + 2
    journal.close()


def test_a_full_disk_is_not_filled_further_for_a_moment_by_trying(full_disk: Path) -> None:
    journal = Journal.open(full_disk, settings=SMALL)
    fill(journal)
    before = full_disk.stat().st_mtime_ns
    journal.replenish()
    journal.close()
    assert journal.shortage is not None
    # Not even a file that is deleted again.
    assert full_disk.stat().st_mtime_ns == before


LIMITED = """
import sys
from collections.abc import Iterator
from pathlib import Path
from polybot.errors import DiskFull
from polybot.runtime.journal import Journal
try:
    Journal.open(Path(sys.argv[1]))
except DiskFull as error:
    sys.exit(str(error))
"""


def test_a_file_size_limit_of_the_process_is_a_full_disk_too(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, str(tmp_path)],
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20)),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "free space on this disk (or raise the limit)" in done.stderr
