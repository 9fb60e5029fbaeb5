"""Tests of the database's upkeep while its writer goes on."""

from pathlib import Path

import pytest

from polybot.adapters.storage.ledger import Ledger
from polybot.adapters.storage.reader import LedgerReader
from polybot.adapters.storage.upkeep import tidy
from polybot.errors import StorageError
from tests.story import bought, opening, records


def test_the_log_is_written_back_while_the_writer_has_the_file(ledger: Ledger, path: Path) -> None:
    ledger.store(records([opening()]))
    log = path.with_name("ledger.sqlite-wal")
    size = log.stat().st_size
    assert size > 0
    assert tidy(path) == size
    assert log.stat().st_size == 0
    # Both go on as before.
    ledger.store(records(bought(0)))
    reader = LedgerReader.open(path)
    assert len(reader.trades()) == 1
    reader.close()


def test_what_is_no_database_of_ours_is_not_touched(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="was none"):
        tidy(tmp_path / "ledger.sqlite")
    assert list(tmp_path.iterdir()) == []
    other = tmp_path / "other.sqlite"
    other.write_text("no database")
    with pytest.raises(StorageError):
        tidy(other)
    assert other.read_text() == "no database"
