"""A disk that can be full at once: a tmpfs that this process and its children alone can see.

It is mounted in a mount namespace of our own (unshare(2)), so nothing of it is left when the last
of them ended, however they ended. Without root a user namespace of our own lends the right to it.
"""

import contextlib
import ctypes
import errno
import os
from pathlib import Path
from typing import Final

from polybot.errors import StorageError

_CLONE_NEWNS: Final = 0x00020000
_CLONE_NEWUSER: Final = 0x10000000
_MNT_DETACH: Final = 1 << 1
_MS_REMOUNT: Final = 1 << 5
_MS_REC: Final = 1 << 14
_MS_PRIVATE: Final = 1 << 18
# Between the look at what is used and the change of the size somebody may write or delete.
_TRIES: Final = 200
_PROBE_BYTES: Final = 1 << 16


class SmallDisk:
    """A mounted disk of a size, and a way to leave no space on it without filling any memory."""

    def __init__(self, directory: Path, size_bytes: int) -> None:
        self.directory = directory
        self._size_bytes = size_bytes

    @classmethod
    def mount(cls, directory: Path, size_bytes: int) -> "SmallDisk":
        """Mount a disk for this process and whatever it starts from now on.

        To be called before the process has a second thread. Raises StorageError, with the reason,
        where the system does not allow it.
        """
        try:
            _enter_namespace()
            _mount("none", Path("/"), "", _MS_REC | _MS_PRIVATE, "")
            _mount("tmpfs", directory, "tmpfs", 0, f"size={size_bytes},mode=0700")
        except OSError as error:
            raise StorageError(
                f"expected to mount a small disk, was refused: {error.strerror}"
            ) from error
        return cls(directory, size_bytes)

    def take_space(self) -> None:
        """Leave no space: the limit becomes what is used, and the next page is ENOSPC.

        Raises StorageError when the disk would not become full.
        """
        for _ in range(_TRIES):
            found = os.statvfs(self.directory)
            used = (found.f_blocks - found.f_bfree) * found.f_frsize
            try:
                # A size of 0 would be no limit at all.
                self._resize(max(used, found.f_frsize))
            except OSError as error:
                if error.errno != errno.EINVAL:
                    raise StorageError(f"cannot resize {self.directory}: {error}") from error
                continue
            if self.is_full():
                return
        raise StorageError(f"expected {self.directory} to be full, was still written to")

    def give_space(self) -> None:
        """Let there be as much space as in the beginning."""
        try:
            self._resize(self._size_bytes)
        except OSError as error:
            raise StorageError(f"cannot resize {self.directory}: {error}") from error

    def unmount(self) -> None:
        """Take the disk away with everything on it; its directory can be removed then."""
        try:
            _checked(
                ctypes.CDLL(None, use_errno=True).umount2(os.fsencode(self.directory), _MNT_DETACH)
            )
        except OSError as error:
            raise StorageError(f"cannot unmount {self.directory}: {error}") from error

    def is_full(self) -> bool:
        """Tell by a write of our own whether the system answers ENOSPC."""
        probe = self.directory / "probe"
        try:
            probe.write_bytes(bytes(_PROBE_BYTES))
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise StorageError(f"cannot write {probe}: {error}") from error
            return True
        finally:
            probe.unlink(missing_ok=True)
        return False

    def _resize(self, size_bytes: int) -> None:
        _mount("tmpfs", self.directory, "tmpfs", _MS_REMOUNT, f"size={size_bytes},mode=0700")


def _enter_namespace() -> None:
    """Give this process mounts of its own; raises OSError."""
    if os.geteuid() == 0:
        # Root of a container may be refused this, and allowed it in a user namespace all the same.
        with contextlib.suppress(PermissionError):
            _unshare(_CLONE_NEWNS)
            return
    uid, gid = os.geteuid(), os.getegid()
    _unshare(_CLONE_NEWUSER | _CLONE_NEWNS)
    # Everybody stays who he is, so that files keep their owner (user_namespaces(7)).
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{uid} {uid} 1")
    Path("/proc/self/gid_map").write_text(f"{gid} {gid} 1")


def _unshare(flags: int) -> None:
    _checked(ctypes.CDLL(None, use_errno=True).unshare(flags))


def _mount(source: str, target: Path, kind: str, flags: int, options: str) -> None:
    words = (source.encode(), os.fsencode(target), kind.encode() or None)
    call = ctypes.CDLL(None, use_errno=True).mount
    _checked(call(*words, ctypes.c_ulong(flags), options.encode()))


def _checked(result: int) -> None:
    if result:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
