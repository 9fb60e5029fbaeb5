"""The index of a recordings directory: which windows it holds, in the order they opened."""

import csv
import gzip
import zlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TypeAlias

import msgspec
from msgspec.structs import replace

from polybot.errors import RecordingError
from polybot.recordings.windows_csv import (
    COUNTED_KINDS,
    FILE_SUFFIX,
    INDEX_NAME,
    REQUIRED,
    RecordedWindow,
    read_window,
)

# Given a slug, its condition id and its tokens Up and Down ("" for a missing one): all three ids.
CompleteIds: TypeAlias = Callable[[str, str, str, str], tuple[str, str, str]]


class RecordingIndex(msgspec.Struct, frozen=True):
    """The windows of a directory, and what was wrong with it, one sentence each."""

    windows: list[RecordedWindow]
    problems: list[str]


def keep_ids(slug: str, condition_id: str, token_up: str, token_down: str) -> tuple[str, str, str]:
    """Leave missing ids empty."""
    del slug
    return condition_id, token_up, token_down


def load_index(directory: Path, *, complete_ids: CompleteIds = keep_ids) -> RecordingIndex:
    """Read the index of a directory and find its files by their names.

    `complete_ids` fills in missing ids (`exchange.token_ids.complete_ids` derives them). Raises
    RecordingError when there is no usable index; a line that cannot be used is named in
    `problems` and left out, as is the second of two windows or files of one name.
    """
    problems: list[str] = []
    files = _find_files(directory, problems)
    windows: dict[str, RecordedWindow] = {}
    for number, fields in _index_lines(directory / INDEX_NAME):
        try:
            window = read_window(fields)
        except RecordingError as error:
            problems.append(f"line {number} of {directory / INDEX_NAME}: {error}")
            continue
        if window.slug in windows:
            problems.append(f"line {number} of {directory / INDEX_NAME}: {window.slug} again")
            continue
        ids = complete_ids(window.slug, window.condition_id, window.token_up, window.token_down)
        window = replace(window, condition_id=ids[0], token_up=ids[1], token_down=ids[2])
        windows[window.slug] = _with_file(window, fields, files.get(window.slug), problems)
    ordered = sorted(windows.values(), key=lambda window: (window.open_ns, window.slug))
    return RecordingIndex(ordered, problems)


def _index_lines(path: Path) -> Iterator[tuple[int, Mapping[str, str]]]:
    try:
        # A damaged byte spoils its own line only.
        text = path.read_text("utf-8", errors="replace")
    except OSError as error:
        raise RecordingError(
            f"expected a recordings directory with a {INDEX_NAME} and <slug>{FILE_SUFFIX} files, "
            f"was {path.parent}: {error}"
        ) from error
    reader = csv.DictReader(text.splitlines(), restval="")
    missing = [name for name in REQUIRED if name not in (reader.fieldnames or ())]
    if missing:
        raise RecordingError(
            f"expected the columns {', '.join(REQUIRED)} in {path}, was missing "
            f"{', '.join(missing)}"
        )
    try:
        for fields in reader:
            yield reader.line_num, fields
    except csv.Error as error:
        raise RecordingError(
            f"expected comma-separated values after line {reader.line_num} of {path}, was: {error}"
        ) from error


def _find_files(directory: Path, problems: list[str]) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for path in sorted(directory.rglob(f"*{FILE_SUFFIX}")):
        slug = path.name.removesuffix(FILE_SUFFIX)
        if slug in found:
            problems.append(f"{path}: {slug} is already in {found[slug]}, which is used")
        else:
            found[slug] = path
    return found


def _with_file(
    window: RecordedWindow, fields: Mapping[str, str], path: Path | None, problems: list[str]
) -> RecordedWindow:
    if path is None:
        if fields.get("file"):
            problems.append(f"{window.slug}: its file {fields['file']} was not found")
        return window
    kinds = _kinds(fields, path)
    return replace(
        window,
        path=path,
        has_book=not kinds.isdisjoint(("book", "delta")),
        has_bbo="bbo" in kinds,
        has_trades="trade" in kinds,
        has_prices="price" in kinds,
        has_quotes="quote" in kinds,
    )


def _kinds(fields: Mapping[str, str], path: Path) -> set[str]:
    """Return the kinds of rows by the counts in the index, or by the file when it has none."""
    counts = {kind: fields.get(f"n_{kind}", "") for kind in COUNTED_KINDS}
    if all(count.isdecimal() for count in counts.values()):
        return {kind for kind, count in counts.items() if int(count)}
    return _kinds_in(path)


def _kinds_in(path: Path) -> set[str]:
    kinds: set[str] = set()
    marks = {kind: f'"kind":"{kind}"'.encode() for kind in COUNTED_KINDS}
    try:
        with gzip.open(path, "rb") as file:
            for line in file:
                kinds.update(kind for kind, mark in marks.items() if mark in line)
    except (EOFError, OSError, zlib.error):
        # The reader names the damage when the rows are read; what came before it counts here.
        return kinds
    return kinds
