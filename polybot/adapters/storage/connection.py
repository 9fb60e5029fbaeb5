"""How the database is opened: by its one writer, and read-only by everybody else."""

import os
from pathlib import Path
from urllib.parse import quote

from peewee import SqliteDatabase

from polybot.adapters.storage.migrations import NEWEST_VERSION, check_version, migrate
from polybot.adapters.storage.models import database_proxy
from polybot.adapters.storage.statements import translated
from polybot.errors import StorageError

BUSY_TIMEOUT_S = 5
# A commit is on the disk before a source hears that its events are stored here.
WRITER_PRAGMAS = {
    "journal_mode": "wal",
    "synchronous": "full",
    "cache_size": -8_000,
    "temp_store": "memory",
}
READER_PRAGMAS = {"query_only": 1, "cache_size": -4_000}


def open_for_writing(path: Path, *, now_ns: int) -> SqliteDatabase:
    """Open or make the database, bring it to the newest version and bind the models to it.

    Raises StorageError when it cannot be used or is newer than this program.
    """
    try:
        _make_file(path)
    except OSError as error:
        raise StorageError(
            f"expected to write in {path.parent}, was refused ({error.strerror}); "
            "check owner and mode of the state directory"
        ) from error
    database = SqliteDatabase(
        str(path), pragmas=WRITER_PRAGMAS, timeout=BUSY_TIMEOUT_S, autoconnect=False
    )
    with translated(str(path)):
        try:
            database.connect()
            migrate(database, now_ns=now_ns)
        except BaseException:
            database.close()
            raise
    database_proxy.initialize(database)
    return database


def open_for_reading(path: Path) -> SqliteDatabase:
    """Open the database so that nothing here can change it.

    Raises StorageError when it does not exist yet or is of another version than
    this program's.
    """
    if not is_readable(path):
        raise StorageError(f"expected a database at {path}, was none; has the tracker run yet?")
    database = SqliteDatabase(
        f"file:{quote(str(path.resolve()))}?mode=ro",
        uri=True,
        pragmas=READER_PRAGMAS,
        timeout=BUSY_TIMEOUT_S,
        autoconnect=False,
        thread_safe=False,
    )
    with translated(str(path)):
        database.connect()
        version = check_version(database)
    if version < NEWEST_VERSION:
        database.close()
        raise StorageError(
            f"expected {path} at version {NEWEST_VERSION}, was {version}; "
            "start the tracker: it brings the database up to date"
        )
    return database


def is_readable(path: Path) -> bool:
    """Return whether there is a database; StorageError when that is not for this user to know."""
    try:
        return path.exists()
    except PermissionError as error:
        raise StorageError(
            f"expected to read {path}, was refused; log in as the user the floor runs as, or as "
            "a member of its group"
        ) from error


def _make_file(path: Path) -> None:
    """Make an empty database whose mode the umask decides.

    SQLite would make it unwritable for the group whatever the umask is, and gives its `-wal` and
    `-shm` the same mode: a reader of the group could then neither open it while nobody writes, nor
    leave behind what the tracker can go on with.
    """
    path.parent.mkdir(mode=0o770, parents=True, exist_ok=True)
    # Not one that is there: closing it would drop this process's locks on it (fcntl(2)).
    if not path.exists():
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o660))
