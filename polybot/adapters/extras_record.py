"""The record of what was done to the wallet outside trading: one JSON line each, kept for ever."""

import json
import os
from pathlib import Path
from typing import Any

from polybot.errors import StorageError
from polybot.ports import Clock


class ExtrasRecord:
    """Appends lines to a file of mode 0600 and syncs each: a crash must not hide a transaction."""

    def __init__(self, path: Path, clock: Clock) -> None:
        self.path = path
        self._clock = clock

    def append(self, line: dict[str, Any]) -> None:
        """Append a line with the wall time; raises StorageError when that is not possible."""
        text = json.dumps({"at_ns": self._clock.now_ns(), **line}, separators=(",", ":"))
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            handle = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            try:
                os.write(handle, f"{text}\n".encode())
                os.fsync(handle)
            finally:
                os.close(handle)
        except OSError as error:
            raise StorageError(
                f"cannot write {self.path}: {error.strerror}; nothing is done to a wallet that "
                "cannot be recorded"
            ) from error
