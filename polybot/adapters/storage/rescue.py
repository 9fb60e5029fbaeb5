"""A database that is missing or damaged: moved aside, never deleted, and begun anew."""

import logging
import os
from datetime import UTC, datetime
from pathlib import Path

from polybot.adapters.storage.ledger import Ledger
from polybot.adapters.storage.statements import execute, translated
from polybot.config.private_files import read_text, remove, replace_text
from polybot.errors import DatabaseDamaged, StorageError
from polybot.ports import Clock

logger = logging.getLogger(__name__)

# A larger database is checked as its pages are used: reading all of it would hold up every start.
MOST_CHECKED_BYTES = 64 << 20
BESIDE = ("-wal", "-shm")
REBUILT_FROM = "it is rebuilt from the journals and the exchange"


class LedgerRescue:
    """Opens the ledger whatever state its file is in.

    `reason` says why what is stored is not all there was, "" when it is; it outlives a crash in the
    middle of the rebuild, until `finished`.
    """

    def __init__(self, path: Path, clock: Clock) -> None:
        self._path = path
        self._mark = path.with_name("rebuilding")
        self._clock = clock
        self.reason = ""

    def open(self, *, had_events: bool) -> Ledger:
        """Open the database, an empty one where it is missing or damaged.

        `had_events` says that there must have been one. Raises StorageError when neither can be
        done, or a newer program wrote it.
        """
        self.reason = read_text(self._mark)
        if self.reason:
            logger.warning("%s; the rebuild goes on", self.reason)
        elif had_events and not _is_there(self._path):
            self._note(f"expected the database {self._path}, was missing")
        try:
            return self._open()
        except DatabaseDamaged as error:
            self.set_aside(error)
            return self._open()

    def set_aside(self, damage: DatabaseDamaged) -> None:
        """Move the damaged files aside under a name with the time, and note why."""
        moment = datetime.fromtimestamp(self._clock.now_ns() / 1e9, UTC)
        aside = _free_name(self._path, f"{moment:%Y%m%dT%H%M%SZ}")
        try:
            for ending in ("", *BESIDE):
                part = Path(f"{self._path}{ending}")
                if part.exists():
                    part.rename(f"{aside}{ending}")
            _sync(self._path.parent)
        except OSError as error:
            raise StorageError(
                f"{damage}; cannot move it aside to {aside}: {error.strerror}"
            ) from error
        self._note(f"{damage}; it was moved aside to {aside}")

    def finished(self) -> None:
        """Note that everything there is has been stored."""
        remove(self._mark)
        self.reason = ""

    def _open(self) -> Ledger:
        ledger = Ledger.open(self._path, self._clock)
        try:
            if self._path.stat().st_size <= MOST_CHECKED_BYTES:
                _check(ledger, self._path)
        except StorageError:
            ledger.close()
            raise
        return ledger

    def _note(self, reason: str) -> None:
        logger.critical("%s; %s", reason, REBUILT_FROM)
        replace_text(self._mark, reason, private=False)
        self.reason = reason


def _check(ledger: Ledger, path: Path) -> None:
    with translated(str(path)):
        [found] = execute(ledger.database, "PRAGMA quick_check(1)")
    if found[0] != "ok":
        raise DatabaseDamaged(f"the database {path} is damaged: {found[0]}")


def _is_there(path: Path) -> bool:
    return path.exists() and path.stat().st_size > 0


def _free_name(path: Path, moment: str) -> Path:
    name = path.with_name(f"{path.stem}.damaged-{moment}{path.suffix}")
    number = 2
    while name.exists():
        name = path.with_name(f"{path.stem}.damaged-{moment}-{number}{path.suffix}")
        number += 1
    return name


def _sync(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
