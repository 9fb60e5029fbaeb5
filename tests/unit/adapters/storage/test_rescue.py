import logging
import sqlite3
from pathlib import Path

import pytest

from polybot.adapters.storage.ledger import Ledger
from polybot.adapters.storage.rescue import LedgerRescue
from polybot.errors import DatabaseDamaged, StorageError
from tests.fakes import FakeClock
from tests.story import bought, records


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return a database with some events."""
    ledger = Ledger.open(tmp_path / "ledger.sqlite", FakeClock())
    ledger.store(records(bought()))
    ledger.close()
    return tmp_path / "ledger.sqlite"


@pytest.fixture
def rescue(path: Path) -> LedgerRescue:
    return LedgerRescue(path, FakeClock())


def damage(path: Path) -> bytes:
    """Overwrite the middle of every page but the first, and return what is there then."""
    data = bytearray(path.read_bytes())
    for page in range(4096, len(data), 4096):
        data[page : page + 2000] = b"\xaa" * 2000
    path.write_bytes(bytes(data))
    return bytes(data)


def test_a_whole_database_is_opened_as_it_is(
    rescue: LedgerRescue, caplog: pytest.LogCaptureFixture
) -> None:
    ledger = rescue.open(had_events=True)

    assert ledger.store_position("trader") == len(bought())
    assert rescue.reason == ""
    assert caplog.records == []


def test_a_first_start_is_no_loss(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    rescue = LedgerRescue(tmp_path / "tracker" / "ledger.sqlite", FakeClock())

    assert rescue.open(had_events=False).positions() == {}
    assert rescue.reason == ""
    assert caplog.records == []


@pytest.mark.parametrize("empty", [False, True])
def test_a_database_that_is_gone_or_empty_is_said_in_one_line(
    path: Path, rescue: LedgerRescue, caplog: pytest.LogCaptureFixture, *, empty: bool
) -> None:
    path.unlink()
    if empty:
        path.touch()

    assert rescue.open(had_events=True).positions() == {}

    [told] = [record for record in caplog.records if record.levelno == logging.CRITICAL]
    assert f"expected the database {path}, was missing" in told.getMessage()
    assert "rebuilt from the journals and the exchange" in told.getMessage()


def test_a_damaged_database_is_moved_aside_and_never_deleted(
    path: Path, rescue: LedgerRescue, caplog: pytest.LogCaptureFixture
) -> None:
    data = damage(path)

    ledger = rescue.open(had_events=True)

    assert ledger.positions() == {}
    [aside] = path.parent.glob("ledger.damaged-*.sqlite")
    assert aside.read_bytes() == data
    [told] = [record for record in caplog.records if record.levelno == logging.CRITICAL]
    assert f"moved aside to {aside}" in told.getMessage()
    assert "is damaged" in rescue.reason


def test_a_file_that_is_no_database_at_all_is_moved_aside(path: Path, rescue: LedgerRescue) -> None:
    path.write_bytes(b"this was a database once" * 1000)

    assert rescue.open(had_events=True).positions() == {}
    assert len(list(path.parent.glob("ledger.damaged-*.sqlite"))) == 1


def test_the_write_ahead_log_goes_with_its_database(path: Path, rescue: LedgerRescue) -> None:
    open_ledger = Ledger.open(path, FakeClock())
    open_ledger.store(records(bought(1), first=len(bought()) + 1))
    log = Path(f"{path}-wal").read_bytes()
    assert log

    rescue.set_aside(DatabaseDamaged("the database is damaged"))
    open_ledger.close()

    [aside] = path.parent.glob("ledger.damaged-*.sqlite")
    # Under this name SQLite still finds it.
    with sqlite3.connect(aside) as connection:
        [(count,)] = connection.execute("SELECT COUNT(*) FROM event").fetchall()
    assert count == len(bought()) * 2


def test_two_damaged_databases_of_one_second_have_two_names(
    path: Path, rescue: LedgerRescue
) -> None:
    for _ in range(2):
        path.write_bytes(b"no database" * 1000)
        rescue.open(had_events=True).close()

    assert len(list(path.parent.glob("ledger.damaged-*.sqlite"))) == 2


def test_a_rebuild_that_was_interrupted_goes_on_in_the_next_life(
    path: Path, rescue: LedgerRescue
) -> None:
    path.unlink()
    ledger = rescue.open(had_events=True)
    ledger.store(records(bought()))
    ledger.close()

    again = LedgerRescue(path, FakeClock())
    again.open(had_events=True).close()
    assert again.reason == rescue.reason != ""
    again.finished()

    last = LedgerRescue(path, FakeClock())
    last.open(had_events=True).close()
    assert last.reason == ""


def test_a_database_of_a_newer_program_is_left_alone(path: Path, rescue: LedgerRescue) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("INSERT INTO schema_version VALUES (999, 'later', 0)")
    before = path.read_bytes()

    with pytest.raises(StorageError, match="a newer polybot wrote it"):
        rescue.open(had_events=True)

    assert path.read_bytes() == before
    assert not list(path.parent.glob("ledger.damaged-*"))
