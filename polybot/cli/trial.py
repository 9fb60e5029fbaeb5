"""Tries what an installer is about to switch to: `python -m polybot.cli.trial [--running]`.

Reads the configuration as the new program will, and migrates a copy of the database. Nothing that
the floor uses is changed. Exit codes as the command's: 0 fit, 1 database or port, 4 configuration.
"""

import sqlite3
import sys
import tempfile
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from polybot.cli.exits import CommandError, Exit, exit_code_of, message_of
from polybot.config.load import load
from polybot.config.schema import SIMULATED_MODES
from polybot.errors import PolybotError, StorageError

RUNNING = "--running"


def trial(*, running: bool) -> None:
    """Raise PolybotError when this program could not go on with what is here.

    `running` says that a floor runs, whose simulator holds the port.
    """
    from polybot.cli.listening import refuse_taken_port  # noqa: PLC0415

    loaded = load(keyless=True)
    for warning in loaded.warnings:
        sys.stdout.write(f"warning: {warning}\n")
    if loaded.config.mode in SIMULATED_MODES and not running:
        refuse_taken_port(loaded.config.simulator.listen)
    if loaded.locations.ledger_path.exists():
        migrate_copy(loaded.locations.ledger_path)


def migrate_copy(ledger: Path) -> None:
    """Bring a copy of a database to this program's version; raises StorageError, CommandError."""
    from polybot.adapters.storage.connection import open_for_writing  # noqa: PLC0415
    from polybot.adapters.storage.statements import execute  # noqa: PLC0415

    # Beside the state, where a copy of its size has room rather than in memory.
    with tempfile.TemporaryDirectory(prefix=".trial-", dir=ledger.parent.parent) as directory:
        copy = Path(directory) / ledger.name
        _copy(ledger, copy)
        database = open_for_writing(copy, now_ns=0)
        try:
            found = execute(database, "PRAGMA quick_check(1)")[0][0]
        finally:
            database.close()
    if found != "ok":
        raise CommandError(f"expected a whole database after the migration, was: {found}")


def _copy(ledger: Path, copy: Path) -> None:
    uri = f"{ledger.resolve().as_uri()}?mode=ro"
    try:
        with (
            closing(sqlite3.connect(uri, uri=True)) as source,
            closing(sqlite3.connect(copy)) as target,
        ):
            source.backup(target)
    except sqlite3.Error as error:
        raise StorageError(f"expected to read {ledger}, was refused: {error}") from error


def main(arguments: Sequence[str] | None = None) -> int:
    """Carry out the trial and return its exit code; what is wrong is on the error stream."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if given not in ([], [RUNNING]):
        sys.stderr.write(f"usage: python -m polybot.cli.trial [{RUNNING}]\n")
        return Exit.NOT_FOUND
    try:
        trial(running=bool(given))
    except PolybotError as error:
        sys.stderr.write(message_of(error) + "\n")
        return exit_code_of(error)
    return Exit.OK


if __name__ == "__main__":
    sys.exit(main())
