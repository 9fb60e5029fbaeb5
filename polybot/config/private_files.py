"""Files of a floor that are whole or absent: replaced durably, private where they must be.

What is not private is for whom the umask says: in a clone for its owner, in an installation for the
group too (polybot/cli/identity.py sets it).
"""

import contextlib
import errno
import os
from pathlib import Path

from polybot.errors import DiskFull, StorageError

PRIVATE = 0o600
PRIVATE_DIRECTORY = 0o700
# Before the umask.
SHARED = 0o660
SHARED_DIRECTORY = 0o770

_NAME_BYTES = 8


def read_text(path: Path) -> str:
    """Return a file's text, "" when there is none; raises StorageError when unreadable."""
    try:
        return path.read_text("utf-8")
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as error:
        raise StorageError(f"cannot read {path}: {error}") from error


def replace_text(path: Path, text: str, *, private: bool) -> None:
    """Replace a file's text; a private one gets mode 600, another keeps owner and mode it has.

    A crash leaves the old text or the new one, a power cut after the return the new one. The draft
    has a name nobody can know beforehand, so no link can be laid in its way. Raises StorageError
    when the disk refuses.
    """
    draft: Path | None = None
    try:
        target = path.resolve()
        _make_directory(target.parent, private=private)
        name = f".{target.name}.{os.urandom(_NAME_BYTES).hex()}"
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        handle = os.open(target.parent / name, flags, PRIVATE if private else SHARED)
        draft = target.parent / name
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            _keep(file.fileno(), None if private else target)
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(target)
        _sync_directory(target.parent)
    except OSError as error:
        if draft is not None:
            with contextlib.suppress(OSError):
                draft.unlink()
        raise _refused(path, error) from error


def replace_from_spare(path: Path, text: str, spare: Path) -> None:
    """Replace a private file's text without room on the disk: the spare's own becomes the file.

    The spare is as long as it was, the text padded with blanks: nothing is allocated (a disk that
    copies on write may refuse all the same). Raises StorageError, also for a text that is too long.
    """
    try:
        handle = os.open(spare, os.O_WRONLY | os.O_CLOEXEC)
        try:
            data = text.encode().ljust(os.fstat(handle).st_size)
            if len(data) > os.fstat(handle).st_size:
                raise DiskFull(f"cannot write {path}: its spare is too small; free space")
            os.pwrite(handle, data, 0)
            os.fsync(handle)
        finally:
            os.close(handle)
        spare.replace(path)
        _sync_directory(path.parent)
    except OSError as error:
        raise _refused(path, error) from error


def remove(path: Path) -> bool:
    """Take a file away durably; return whether there was one. Raises StorageError."""
    try:
        path.unlink()
        _sync_directory(path.parent)
    except FileNotFoundError:
        return False
    except OSError as error:
        raise _refused(path, error) from error
    return True


def _make_directory(directory: Path, *, private: bool) -> None:
    mode = PRIVATE_DIRECTORY if private else SHARED_DIRECTORY
    directory.mkdir(mode=mode, parents=True, exist_ok=True)


def _keep(handle: int, replaced: Path | None) -> None:
    """Give a draft the mode and owner of what it replaces, when there is any."""
    try:
        was = None if replaced is None else replaced.stat()
    except FileNotFoundError:
        return
    if was is None:
        # Whatever the umask is.
        os.fchmod(handle, PRIVATE)
        return
    now = os.fstat(handle)
    if (was.st_uid, was.st_gid) != (now.st_uid, now.st_gid):
        # Only root may give a file away; anybody else keeps what he writes.
        with contextlib.suppress(PermissionError):
            os.fchown(handle, was.st_uid, was.st_gid)
    # After the owner: a change of that may take bits away.
    os.fchmod(handle, was.st_mode & 0o777)


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _refused(path: Path, error: OSError) -> StorageError:
    told = f"cannot write {path}: {error.strerror}"
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return DiskFull(f"{told}; free space on this disk")
    if error.errno == errno.EROFS:
        return StorageError(f"{told}; make it writable, or set POLYBOT_STATE_DIR to one that is")
    return StorageError(f"{told}; make it writable for this user")
