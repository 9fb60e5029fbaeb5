"""`polybot journal export`: a process's durable events as JSON lines, to a file or a pipe."""

import contextlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

import msgspec

from polybot.cli.exits import Usage
from polybot.cli.journal_events import Choice, event_of, newest_seq, read_records
from polybot.cli.output import warn
from polybot.errors import StorageError
from polybot.ports import Clock
from polybot.runtime.disk import translated
from polybot.runtime.journal_history import JournalHistory
from polybot.runtime.journal_segment import list_segments

# Somebody who waits longer than this wants to know how far it is.
TELL_NS = 2_000_000_000


class Exported(msgspec.Struct, frozen=True):
    """What was read, and what of it was written."""

    first_seq: int
    last_seq: int
    records: int
    events: int


def export(directory: Path, choice: Choice, target: TextIO, clock: Clock) -> Exported:
    """Write the chosen events of a journal, one JSON document a line, oldest first.

    It ends at the record that is the newest when it begins. How far it is goes to the error stream
    every two seconds. Raises JournalError for a damaged record; what was before it is written.
    """
    newest = newest_seq(directory)
    until = min(choice.until or newest, newest)
    first = max(choice.since, _first_seq(directory))
    if 0 < choice.since < first:
        warn(f"begins at event {first}: older ones are neither in this journal nor in its archive")
    progress = _Progress(clock, first, until)
    records = events = 0
    for record in read_records(directory, first, until, progress.told):
        records += 1
        event = event_of(record)
        if choice.takes(event):
            events += 1
            target.write(json.dumps(event, separators=(",", ":"), ensure_ascii=False) + "\n")
    target.flush()
    return Exported(first, until, records, events)


@contextlib.contextmanager
def new_file(path: Path, *, force: bool) -> Iterator[TextIO]:
    """Yield a file that has its name only when it is whole, readable by this user alone.

    Raises Usage when there is one already and nobody said to replace it, StorageError when the disk
    refuses.
    """
    if path.exists() and not force:
        raise Usage(f"expected no file at {path}, there is one; name another, or add --force")
    unfinished = path.with_name(path.name + ".part")
    try:
        with translated(path), unfinished.open("w", encoding="utf-8") as file:
            unfinished.chmod(0o600)
            yield file
        with translated(path):
            unfinished.replace(path)
    except BaseException:
        # Half an export would look like a whole one; also when it was interrupted.
        with contextlib.suppress(OSError):
            unfinished.unlink()
        raise


class _Progress:
    """Says now and then how much of a range was read."""

    def __init__(self, clock: Clock, first: int, until: int) -> None:
        self._clock = clock
        self._first = first
        self._all = until - first + 1
        self._next_ns = clock.monotonic_ns() + TELL_NS

    def told(self, seq: int) -> None:
        """Hear up to which seq was read."""
        now = self._clock.monotonic_ns()
        if now < self._next_ns:
            return
        self._next_ns = now + TELL_NS
        done = seq - self._first + 1
        warn(f"read {done:,} of {self._all:,} records ({100 * done // self._all} %)")


def _first_seq(directory: Path) -> int:
    if not list_segments(directory):
        raise StorageError(f"expected a journal in {directory}, was none")
    return JournalHistory(directory).first_seq()


def standard_output() -> TextIO:
    """Return where an export without a file goes."""
    return sys.stdout
