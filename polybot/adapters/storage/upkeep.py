"""What makes the database's files smaller while the tracker goes on writing."""

import contextlib
from pathlib import Path

from peewee import SqliteDatabase

from polybot.adapters.storage.connection import BUSY_TIMEOUT_S, open_for_reading
from polybot.adapters.storage.statements import execute, translated

# Rows looked at for each index: enough for the planner, and done in milliseconds.
_ANALYZED_ROWS = 400


def tidy(path: Path) -> int:
    """Write the database's log back into it, empty the log, and refresh the planner's figures.

    Returns the bytes by which the log became shorter. The writer waits meanwhile, for milliseconds;
    a log that somebody still reads is left as it is. Raises StorageError when the database cannot
    be used, or is of another version than this program's.
    """
    open_for_reading(path).close()
    log = path.with_name(f"{path.name}-wal")
    before = _size(log)
    database = SqliteDatabase(str(path), timeout=BUSY_TIMEOUT_S, autoconnect=False)
    with translated(str(path)), contextlib.closing(database):
        database.connect()
        execute(database, f"PRAGMA analysis_limit = {_ANALYZED_ROWS}")
        execute(database, "PRAGMA optimize")
        execute(database, "PRAGMA wal_checkpoint(TRUNCATE)")
        after = _size(log)
    return max(before - after, 0)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
