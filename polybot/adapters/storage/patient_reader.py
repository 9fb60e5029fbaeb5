"""A reader for processes that outlive the database's comings and goings."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from polybot.adapters.storage.reader import LedgerReader
from polybot.domain.metrics import SettledTrade
from polybot.errors import StorageError
from polybot.messages.commands import Witness

Answer = TypeVar("Answer")


class PatientReader:
    """Opens the database when it is asked something, and again when it was replaced.

    Every method raises StorageError while there is none that can be read.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._reader: LedgerReader | None = None
        self._inode = 0

    def settled_trades(self) -> list[SettledTrade]:
        """Return all settled trades, in the order of their settlement."""
        return self._read(LedgerReader.settled_trades)

    def recorded_marks(self) -> frozenset[str]:
        """Return the marks of all stored reflections."""
        return self._read(LedgerReader.recorded_marks)

    def positions(self) -> dict[str, int]:
        """Return the seq of the last stored event of each source."""
        return self._read(LedgerReader.positions)

    def witnesses(self) -> dict[str, Witness]:
        """Return the last stored event of each source, to know its journal again by."""
        return self._read(LedgerReader.witnesses)

    def last_commit_ns(self) -> int:
        """Return the wall time of the last stored event, 0 when there is none."""
        return self._read(LedgerReader.last_commit_ns)

    def close(self) -> None:
        """Let go of the file."""
        if self._reader is not None:
            self._reader.close()
            self._reader = None

    def _read(self, question: Callable[[LedgerReader], Answer]) -> Answer:
        if self._reader is not None and self._inode != self._current_inode():
            self.close()
        try:
            if self._reader is None:
                self._reader = LedgerReader.open(self._path)
                self._inode = self._current_inode()
            return question(self._reader)
        except StorageError:
            self.close()
            raise

    def _current_inode(self) -> int:
        try:
            return self._path.stat().st_ino
        except OSError:
            return 0
