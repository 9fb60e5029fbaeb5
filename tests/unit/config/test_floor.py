"""Tests of the record a running floor leaves."""

import os
from pathlib import Path

import pytest

from polybot.config.floor import FLOOR_FILE, FloorRecord, read_floor, write_floor
from polybot.errors import StorageError


def record(runtime_dir: Path) -> FloorRecord:
    return FloorRecord(
        pid=12, pid_start=99, mode="replay", state_dir="/state", runtime_dir=str(runtime_dir)
    )


def test_a_record_is_read_as_it_was_written(tmp_path: Path) -> None:
    write_floor(record(tmp_path))
    assert read_floor(tmp_path) == record(tmp_path)
    assert os.listdir(tmp_path) == [FLOOR_FILE]


def test_where_no_floor_ever_ran_there_is_no_record(tmp_path: Path) -> None:
    assert read_floor(tmp_path) is None
    assert read_floor(tmp_path / "absent") is None


@pytest.mark.parametrize("damage", [b"", b"{", b"[]", b'{"pid": "x"}', b"\xff"])
def test_a_damaged_record_names_no_floor(tmp_path: Path, damage: bytes) -> None:
    (tmp_path / FLOOR_FILE).write_bytes(damage)
    assert read_floor(tmp_path) is None


def test_a_record_of_a_newer_program_is_read(tmp_path: Path) -> None:
    (tmp_path / FLOOR_FILE).write_text(
        '{"pid": 1, "mode": "replay", "state_dir": "/s", "runtime_dir": "/r", "later": true}'
    )
    found = read_floor(tmp_path)
    assert found is not None
    assert found.mode == "replay"


@pytest.mark.skipif(os.getuid() != 0, reason="only root may give a file to another user")
def test_a_record_that_another_user_put_where_anybody_may_write_is_none(tmp_path: Path) -> None:
    planted = tmp_path / "polybot-0-abcdef"
    planted.mkdir()
    write_floor(record(planted))
    os.chown(planted / FLOOR_FILE, 65534, 65534)
    assert read_floor(planted) == record(planted)
    tmp_path.chmod(0o1777)
    assert read_floor(planted) is None


def test_a_directory_that_is_not_there_is_an_error_that_says_so(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="expected to write"):
        write_floor(record(tmp_path / "absent"))
