"""The note of a start: whole or absent, one process's alone, and never in the way."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from polybot.adapters.start_notes import NAME, StartNotes
from polybot.domain.crash_loop import CrashLoop, StartNote
from polybot.errors import StorageError

NOTE = StartNote(
    boot="b1",
    begun_ns=5,
    wait_ns=2,
    crashes_ns=(1, 4),
    loop=CrashLoop(crashes=2, since_ns=1, waits=1),
)


def test_what_was_written_is_read_again(tmp_path: Path) -> None:
    notes = StartNotes(tmp_path / "trader")
    assert notes.hold()
    assert notes.read() is None
    notes.write(NOTE)
    assert StartNotes(tmp_path / "trader").read() == NOTE
    assert [path.name for path in (tmp_path / "trader").iterdir()] == [NAME]


@pytest.mark.parametrize("damage", [b"", b"{", b"\0" * 80, b"\xff\xfe", b'{"boot":1,"begun_ns":2}'])
def test_a_damaged_note_says_so(tmp_path: Path, damage: bytes) -> None:
    (tmp_path / NAME).write_bytes(damage)
    with pytest.raises(StorageError, match=r"expected a note of a start in .*starts\.json"):
        StartNotes(tmp_path).read()


def test_a_directory_in_its_place_is_told_with_its_path(tmp_path: Path) -> None:
    (tmp_path / NAME).mkdir()
    with pytest.raises(StorageError, match=r"cannot read .*starts\.json"):
        StartNotes(tmp_path).read()
    with pytest.raises(StorageError, match=r"cannot write .*starts\.json"):
        StartNotes(tmp_path).write(NOTE)


def test_a_full_disk_is_told_and_leaves_the_note_before(tmp_path: Path) -> None:
    notes = StartNotes(tmp_path)
    notes.write(NOTE)
    # Every write to this device ends as on a full disk.
    (tmp_path / f".{NAME}").symlink_to("/dev/full")
    with pytest.raises(StorageError, match=os.strerror(errno.ENOSPC)):
        notes.write(StartNote(boot="b1", begun_ns=9))
    assert notes.read() == NOTE


def test_a_file_where_the_directory_should_be_is_told(tmp_path: Path) -> None:
    (tmp_path / "state").touch()
    with pytest.raises(StorageError, match="cannot use"):
        StartNotes(tmp_path / "state" / "trader").hold()


def test_a_second_process_does_not_get_them_until_the_first_one_died(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from polybot.adapters.start_notes import StartNotes;"
        "notes = StartNotes(Path(sys.argv[1])); print(notes.hold(), flush=True); sys.stdin.read()"
    )
    first = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert first.stdout is not None
    assert first.stdout.readline() == "True\n"
    notes = StartNotes(tmp_path)
    assert not notes.hold()
    first.kill()
    first.communicate()
    assert notes.hold()
    assert not StartNotes(tmp_path).hold()
    notes.release()
    assert StartNotes(tmp_path).hold()


def test_a_directory_of_another_user_is_left_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: mine + 1)
    assert not StartNotes(tmp_path).hold()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("umask", "expected"), [(0o077, 0o700), (0o007, 0o770)])
def test_the_umask_decides_who_may_enter_the_directory_it_makes(
    tmp_path: Path, umask: int, expected: int
) -> None:
    notes = StartNotes(tmp_path / "trader")
    before = os.umask(umask)
    try:
        assert notes.hold()
    finally:
        os.umask(before)
        notes.release()
    assert (tmp_path / "trader").stat().st_mode & 0o777 == expected
