"""The lock of a journal's directory: held by the one process that writes there."""

import fcntl
import os
from pathlib import Path

from polybot.errors import StorageError
from polybot.runtime.disk import translated

# The kernel's list of locks: number, kind, mandatory or not, access, pid, device:inode, range.
_LOCKS = Path("/proc/locks")
_PID, _FILE = 4, 5


def take_lock(directory: Path) -> int:
    """Lock a directory for this process and return the descriptor that holds it.

    Raises StorageError when another process has it, naming that one where the system tells.
    """
    with translated(directory):
        lock = os.open(directory / "journal.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o660)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        holder = _holder(lock)
        os.close(lock)
        raise StorageError(
            f"expected {directory} for this process alone, was locked by {holder}; stop that"
        ) from error
    return lock


def _holder(lock: int) -> str:
    """Return who holds a lock, as far as this process may know."""
    inode = str(os.fstat(lock).st_ino)
    try:
        lines = _LOCKS.read_text().splitlines()
    except OSError:
        return "another one"
    for words in map(str.split, lines):
        # A process that only waits has an arrow in its line.
        if "->" not in words and len(words) > _FILE and words[_FILE].rpartition(":")[2] == inode:
            return f"another one, pid {words[_PID]}"
    return "another one"
