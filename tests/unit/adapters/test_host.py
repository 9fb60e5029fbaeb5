import os
from pathlib import Path

from polybot.adapters.host import LocalHost


def test_a_disk_that_is_there_has_room(tmp_path: Path) -> None:
    free = LocalHost(tmp_path, tmp_path / "ledger.sqlite").disk_free_mb()

    assert free is not None
    assert free == os.statvfs(tmp_path).f_bavail * os.statvfs(tmp_path).f_frsize >> 20


def test_a_disk_that_is_not_there_is_not_known(tmp_path: Path) -> None:
    assert LocalHost(tmp_path / "absent", tmp_path / "x").disk_free_mb() is None


def test_memory_of_this_process_is_known_and_of_no_process_is_not(tmp_path: Path) -> None:
    host = LocalHost(tmp_path, tmp_path / "x")

    mine = host.rss_mb(os.getpid())

    assert mine is not None
    assert 1 < mine < 10_000
    assert host.rss_mb(2**22 + 1) is None


def test_a_database_is_writable_when_file_and_directory_are(tmp_path: Path) -> None:
    database = tmp_path / "ledger.sqlite"
    host = LocalHost(tmp_path, database)
    assert host.database_writable() is None

    database.write_bytes(b"")

    assert host.database_writable() is True
