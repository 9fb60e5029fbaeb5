"""What journal and checkpoints need of a disk: durable names, zeroed space, errors that help."""

import contextlib
import errno
import os
from collections.abc import Iterator
from pathlib import Path

from polybot.errors import DiskFull, StorageError

ZEROING_STEP = 1 << 18
# EFBIG is what a file size limit of the process answers; a quota has its own number too.
_NO_SPACE = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


def sync_directory(directory: Path) -> None:
    """Make created, renamed and deleted names of a directory durable."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_all(descriptor: int, data: bytes, offset: int) -> None:
    """Write all bytes at an offset, however many calls the kernel wants for it."""
    written = os.pwrite(descriptor, data, offset)
    while written < len(data):
        written += os.pwrite(descriptor, memoryview(data)[written:], offset + written)


def fill_with_zeros(descriptor: int, start: int, end: int) -> None:
    """Allocate and zero [start, end) of a file, then sync it.

    Zeros are really written: on an extent that is only reserved, each first fdatasync has to change
    the file's metadata too.
    """
    if end <= start:
        return
    os.posix_fallocate(descriptor, start, end - start)
    for offset in range(start, end, ZEROING_STEP):
        write_all(descriptor, bytes(min(ZEROING_STEP, end - offset)), offset)
    os.fsync(descriptor)


def create_zeroed(path: Path, size: int) -> None:
    """Create a file of `size` zero bytes; it has its name only once it is whole and durable."""
    unfinished = path.with_name(path.name + ".tmp")
    descriptor = os.open(unfinished, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o660)
    try:
        fill_with_zeros(descriptor, 0, size)
    except OSError:
        # A half-filled file would hold the very space that is missing.
        with contextlib.suppress(OSError):
            unfinished.unlink()
        raise
    finally:
        os.close(descriptor)
    unfinished.rename(path)
    sync_directory(path.parent)


def storage_error(error: OSError, path: Path) -> StorageError:
    """Translate an OSError into DiskFull or StorageError, with what to do about it."""
    if error.errno in _NO_SPACE:
        return DiskFull(
            f"cannot write {path}: {error.strerror}; free space on this disk (or raise the limit)"
        )
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return StorageError(
            f"cannot write {path}: {error.strerror}; make it writable for this user, "
            "or set POLYBOT_STATE_DIR to a directory that is"
        )
    if error.errno in (errno.ENOTDIR, errno.EEXIST):
        return StorageError(
            f"cannot use {path}: a file is where a directory should be; move it away, or set "
            "POLYBOT_STATE_DIR to another directory"
        )
    return StorageError(f"cannot use {path}: {error.strerror or error}; check the disk")


@contextlib.contextmanager
def translated(path: Path) -> Iterator[None]:
    """Turn any OSError of the block into a StorageError that names the path."""
    try:
        yield
    except OSError as error:
        raise storage_error(error, path) from error
