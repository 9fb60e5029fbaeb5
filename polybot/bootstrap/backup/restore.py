"""Puts a backup in the place of an empty state directory, whole or not at all."""

import contextlib
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

from polybot.bootstrap.backup.check import problems
from polybot.bootstrap.backup.manifest import BACKUPS_NAME, CONFIG_NAME, BackupDamaged, Manifest
from polybot.bootstrap.backup.unpack import unpack
from polybot.errors import StorageError
from polybot.runtime.disk import sync_directory, translated

_DRAFT = ".restoring-"
# The leave for real orders was given to a machine and a moment, not to a copy.
ARMING_NAME = "arming.json"
# What may stand in a directory that counts as empty.
_NOT_STATE = (BACKUPS_NAME, "lost+found")


class Examined(msgspec.Struct, frozen=True):
    """A backup that was read to its end; `problems` say what a floor would stumble over."""

    manifest: Manifest
    problems: tuple[str, ...]


def examine(backup: Path, told: Callable[[int], None]) -> Examined:
    """Unpack a backup beside its file, hold it against all rules, and remove that again.

    Raises BackupDamaged for a file that is not whole, StorageError when the disk refuses.
    """
    with _draft(backup.parent) as directory:
        manifest = unpack(backup, directory, told)
        return Examined(manifest, tuple(problems(directory)))


def restore(backup: Path, state_dir: Path, told: Callable[[int], None]) -> Manifest:
    """Restore a backup into a state directory that is empty or absent; never armed.

    Nothing is there before everything was unpacked, synced and checked. Raises StorageError when
    the directory holds a state, BackupDamaged when a floor could not go on from the backup.
    """
    with translated(state_dir):
        state_dir.mkdir(mode=0o770, parents=True, exist_ok=True)
        _refuse_used(state_dir)
    with _draft(state_dir) as directory:
        manifest = unpack(backup, directory, told)
        if found := problems(directory):
            raise BackupDamaged(f"{backup} is not fit to go on from: {'; '.join(found)}")
        with translated(state_dir):
            _leave_out(directory, ARMING_NAME)
            _leave_out(directory, CONFIG_NAME)
            for path in sorted(directory.iterdir()):
                path.rename(state_dir / path.name)
            sync_directory(state_dir)
    return manifest


def _leave_out(directory: Path, name: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        (directory / name).unlink()
    parent = (directory / name).parent
    if parent != directory and parent.exists() and not any(parent.iterdir()):
        parent.rmdir()


def _refuse_used(state_dir: Path) -> None:
    # An interrupted restore left only drafts, which are worth nothing.
    for path in state_dir.glob(f"{_DRAFT}*"):
        shutil.rmtree(path)
    used = sorted(path.name for path in state_dir.iterdir() if path.name not in _NOT_STATE)
    if used:
        raise StorageError(
            f"expected {state_dir} to be empty, was not ({', '.join(used[:4])}"
            f"{', ...' if len(used) > 4 else ''}); move it aside: a restore never overwrites a "  # noqa: PLR2004
            "state"
        )


@contextlib.contextmanager
def _draft(parent: Path) -> Iterator[Path]:
    with translated(parent):
        directory = Path(tempfile.mkdtemp(prefix=_DRAFT, dir=parent))
    try:
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)
