"""What a service writes to disk: checkpoints, records, the tape."""

from collections.abc import Sequence
from typing import Protocol


class CheckpointStore(Protocol):
    """The newest states of this process on disk."""

    def save_in_background(self, seq: int, state: bytes, schema: int) -> None:
        """Write a checkpoint off the work loop."""


class RecordLog(Protocol):
    """A durable append-only log of bytes: the journal, as a service sees it."""

    def append(self, payload: bytes) -> int:
        """Append a record and return its seq; durable only after `sync`."""

    def sync(self) -> None:
        """Make everything appended durable with one fdatasync."""

    def records_after(self, seq: int) -> Sequence[tuple[int, bytes]]:
        """Return every record after `seq`, oldest first."""


class Tape(Protocol):
    """The trader's inputs exactly as consumed; never durable, never in the way."""

    def record(self, kind: int, mono_ns: int, market_ns: int, data: bytes) -> None:
        """Add one input."""

    def end_batch(self, mono_ns: int, market_ns: int) -> None:
        """Mark the end of one turn's inputs."""

    def flush(self) -> None:
        """Have what is there written now, without waiting for it."""

    def close(self) -> None:
        """Write what is left."""
