"""The receiving end of sd_notify: a datagram socket that knows who sent what."""

import contextlib
import os
import socket
import struct
from pathlib import Path

_CREDENTIALS = struct.Struct("3i")
_LONGEST = 4096


class NotifySocket:
    """Binds a path anew, whatever a killed one before left there, for this user alone."""

    def __init__(self, path: Path) -> None:
        self._path = path
        with contextlib.suppress(FileNotFoundError):
            path.unlink()
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
        # The kernel says who sent a datagram: a process cannot speak for another.
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        mask = os.umask(0o077)
        try:
            self._socket.bind(str(path))
        finally:
            os.umask(mask)
        self._socket.setblocking(False)  # noqa: FBT003 - the socket's own signature

    def fileno(self) -> int:
        """Return the descriptor, for a selector."""
        return self._socket.fileno()

    def take(self) -> list[tuple[int, bytes]]:
        """Return what arrived, with the sender's process id."""
        taken: list[tuple[int, bytes]] = []
        while True:
            try:
                data, ancillary, _, _ = self._socket.recvmsg(
                    _LONGEST, socket.CMSG_SPACE(_CREDENTIALS.size)
                )
            except BlockingIOError:
                return taken
            for level, kind, credentials in ancillary:
                if (level, kind) == (socket.SOL_SOCKET, socket.SCM_CREDENTIALS):
                    pid, _, _ = _CREDENTIALS.unpack(credentials[: _CREDENTIALS.size])
                    taken.append((pid, data))

    def close(self) -> None:
        """Let go of the socket and its name."""
        self._socket.close()
        with contextlib.suppress(FileNotFoundError):
            self._path.unlink()
