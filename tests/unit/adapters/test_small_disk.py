"""A process of its own tries each: it would keep its mounts."""

import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import errno, pathlib, sys
from polybot.adapters.small_disk import SmallDisk
from polybot.errors import StorageError

directory = pathlib.Path(sys.argv[1])
try:
    disk = SmallDisk.mount(directory, 8 << 20)
except StorageError as error:
    print("refused:", error)
    sys.exit(77)
(directory / "before").write_bytes(bytes(1 << 20))
assert not disk.is_full()
for _ in range(3):
    disk.take_space()
    try:
        (directory / "more").write_bytes(bytes(1 << 20))
    except OSError as error:
        assert error.errno == errno.ENOSPC, error
    else:
        raise AssertionError("a full disk took a megabyte")
    (directory / "more").unlink()
    disk.give_space()
    assert not disk.is_full()
    (directory / "before").write_bytes(bytes(2 << 20))
print(sorted(path.name for path in directory.iterdir()))
disk.unmount()
directory.rmdir()
"""

REFUSED = 77


def test_a_disk_is_full_and_has_space_again_as_often_as_wanted_and_leaves_no_mount(
    tmp_path: Path,
) -> None:
    directory = tmp_path / "disk"
    directory.mkdir()
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(directory)], capture_output=True, text=True, check=False
    )
    if done.returncode == REFUSED:
        pytest.skip(done.stdout.strip())
    assert (done.stdout.strip(), done.returncode) == ("['before']", 0), done.stderr
    assert list(tmp_path.iterdir()) == []
    assert str(tmp_path) not in Path("/proc/mounts").read_text()


def test_where_nobody_may_mount_it_says_why(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(tmp_path / "absent")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == REFUSED
    assert done.stdout.startswith("refused: expected to mount a small disk, was refused: ")
