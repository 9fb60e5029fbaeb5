"""Opens a process's durable state: newest valid checkpoint, then the journal after it."""

from pathlib import Path

import msgspec

from polybot.errors import CheckpointError
from polybot.ports import Clock
from polybot.runtime.checkpoint import Checkpoint, CheckpointStore
from polybot.runtime.journal import Journal, JournalSettings


class DurableState(msgspec.Struct, frozen=True):
    """What a start finds on disk; what had to be cut or passed over is in the log."""

    checkpoint: Checkpoint | None
    journal: Journal
    checkpoints: CheckpointStore

    @property
    def replay_from_seq(self) -> int:
        """The first journal seq the checkpoint does not cover."""
        return self.checkpoint.seq + 1 if self.checkpoint else 1

    def describe(self) -> str:
        """Say in a few words whether this start continues, and from where."""
        if not self.journal.last_seq:
            return "nothing there yet, a first start"
        base = f"checkpoint {self.checkpoint.seq}" if self.checkpoint else "the first event"
        return f"continues after event {self.journal.last_seq}, restored from {base}"


def open_durable_state(
    directory: Path, *, clock: Clock, schema: int, settings: JournalSettings | None = None
) -> DurableState:
    """Open the journal and the newest checkpoint of a process directory.

    Only the journal the checkpoint does not cover is checked here (`journal verify` checks all).
    Raises JournalError for a changed record, CheckpointError when no checkpoint reaches back to
    what is left of the journal or when it is of a newer schema.
    """
    checkpoints = CheckpointStore(directory, clock=clock)
    checkpoint = checkpoints.load_newest(schema)
    covered = checkpoint.seq if checkpoint else 0
    journal = Journal.open(
        directory,
        settings=settings,
        scan_from_seq=covered + 1,
        floor_seq=checkpoints.newest_named_seq(),
    )
    if journal.first_seq > covered + 1:
        journal.close()
        raise CheckpointError(
            f"expected a checkpoint in {directory} at seq {journal.first_seq - 1} or later (the "
            f"journal begins after it), was {covered}; restore a checkpoint from a backup"
        )
    return DurableState(checkpoint, journal, checkpoints)
