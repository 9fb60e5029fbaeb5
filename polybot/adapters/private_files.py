"""Files that only their owner may read, replaced whole and durably."""

import contextlib
import os
import tempfile
from pathlib import Path

from polybot.errors import StorageError

PRIVATE = 0o600


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

    A crash leaves the old text or the new one. Raises StorageError when the disk refuses.
    """
    target = path.resolve()
    draft = ""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        mode = PRIVATE if private or not target.exists() else target.stat().st_mode & 0o777
        handle, draft = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            os.fchmod(file.fileno(), mode)
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(draft).replace(target)
        descriptor = os.open(target.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        with contextlib.suppress(OSError):
            Path(draft).unlink()
        message = f"cannot write {path}: {error.strerror}; make it writable for this user"
        raise StorageError(message) from error
