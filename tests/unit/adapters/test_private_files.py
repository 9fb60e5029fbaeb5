"""A file is replaced whole, with the mode it should have."""

import os
import stat
from pathlib import Path

import pytest

from polybot.adapters.private_files import read_text, replace_text
from polybot.errors import StorageError


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


def test_what_cannot_be_written_or_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match="cannot write"):
        replace_text(tmp_path / "file" / "x", "", private=True)
    with pytest.raises(StorageError, match="cannot read"):
        read_text(tmp_path)
