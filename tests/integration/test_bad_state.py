"""Bad state of real processes: a full disk, damage, another's directory. Nothing is guessed."""

import hashlib
import os
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, nullcontext
from pathlib import Path

import pytest

from polybot.adapters.start_notes import NAME as STARTS
from polybot.adapters.wallet_files import WalletFiles
from polybot.config.locations import PROCESSES
from polybot.runtime.checkpoint import CheckpointStore
from polybot.runtime.journal import Journal, JournalSettings
from polybot.runtime.journal_segment import list_segments
from tests.fakes import FakeClock
from tests.integration.test_bad_input import ERROR_EXIT, last_line, run

pytestmark = pytest.mark.floor

# Small enough that a few records make several segments; a process reads them all the same.
SMALL = JournalSettings(segment_bytes=4 << 10, reserve_bytes=1 << 10)
RECORDS = 150


@pytest.fixture
def runtime() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="pbs-", dir="/tmp") as directory:
        yield Path(directory)


@pytest.fixture
def small_disk() -> Iterator[Path]:
    """Mount a disk of 64 MB, or skip where that is not allowed."""
    with tempfile.TemporaryDirectory(prefix="pbd-", dir="/tmp") as directory:
        mounting = ["mount", "-t", "tmpfs", "-o", "size=64m,mode=0700", "tmpfs", directory]
        if os.getuid() != 0 or subprocess.run(mounting, check=False).returncode != 0:
            pytest.skip("only root may mount a small disk")
        yield Path(directory)
        # A test that failed may have left a process that is about to end.
        subprocess.run(["umount", "--lazy", directory], check=True)


def lived(directory: Path, *, checkpoint: int = 0, schema: int = 1) -> Journal:
    """Leave a journal of several segments, and a checkpoint; return the journal, still open."""
    journal = Journal.open(directory, settings=SMALL)
    for number in range(1, RECORDS + 1):
        journal.append(b'{"number":%06d}' % number)
        journal.sync()
    if checkpoint:
        CheckpointStore(directory, clock=FakeClock()).save(checkpoint, b"{}", schema)
    return journal


def tree(directory: Path) -> str:
    """Return a hash of what is on disk: names, owners, modes, contents, times of files' change.

    That a start was tried is noted beside it, so that the third in a minute waits.
    """
    found = hashlib.sha256()
    for path in sorted([directory, *directory.rglob("*")]):
        if path.name == STARTS:
            continue
        is_now = path.lstat()
        owner, size = (is_now.st_uid, is_now.st_mode), is_now.st_size
        changed_ns = is_now.st_mtime_ns if path.is_file() else 0
        found.update(repr((path, owner, path.is_dir() or size, changed_ns)).encode())
        if path.is_file():
            found.update(path.read_bytes())
    return found.hexdigest()


# Each leaves a state in a process's directory and returns what holds it while the process starts.
State = Callable[[Path], AbstractContextManager[object]]


def newer_checkpoint(directory: Path) -> AbstractContextManager[object]:
    lived(directory, checkpoint=RECORDS, schema=999).close()
    return nullcontext()


def missing_segment(directory: Path) -> AbstractContextManager[object]:
    lived(directory).close()
    list_segments(directory)[1].path.unlink()
    return nullcontext()


def missing_first_segment(directory: Path) -> AbstractContextManager[object]:
    lived(directory).close()
    list_segments(directory)[0].path.unlink()
    return nullcontext()


def missing_newest_segment(directory: Path) -> AbstractContextManager[object]:
    lived(directory, checkpoint=RECORDS).close()
    (checkpoint,) = directory.glob("checkpoint-*")
    # The checkpoint cannot be read, but its name says what was durable.
    checkpoint.write_text("{ torn")
    list_segments(directory)[-1].path.unlink()
    return nullcontext()


def changed_record(directory: Path) -> AbstractContextManager[object]:
    lived(directory).close()
    path = list_segments(directory)[1].path
    data = bytearray(path.read_bytes())
    data[70] ^= 1
    path.write_bytes(data)
    return nullcontext()


def lock_held(directory: Path) -> AbstractContextManager[object]:
    return closing(lived(directory))


def anothers_directory(directory: Path) -> AbstractContextManager[object]:
    if os.geteuid() != 0:
        pytest.skip("only root may give a directory away")
    lived(directory).close()
    os.chown(directory, 12345, -1)
    return nullcontext()


def file_in_the_way(directory: Path) -> AbstractContextManager[object]:
    directory.write_text("not a directory")
    return nullcontext()


@pytest.mark.parametrize("process", PROCESSES)
@pytest.mark.parametrize(
    ("state", "told", "to_do"),
    [
        (newer_checkpoint, "was 999", "a newer polybot wrote it, start that one again"),
        (missing_segment, "missing segment in", "Restore the missing file from a backup"),
        (missing_first_segment, "expected a checkpoint in", "the older segments from a backup"),
        (missing_newest_segment, "expected records up to seq 150", "restore the newest segment"),
        (changed_record, "the byte at 70 was", "Restore this file from a backup"),
        (lock_held, f"another one, pid {os.getpid()}", "stop that"),
        (anothers_directory, "was user 12345's", "run polybot as user 12345, or set"),
        (file_in_the_way, "a file is where a directory should be", "move it away, or set"),
    ],
)
def test_a_state_that_cannot_be_used_is_one_line_and_stays_as_it_is(  # noqa: PLR0917
    tmp_path: Path, runtime: Path, process: str, state: State, told: str, to_do: str
) -> None:
    root = tmp_path / "state"
    directory = root / process
    # As in any state directory that was used before: the trader asks whose wallet it is first.
    WalletFiles(root / "wallet").play_key()
    with state(directory):
        before = tree(root)
        done = run(process, root, runtime)
        assert done.returncode == ERROR_EXIT, done.stderr
        line = last_line(done)
        assert done.stderr.count("CRITICAL") == line.count("CRITICAL") <= 1
        assert str(directory) in line
        assert told in line
        assert to_do in line
        assert tree(root) == before


@pytest.mark.parametrize("process", PROCESSES)
@pytest.mark.parametrize("is_new", [True, False])
def test_a_read_only_disk_is_one_line_and_stays_as_it_is(
    small_disk: Path, runtime: Path, process: str, *, is_new: bool
) -> None:
    root = small_disk / "state"
    if not is_new:
        WalletFiles(root / "wallet").play_key()
        lived(root / process).close()
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    before = tree(small_disk)
    done = run(process, root, runtime)
    assert done.returncode == ERROR_EXIT, done.stderr
    line = last_line(done)
    assert "Read-only file system; make it" in line
    assert "or set POLYBOT_STATE_DIR to" in line
    assert tree(small_disk) == before


def test_a_start_that_fails_behind_its_journal_ends_and_holds_nothing(
    tmp_path: Path, runtime: Path
) -> None:
    database = tmp_path / "state" / "tracker" / "ledger.sqlite"
    database.mkdir(parents=True)
    for _ in range(2):
        # Its sockets and its lock are open by then: the next try must find them free.
        done = run("tracker", tmp_path / "state", runtime)
        assert done.returncode == ERROR_EXIT, done.stderr
        assert str(database) in last_line(done)
