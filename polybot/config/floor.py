"""The record a running floor leaves in its runtime directory, so that any terminal finds it."""

import os
import stat
from pathlib import Path

import msgspec

from polybot.errors import StorageError

FLOOR_FILE = "floor.json"


class FloorRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What `polybot up` started; `pid` is the runner's, `pid_start` when the kernel started it.

    Paths are absolute; `config` and `recordings` are "" when there is none. `pid_start` (clock
    ticks since boot) tells this runner from a later process that was given the same pid.
    """

    pid: int
    pid_start: int = 0
    mode: str
    state_dir: str
    runtime_dir: str
    config: str = ""
    recordings: str = ""
    speed: float = 0.0
    started_ns: int = 0


def read_floor(runtime_dir: Path) -> FloorRecord | None:
    """Return the record of the floor that runs, or last ran, here; None when there was none.

    One that another user may have put here is none: it names the configuration that is loaded.
    """
    path = runtime_dir / FLOOR_FILE
    try:
        with path.open("rb") as file:
            if not _is_trusted(os.fstat(file.fileno()).st_uid, runtime_dir):
                return None
            return msgspec.json.decode(file.read(), type=FloorRecord)
    except (FileNotFoundError, NotADirectoryError, PermissionError, msgspec.MsgspecError):
        # A damaged record names no floor: the next `up` writes a new one.
        return None


def _is_trusted(owner: int, runtime_dir: Path) -> bool:
    """Return whether a record is our own, root's, or, for root, where only an owner may write."""
    if owner in (os.getuid(), 0):
        return True
    anybody = runtime_dir.parent.stat().st_mode & stat.S_IWOTH
    return os.getuid() == 0 and not anybody


def write_floor(record: FloorRecord) -> None:
    """Replace the record atomically; raises StorageError when the directory cannot be written."""
    path = Path(record.runtime_dir) / FLOOR_FILE
    draft = path.with_suffix(".tmp")
    try:
        draft.write_bytes(msgspec.json.format(msgspec.json.encode(record), indent=2))
        draft.chmod(0o600)
        os.replace(draft, path)
    except OSError as error:
        message = f"expected to write {path}, was refused: {error.strerror}"
        raise StorageError(message) from error
