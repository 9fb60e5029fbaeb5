"""Opens a process's durable state: newest valid checkpoint, then the journal after it."""

import os
import pwd
from pathlib import Path

import msgspec

from polybot.errors import CheckpointError, StorageError
from polybot.ports import Clock
from polybot.runtime.checkpoint import Checkpoint, CheckpointStore
from polybot.runtime.disk import storage_error
from polybot.runtime.journal import Journal, JournalSettings
from polybot.runtime.journal_segment import list_segments


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
    Raises StorageError for a directory of another user, JournalError for a changed record or a
    missing segment, CheckpointError when no checkpoint reaches back to what is left of the journal
    or when it is of a newer schema. Nothing on disk is changed then.
    """
    _refuse_anothers(directory)
    checkpoints = CheckpointStore(directory, clock=clock)
    checkpoint = checkpoints.load_newest(schema)
    covered = checkpoint.seq if checkpoint else 0
    _refuse_gap(directory, covered)
    journal = Journal.open(
        directory,
        settings=settings,
        scan_from_seq=covered + 1,
        floor_seq=checkpoints.newest_named_seq(),
    )
    return DurableState(checkpoint, journal, checkpoints)


def _refuse_anothers(directory: Path) -> None:
    """Refuse a directory of another user: root could write there, and its owner no more after it.

    Raises StorageError.
    """
    try:
        owner = directory.stat().st_uid
    except FileNotFoundError:
        return
    except OSError as error:
        raise storage_error(error, directory) from error
    if owner != os.geteuid():
        raise StorageError(
            f"expected {directory} to belong to this user ({_name_of(os.geteuid())}), was "
            f"{_name_of(owner)}'s; run polybot as {_name_of(owner)}, or set POLYBOT_STATE_DIR to a "
            "directory of your own"
        )


def _name_of(user: int) -> str:
    try:
        return pwd.getpwuid(user).pw_name
    except KeyError:
        return f"user {user}"


def _refuse_gap(directory: Path, covered: int) -> None:
    segments = list_segments(directory)
    needed = segments[0].first_seq - 1 if segments else 0
    if needed > covered:
        raise CheckpointError(
            f"expected a checkpoint in {directory} at seq {needed} or later (the journal begins "
            f"after it), was {covered}; restore a checkpoint or the older segments from a backup"
        )
