import os
from pathlib import Path

import peewee
import pytest

from polybot.adapters.storage.connection import open_for_reading
from polybot.adapters.storage.ledger import Ledger
from polybot.adapters.storage.reader import LedgerReader
from polybot.adapters.storage.statements import execute
from polybot.errors import StorageError
from tests.fakes import FakeClock
from tests.story import (
    bought,
    records,
)


def test_a_reader_cannot_write(ledger: Ledger, path: Path) -> None:
    database = open_for_reading(path)

    with pytest.raises(peewee.OperationalError, match="readonly"):
        execute(database, "DELETE FROM event")


def test_a_database_whose_writer_is_gone_can_be_read(path: Path) -> None:
    ledger = Ledger.open(path, FakeClock())
    ledger.store(records(bought(0)))
    ledger.close()

    reader = LedgerReader.open(path)

    assert len(reader.trades()) == 1
    reader.close()


def test_a_missing_database_says_what_makes_one(path: Path) -> None:
    with pytest.raises(StorageError, match="has the tracker run"):
        LedgerReader.open(path)


def test_an_older_database_is_left_to_the_tracker(path: Path) -> None:
    ledger = Ledger.open(path, FakeClock())
    execute(ledger.database, "DELETE FROM schema_version WHERE version > 1")
    ledger.close()

    with pytest.raises(StorageError, match="start the tracker"):
        LedgerReader.open(path)


def test_a_database_that_may_not_be_looked_at_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path, **_: object) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    # What the kernel answers where the directory is another user's; root is refused nowhere.
    monkeypatch.setattr(Path, "stat", refuse)
    with pytest.raises(StorageError, match=r"ledger\.sqlite, was refused; log in as"):
        open_for_reading(tmp_path / "ledger.sqlite")


@pytest.mark.parametrize(("umask", "expected"), [(0o077, 0o600), (0o007, 0o660)])
def test_the_umask_decides_who_may_use_a_new_database(
    path: Path, umask: int, expected: int
) -> None:
    before = os.umask(umask)
    try:
        ledger = Ledger.open(path, FakeClock())
        ledger.store(records(bought(0)))
        modes = {
            each.name: each.stat().st_mode & 0o777 for each in path.parent.glob(f"{path.name}*")
        }
        ledger.close()
    finally:
        os.umask(before)
    assert modes == {f"{path.name}{ending}": expected for ending in ("", "-wal", "-shm")}
