"""Plain SQL on an open database, with SQLite's errors in polybot's words."""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import peewee
from peewee import SqliteDatabase

from polybot.errors import DatabaseDamaged, DiskFull, StorageError

Row = tuple[Any, ...]
# What SQLite says of a file whose bytes are not what it wrote.
_DAMAGED = ("malformed", "not a database", "corrupt")


@contextmanager
def translated(path: str) -> Iterator[None]:
    """Turn SQLite's errors into DiskFull, DatabaseDamaged or StorageError, naming the file."""
    try:
        yield
    except peewee.PeeweeException as error:
        first = _first_cause(error)
        if "full" in str(first):
            raise DiskFull(f"cannot write {path}: {first}; make room on its disk") from error
        if any(word in str(first) for word in _DAMAGED):
            raise DatabaseDamaged(f"the database {path} is damaged: {first}") from error
        raise StorageError(f"cannot use {path}: {first}; check the file and its disk") from error


def _first_cause(error: BaseException) -> BaseException:
    """Return the error that began it: SQLite rolls back by itself, and rolling back then fails."""
    while isinstance(error.__context__, peewee.PeeweeException | sqlite3.Error):
        error = error.__context__
    return error


def execute(database: SqliteDatabase, sql: str, parameters: Sequence[Any] = ()) -> list[Row]:
    """Run one statement and return its rows."""
    cursor = database.execute_sql(sql, tuple(parameters))  # type: ignore[no-untyped-call]
    return [tuple(row) for row in cursor.fetchall()]


def execute_many(database: SqliteDatabase, sql: str, rows: Sequence[Sequence[Any]]) -> None:
    """Run one statement for many rows, about ten times faster than through the models."""
    try:
        database.connection().executemany(sql, rows)  # type: ignore[no-untyped-call]
    except sqlite3.Error as error:
        raise peewee.DatabaseError(str(error)) from error
