"""A journal of every request: what clients asked and how they were answered, one JSON line each.

The exchange's own journal holds what changed. This file also holds what changed nothing (reads,
refusals, answers nobody got), so that a client's belief can be compared with what it really sent.
"""

import logging
import os
from pathlib import Path
from typing import Final

import msgspec

logger = logging.getLogger(__name__)

FILE_NAME: Final = "requests.jsonl"
OLDER_NAME: Final = "requests.1.jsonl"
MOST_TEXT: Final = 4096


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """A request as it came; `number` counts from 1 in each life of the process."""

    number: int
    wall_ns: int
    market_ns: int
    request: str
    query: str = ""
    address: str = ""
    body: str = ""


class Answered(msgspec.Struct, frozen=True, kw_only=True):
    """How a request ended; `status` is None where no answer reached the client."""

    number: int
    wall_ns: int
    status: int | None
    error: str = ""
    fault: str = ""


class Started(msgspec.Struct, frozen=True, kw_only=True):
    """The process began a life: numbers begin anew."""

    started_ns: int


class RequestLog:
    """Appends to a file of a limited size; the older half is kept beside it.

    A line is handed to the system at once, so a kill of this process loses none. The file is not
    synced, and what cannot be written is left out and said once: the exchange goes on.
    """

    def __init__(self, directory: Path, *, most_bytes: int, now_ns: int) -> None:
        self._path = directory / FILE_NAME
        self._older = directory / OLDER_NAME
        self._most_bytes = most_bytes // 2
        self._encoder = msgspec.json.Encoder()
        self._number = 0
        self._is_failing = False
        self._size = 0
        self._file = -1
        self.write(Started(started_ns=now_ns))

    def next_number(self) -> int:
        """Return the number of a request that just came."""
        self._number += 1
        return self._number

    def close(self) -> None:
        """Let go of the file."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def write(self, line: Asked | Answered | Started) -> None:
        """Append a line."""
        data = self._encoder.encode(line) + b"\n"
        try:
            if self._file >= 0 and self._size + len(data) > self._most_bytes:
                self.close()
                self._path.replace(self._older)
            if self._file < 0:
                self._open()
            self._size += os.write(self._file, data)
        except OSError as error:
            if not self._is_failing:
                logger.warning("requests are not written down: %s: %s", self._path, error)
            self._is_failing = True
            return
        self._is_failing = False

    def _open(self) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._file = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o660)
        self._size = os.fstat(self._file).st_size


def shown_text(data: bytes) -> str:
    """Return a body as text, cut where it is long."""
    return data[:MOST_TEXT].decode("utf-8", "replace")
