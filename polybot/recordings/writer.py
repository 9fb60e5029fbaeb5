"""Writing a recordings directory: rows as they happen, a window's line when it is over."""

import csv
import gzip
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from msgspec.structs import replace

from polybot.errors import RecordingError
from polybot.recordings.reader import read_rows
from polybot.recordings.row_encoder import encode_row, row_kind
from polybot.recordings.rows import Row
from polybot.recordings.windows_csv import (
    COLUMNS,
    FILE_SUFFIX,
    INDEX_NAME,
    RecordedWindow,
    write_window,
)


@dataclass(slots=True)
class _WindowFile:
    """An open file and what has been written to it."""

    file: gzip.GzipFile
    counts: Counter[str] = field(default_factory=Counter)
    first_ts_ns: int | None = None
    last_ts_ns: int | None = None

    def write(self, row: Row) -> None:
        self.file.write(encode_row(row))
        self.counts[row_kind(row)] += 1
        self.first_ts_ns = row.ts_ns if self.first_ts_ns is None else self.first_ts_ns
        self.last_ts_ns = row.ts_ns


class RecordingWriter:
    """Append rows and windows to a directory; created when absent, continued when present.

    A file that a crash has cut is first rewritten up to the cut, because nothing appended behind a
    cut could be read. Close the writer, or use it as a context manager.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._files: dict[str, _WindowFile] = {}
        try:
            directory.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise RecordingError(
                f"expected a directory to record into, was {directory}: {error}"
            ) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def append(self, slug: str, row: Row) -> None:
        """Add a row to a window's file, in the order of `ts_ns`; RecordingError when it cannot."""
        try:
            if slug not in self._files:
                self._files[slug] = self._open(slug)
            self._files[slug].write(row)
        except OSError as error:
            raise RecordingError(
                f"expected to write to {slug}{FILE_SUFFIX}, was not possible: {error}"
            ) from error

    def finish(self, window: RecordedWindow) -> None:
        """Close a window's file and add its line to the index; RecordingError when it cannot."""
        path = self._directory / INDEX_NAME
        opened = self._files.pop(window.slug, None)
        counts = opened.counts if opened else Counter[str]()
        try:
            if opened:
                window = replace(
                    window, first_ts_ns=opened.first_ts_ns, last_ts_ns=opened.last_ts_ns
                )
                opened.file.close()
            with path.open("a", newline="", encoding="utf-8") as file:
                lines = csv.DictWriter(file, COLUMNS, lineterminator="\n")
                if file.tell() == 0:
                    lines.writeheader()
                lines.writerow(write_window(window, counts))
        except OSError as error:
            raise RecordingError(
                f"expected to write to {path}, was not possible: {error}"
            ) from error

    def close(self) -> None:
        """Close every file; windows not finished keep their rows, but stay out of the index."""
        while self._files:
            self._files.popitem()[1].file.close()

    def _open(self, slug: str) -> _WindowFile:
        path = self._directory / f"{slug}{FILE_SUFFIX}"
        if not path.exists():
            return _WindowFile(gzip.GzipFile(path, "ab"))
        part = path.with_suffix(".part")
        rewritten = _WindowFile(gzip.GzipFile(part, "wb"))
        old = RecordedWindow(slug=slug, interval_s=0, open_ns=0, close_ns=0, path=path)
        for row in read_rows(old, on_damage=lambda _: None):
            rewritten.write(row)
        part.replace(path)
        return rewritten
