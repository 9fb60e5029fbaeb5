import errno
from pathlib import Path

import pytest

from polybot.errors import DiskFull, StorageError
from polybot.runtime.disk import create_zeroed, storage_error, sync_directory, translated


def test_a_zeroed_file_has_its_size_in_written_zeros_and_leaves_nothing_else(
    tmp_path: Path,
) -> None:
    create_zeroed(tmp_path / "spare", 300_000)
    assert (tmp_path / "spare").read_bytes() == bytes(300_000)
    assert (tmp_path / "spare").stat().st_blocks * 512 >= 300_000
    assert [path.name for path in tmp_path.iterdir()] == ["spare"]


def test_a_file_that_cannot_be_made_whole_does_not_get_its_name(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="File too large"):
        create_zeroed(tmp_path / "spare", 1 << 62)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_every_way_to_be_out_of_space_is_a_full_disk(number: int) -> None:
    error = storage_error(OSError(number, "no room"), Path("state"))
    assert isinstance(error, DiskFull)
    assert "free space" in str(error)


@pytest.mark.parametrize("number", [errno.EACCES, errno.EPERM, errno.EROFS])
def test_a_directory_that_cannot_be_written_names_the_setting_to_change(number: int) -> None:
    error = storage_error(OSError(number, "denied"), Path("state"))
    assert not isinstance(error, DiskFull)
    assert "POLYBOT_STATE_DIR" in str(error)


def test_a_file_where_a_directory_should_be_is_said_plainly(tmp_path: Path) -> None:
    (tmp_path / "state").touch()
    for wanted in (tmp_path / "state", tmp_path / "state" / "trader"):
        with pytest.raises(StorageError, match="move it away") as caught, translated(wanted):
            wanted.mkdir()
        assert "check the disk" not in str(caught.value)


def test_an_error_inside_a_translated_block_names_the_path(tmp_path: Path) -> None:
    missing = tmp_path / "missing"
    with pytest.raises(StorageError, match="missing"), translated(missing):
        missing.read_bytes()


def test_a_directory_can_be_synced_and_a_missing_one_is_an_error(tmp_path: Path) -> None:
    sync_directory(tmp_path)
    with pytest.raises(FileNotFoundError):
        sync_directory(tmp_path / "missing")
