"""Files of a floor that are whole or absent: replaced durably, private where they must be."""

import contextlib
import errno
import os
from pathlib import Path

from polybot.errors import DiskFull, StorageError

PRIVATE = 0o600
PRIVATE_DIRECTORY = 0o700


def read_text(path: Path) -> str:
    """Return a file's text, "" when there is none; raises StorageError when unreadable."""
    try:
        return path.read_text("utf-8")
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as error:
        raise StorageError(f"cannot read {path}: {error}") from error


def replace_text(path: Path, text: str, *, private: bool) -> None:
    """Replace a file's text; a private one gets mode 600, another keeps the mode it has.

    A crash leaves the old text or the new one, a power cut after the return the new one. The draft
    has a name nobody can know beforehand, so no link can be laid in its way. Raises StorageError
    when the disk refuses.
    """
    # With it come bz2, lzma and more; most processes write no such file in their whole life.
    import tempfile  # noqa: PLC0415

    draft: Path | None = None
    try:
        target = path.resolve()
        _make_directory(target.parent, private=private)
        mode = PRIVATE if private or not target.exists() else target.stat().st_mode & 0o777
        handle, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
        draft = Path(name)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            os.fchmod(file.fileno(), mode)
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
    directory.mkdir(mode=PRIVATE_DIRECTORY if private else 0o777, parents=True, exist_ok=True)


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
