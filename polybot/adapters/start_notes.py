"""The note a process leaves in its directory at each start: `starts.json`, read by the next one."""

import fcntl
import os
from pathlib import Path

import msgspec

from polybot.domain.crash_loop import StartNote
from polybot.errors import StorageError

NAME = "starts.json"
_DRAFT = f".{NAME}"


class StartNotes:
    """The notes of one process's directory.

    They must outlive a process, not a power cut, after which they mean nothing: so nothing is
    synced, and a start pays a tenth of a millisecond for them.
    """

    def __init__(self, directory: Path) -> None:
        self.path = directory / NAME
        self._directory = directory
        self._held: int | None = None

    def hold(self) -> bool:
        """Keep the notes to this process until it ends; returns whether nobody else has them.

        A second process of the same directory will be refused soon, and must not take the first
        one's note for that of a life that crashed. Makes the directory. Raises StorageError.
        """
        try:
            self._directory.mkdir(mode=0o770, parents=True, exist_ok=True)
            descriptor = os.open(self._directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError as error:
            raise StorageError(f"cannot use {self._directory}: {error.strerror}") from error
        try:
            if os.fstat(descriptor).st_uid == os.geteuid():
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                self._held, descriptor = descriptor, -1
        except BlockingIOError:
            return False
        except OSError as error:
            raise StorageError(f"cannot lock {self._directory}: {error.strerror}") from error
        finally:
            if descriptor >= 0:
                os.close(descriptor)
        return self._held is not None

    def release(self) -> None:
        """Let go of the notes, as the end of the process does."""
        if self._held is not None:
            os.close(self._held)
            self._held = None

    def read(self) -> StartNote | None:
        """Return the newest start's note, None when there is none; raises StorageError."""
        try:
            return msgspec.json.decode(self.path.read_bytes(), type=StartNote)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise StorageError(f"cannot read {self.path}: {error.strerror}") from error
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise StorageError(f"expected a note of a start in {self.path}: {error}") from error

    def write(self, note: StartNote) -> None:
        """Replace the note, whole or not at all; raises StorageError."""
        draft = self._directory / _DRAFT
        try:
            draft.write_bytes(msgspec.json.encode(note) + b"\n")
            draft.replace(self.path)
        except OSError as error:
            raise StorageError(f"cannot write {self.path}: {error.strerror}") from error
