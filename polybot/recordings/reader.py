"""Reading the rows of a recorded window, as far as its file is whole."""

import gzip
import zlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from polybot.errors import RecordingError
from polybot.recordings.row_decoder import RowDecoder
from polybot.recordings.rows import Row
from polybot.recordings.windows_csv import RecordedWindow

OnDamage = Callable[[RecordingError], None]


def _lines(path: Path, file: Iterable[bytes]) -> Iterator[tuple[int, bytes]]:
    """Yield numbered lines; a broken archive raises RecordingError where it breaks."""
    number = 0
    try:
        for number, line in enumerate(file, start=1):
            yield number, line
    except (EOFError, OSError, zlib.error) as error:
        raise RecordingError(
            f"expected more rows after line {number} of {path}, was a damaged file: {error}"
        ) from error


def _decoded(
    path: Path, lines: Iterator[tuple[int, bytes]], on_damage: OnDamage | None
) -> Iterator[Row]:
    decoder = RowDecoder()
    for number, line in lines:
        try:
            yield decoder.decode(line)
        except RecordingError as error:
            named = RecordingError(f"line {number} of {path}: {error}")
            if on_damage is None:
                raise named from error
            on_damage(named)


def read_rows(window: RecordedWindow, *, on_damage: OnDamage | None = None) -> Iterator[Row]:
    """Yield the rows of a window in file order; a window without a file has none.

    Damage raises RecordingError with file and line, after the rows before it were yielded. With
    `on_damage` it is reported there instead: a damaged line is skipped, a damaged archive ends the
    rows. A file that cannot be opened is damage too.
    """
    if window.path is None:
        return
    try:
        with gzip.open(window.path, "rb") as file:
            yield from _decoded(window.path, _lines(window.path, file), on_damage)
    except OSError as error:
        damage = RecordingError(f"expected to read {window.path}, was not possible: {error}")
        if on_damage is None:
            raise damage from error
        on_damage(damage)
    except RecordingError as error:
        if on_damage is None:
            raise
        on_damage(error)
