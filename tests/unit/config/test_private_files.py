"""A file is replaced whole, with the mode it should have."""

import contextlib
import os
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from polybot.config.private_files import (
    read_text,
    remove,
    replace_from_spare,
    replace_text,
)
from polybot.errors import DiskFull, StorageError
from tests.forked import GROUP, needs_root


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_private_file_is_for_its_owner_alone_whatever_it_was(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_text("A=1\n")
    path.chmod(0o644)
    replace_text(path, "A=2\n", private=True)
    assert (read_text(path), mode(path)) == ("A=2\n", 0o600)
    assert os.listdir(tmp_path) == [".env"]


def test_another_file_keeps_its_mode_and_its_link(tmp_path: Path) -> None:
    real, link = tmp_path / "real.toml", tmp_path / "link.toml"
    real.write_text("x = 1\n")
    real.chmod(0o640)
    link.symlink_to(real)
    replace_text(link, "x = 2\n", private=False)
    assert (real.read_text(), mode(real), link.is_symlink()) == ("x = 2\n", 0o640, True)


def test_an_absent_file_is_empty(tmp_path: Path) -> None:
    assert read_text(tmp_path / "no") == ""


def test_a_private_file_gets_a_directory_nobody_else_may_enter(tmp_path: Path) -> None:
    replace_text(tmp_path / "wallet" / "key", "0x1\n", private=True)
    assert mode(tmp_path / "wallet") == 0o700


def test_a_link_laid_where_a_draft_might_be_is_not_followed(tmp_path: Path) -> None:
    path, target = tmp_path / "key", tmp_path / "elsewhere"
    for name in ("key.new", "key.tmp", ".key.new"):
        (tmp_path / name).symlink_to(target)
    replace_text(path, "0x1\n", private=True)
    assert read_text(path) == "0x1\n"
    assert not target.exists()


def test_a_draft_that_cannot_take_the_place_is_removed(tmp_path: Path) -> None:
    (tmp_path / "key").mkdir()
    with pytest.raises(StorageError, match="cannot write"):
        replace_text(tmp_path / "key", "0x1\n", private=True)
    assert os.listdir(tmp_path) == ["key"]


def test_a_file_is_taken_away_once(tmp_path: Path) -> None:
    path = tmp_path / "arming.json"
    replace_text(path, "{}", private=True)
    assert [remove(path), remove(path)] == [True, False]
    assert os.listdir(tmp_path) == []


def test_what_cannot_be_written_or_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match="cannot write"):
        replace_text(tmp_path / "file" / "x", "", private=True)
    with pytest.raises(StorageError, match="cannot read"):
        read_text(tmp_path)
    with pytest.raises(StorageError, match="cannot write"):
        remove(tmp_path)


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """Mount a disk of 64 kB, or skip where that is not allowed."""
    mounting = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(tmp_path)]
    if os.geteuid() != 0 or subprocess.run(mounting, check=False).returncode != 0:
        pytest.skip("only root may mount a tiny disk")
    yield tmp_path
    subprocess.run(["umount", "--lazy", str(tmp_path)], check=True)


def test_a_full_disk_asks_for_space_and_keeps_the_old_text(tiny_disk: Path) -> None:
    replace_text(tiny_disk / "key", "old", private=True)
    with pytest.raises(DiskFull, match="free space on this disk"):
        replace_text(tiny_disk / "key", "n" * 100_000, private=True)
    assert read_text(tiny_disk / "key") == "old"
    assert os.listdir(tiny_disk) == ["key"]


def fill(directory: Path) -> None:
    """Take every byte that is left."""
    with (directory / "filler").open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while file.write(bytes(512)):
            pass


def test_a_spare_is_room_on_a_full_disk(tiny_disk: Path) -> None:
    path, spare = tiny_disk / "fence", tiny_disk / "spare"
    replace_text(path, "old", private=True)
    replace_text(spare, " " * 4096, private=True)
    fill(tiny_disk)
    with pytest.raises(DiskFull):
        replace_text(path, "new", private=True)
    replace_from_spare(path, "new", spare)
    assert (read_text(path).rstrip(), mode(path)) == ("new", 0o600)
    assert not spare.exists()


def test_a_text_that_does_not_fit_its_spare_changes_nothing(tmp_path: Path) -> None:
    path, spare = tmp_path / "fence", tmp_path / "spare"
    path.write_text("old")
    spare.write_text(" " * 4)
    with pytest.raises(DiskFull, match="too small"):
        replace_from_spare(path, "12345", spare)
    assert (path.read_text(), spare.read_text()) == ("old", " " * 4)


def test_without_its_spare_the_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"cannot write .*fence"):
        replace_from_spare(tmp_path / "fence", "x", tmp_path / "spare")


def test_a_read_only_disk_is_not_a_question_of_users(tiny_disk: Path) -> None:
    subprocess.run(["mount", "-o", "remount,ro", str(tiny_disk)], check=True)
    with pytest.raises(StorageError, match="Read-only file system; make it writable, or set"):
        replace_text(tiny_disk / "key", "new", private=True)


@pytest.mark.parametrize(
    ("umask", "file", "directory"), [(0o077, 0o600, 0o700), (0o007, 0o660, 0o770)]
)
def test_the_umask_decides_who_may_read_what_is_not_private(
    tmp_path: Path, umask: int, file: int, directory: int
) -> None:
    before = os.umask(umask)
    try:
        replace_text(tmp_path / "state" / "arming.json", "{}", private=False)
        replace_text(tmp_path / "wallet" / "key", "0x1", private=True)
    finally:
        os.umask(before)
    assert mode(tmp_path / "state" / "arming.json") == file
    assert mode(tmp_path / "state") == directory
    assert mode(tmp_path / "wallet" / "key") == 0o600
    assert mode(tmp_path / "wallet") == 0o700


@needs_root
def test_what_root_replaces_stays_whose_it_was(tmp_path: Path) -> None:
    path = tmp_path / "polybot.toml"
    path.write_text("")
    os.chown(path, 0, GROUP)
    path.chmod(0o640)
    replace_text(path, "x = 1\n", private=False)
    assert (path.stat().st_uid, path.stat().st_gid, mode(path)) == (0, GROUP, 0o640)
