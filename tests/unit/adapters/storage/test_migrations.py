from pathlib import Path

import pytest
from peewee import SqliteDatabase

from polybot.adapters.storage.migrations import (
    MIGRATIONS,
    NEWEST_VERSION,
    current_version,
    migrate,
)
from polybot.adapters.storage.models import ALL_TABLES, column_names, table_name
from polybot.adapters.storage.statements import execute
from polybot.errors import StorageError

NOW_NS = 1_800_000_000_000_000_000


@pytest.fixture
def database(tmp_path: Path) -> SqliteDatabase:
    database = SqliteDatabase(str(tmp_path / "ledger.sqlite"), autoconnect=False)
    database.connect()
    return database


def shape(database: SqliteDatabase) -> set[tuple[str, str]]:
    rows = execute(database, "SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL")
    return {(name, sql) for name, sql in rows}


def test_an_empty_database_gets_every_migration_in_order(database: SqliteDatabase) -> None:
    ran = migrate(database, now_ns=NOW_NS)

    assert ran == tuple(range(1, NEWEST_VERSION + 1))
    assert current_version(database) == NEWEST_VERSION


@pytest.mark.parametrize("version", range(NEWEST_VERSION + 1))
def test_a_database_of_any_older_version_becomes_the_same_as_a_new_one(
    database: SqliteDatabase, tmp_path: Path, version: int
) -> None:
    fresh = SqliteDatabase(str(tmp_path / "fresh.sqlite"), autoconnect=False)
    fresh.connect()
    migrate(fresh, now_ns=NOW_NS)
    migrate(database, now_ns=NOW_NS, until=version)

    ran = migrate(database, now_ns=NOW_NS)

    assert ran == tuple(range(version + 1, NEWEST_VERSION + 1))
    assert shape(database) == shape(fresh)


def test_every_migration_may_run_twice(database: SqliteDatabase) -> None:
    migrate(database, now_ns=NOW_NS)
    before = shape(database)

    for migration in MIGRATIONS:
        migration.run(database)

    assert shape(database) == before


def test_a_second_start_runs_nothing(database: SqliteDatabase) -> None:
    migrate(database, now_ns=NOW_NS)

    assert migrate(database, now_ns=NOW_NS) == ()


def test_a_newer_database_is_refused_by_name_and_left_alone(database: SqliteDatabase) -> None:
    migrate(database, now_ns=NOW_NS)
    execute(
        database,
        "INSERT INTO schema_version VALUES (?, ?, ?)",
        (NEWEST_VERSION + 1, "from the future", NOW_NS),
    )

    with pytest.raises(StorageError, match=f"version {NEWEST_VERSION} or older, was"):
        migrate(database, now_ns=NOW_NS)


def test_the_models_have_the_columns_of_the_tables(database: SqliteDatabase) -> None:
    migrate(database, now_ns=NOW_NS)
    for table in ALL_TABLES:
        name = table_name(table)
        columns = [row[1] for row in execute(database, f"PRAGMA table_info({name})")]
        assert columns == column_names(table), name


def test_every_table_has_a_model(database: SqliteDatabase) -> None:
    migrate(database, now_ns=NOW_NS)
    rows = execute(database, "SELECT name FROM sqlite_master WHERE type = 'table'")

    assert {row[0] for row in rows} == {table_name(table) for table in ALL_TABLES}
