import sqlite3

import peewee
import pytest

from polybot.adapters.storage.ledger import Ledger
from polybot.adapters.storage.statements import execute, execute_many, translated
from polybot.errors import DiskFull, StorageError


def test_rows_come_as_tuples(ledger: Ledger) -> None:
    assert execute(ledger.database, "SELECT ?, ?", (1, "a")) == [(1, "a")]


def test_many_rows_go_in_at_once(ledger: Ledger) -> None:
    rows = [("trader", "s", seq, 0) for seq in (1,)] + [("tracker", "s", 2, 0)]

    execute_many(ledger.database, "INSERT INTO source_position VALUES (?,?,?,?)", rows)

    assert execute(ledger.database, "SELECT COUNT(*) FROM source_position") == [(2,)]


def test_a_wrong_row_is_an_error_of_the_database(ledger: Ledger) -> None:
    with pytest.raises(peewee.DatabaseError):
        execute_many(
            ledger.database,
            "INSERT INTO source_position VALUES (?,?,?,?)",
            [("trader", "s", "five", 0)],
        )


def fail(*errors: Exception) -> None:
    """Raise the last error while the ones before are being handled."""
    *earlier, last = errors
    last.__context__ = earlier[-1] if earlier else None
    with translated("ledger.sqlite"):
        raise last


def test_errors_name_the_file_and_what_to_do() -> None:
    with pytest.raises(StorageError, match=r"cannot use ledger\.sqlite: disk I/O error"):
        fail(peewee.OperationalError("disk I/O error"))


def test_a_full_disk_is_found_behind_the_rollback_that_failed() -> None:
    full = sqlite3.OperationalError("database or disk is full")

    with pytest.raises(DiskFull, match="make room"):
        fail(full, peewee.OperationalError("cannot rollback"))
