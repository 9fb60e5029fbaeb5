"""The migrations that bring a database of any older version to this program's version."""

from collections.abc import Callable

import msgspec
from peewee import SqliteDatabase

from polybot.adapters.storage import schema
from polybot.adapters.storage.statements import execute
from polybot.errors import StorageError


class Migration(msgspec.Struct, frozen=True):
    """One step: it may run twice, and runs in one transaction with its own record."""

    version: int
    name: str
    run: Callable[[SqliteDatabase], None]


def _statements(texts: tuple[str, ...]) -> Callable[[SqliteDatabase], None]:
    def run(database: SqliteDatabase) -> None:
        for text in texts:
            execute(database, text)

    return run


MIGRATIONS: tuple[Migration, ...] = (
    Migration(1, "events and the positions of their sources", _statements(schema.EVENTS)),
    Migration(2, "windows, decisions, orders, fills, grades", _statements(schema.TRADING)),
    Migration(3, "reflections, alerts, audits, sessions", _statements(schema.OPERATIONS)),
    Migration(4, "indexes for the queries that exist", _statements(schema.QUERIES)),
    Migration(5, "the wallet's activity beside trading", _statements(schema.ACTIVITY)),
)
NEWEST_VERSION = MIGRATIONS[-1].version


def current_version(database: SqliteDatabase) -> int:
    """Return the version of an open database, 0 for an empty one."""
    known = execute(
        database, "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'schema_version'"
    )
    if not known:
        return 0
    rows = execute(database, "SELECT COALESCE(MAX(version), 0) FROM schema_version")
    return int(rows[0][0])


def check_version(database: SqliteDatabase) -> int:
    """Return the version; raises StorageError when it is newer than this program knows."""
    version = current_version(database)
    if version > NEWEST_VERSION:
        raise StorageError(
            f"expected a database of version {NEWEST_VERSION} or older, was {version}; "
            "a newer polybot wrote it: upgrade polybot, or give it another state directory"
        )
    return version


def migrate(
    database: SqliteDatabase, *, now_ns: int, until: int = NEWEST_VERSION
) -> tuple[int, ...]:
    """Run the migrations this database lacks, in order, and return their versions.

    Each step commits on its own, so an interrupted run continues where it stopped. Raises
    StorageError when the database is newer than this program.
    """
    version = check_version(database)
    pending = [migration for migration in MIGRATIONS if version < migration.version <= until]
    for migration in pending:
        with database.atomic("IMMEDIATE"):
            execute(
                database,
                "CREATE TABLE IF NOT EXISTS schema_version (version INTEGER PRIMARY KEY, "
                "name TEXT NOT NULL, applied_ns INTEGER NOT NULL) STRICT",
            )
            migration.run(database)
            execute(
                database,
                "INSERT INTO schema_version (version, name, applied_ns) VALUES (?, ?, ?)",
                (migration.version, migration.name, now_ns),
            )
    return tuple(migration.version for migration in pending)
