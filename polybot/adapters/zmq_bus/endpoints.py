"""Where a process's bus sockets are, and the claim that makes each of them one process's own."""

import contextlib
import fcntl
import os
import socket
from pathlib import Path

import zmq

from polybot.errors import BusError

EVENTS, RPC = "events", "rpc"
# An event is one frame: topic, this byte, payload.
TOPIC_END = b"\0"
# A unix socket's path has 108 bytes with its closing zero.
LONGEST_PATH = 107
# A message above this is no message of ours; the sender is disconnected.
LARGEST_MESSAGE = 16 << 20
# A peer that restarts is met again this soon, without keeping an idle machine busy.
RECONNECT_MS, SLOWEST_RECONNECT_MS = 20, 250

# What is not sent at the end is lost on purpose: durable events are in the journal.
_COMMON_OPTIONS: dict[int, int] = {zmq.LINGER: 0, zmq.MAXMSGSIZE: LARGEST_MESSAGE}
_RECONNECT_OPTIONS: dict[int, int] = {
    zmq.RECONNECT_IVL: RECONNECT_MS,
    zmq.RECONNECT_IVL_MAX: SLOWEST_RECONNECT_MS,
}
BusContext = zmq.Context[zmq.Socket[bytes]]


def open_context() -> BusContext:
    """Return the process's ZeroMQ context; one I/O thread is plenty for unix sockets."""
    return zmq.Context(io_threads=1)


def socket_path(runtime_dir: Path, name: str, kind: str) -> Path:
    """Return the path of a process's socket of a kind (EVENTS or RPC).

    Raises BusError when it is too long for a unix socket.
    """
    path = runtime_dir / f"{name}.{kind}"
    length = len(os.fsencode(path))
    if length > LONGEST_PATH:
        raise BusError(
            f"expected a socket path of at most {LONGEST_PATH} bytes, was {length}: {path}; "
            "set POLYBOT_RUNTIME_DIR to a shorter directory"
        )
    return path


def is_bound(path: Path) -> bool:
    """Return whether a living process listens on a socket path."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(os.fspath(path))
        except OSError:
            return False
    return True


class BoundSocket:
    """A ZeroMQ socket bound to a path nobody else may bind while this one lives.

    ZeroMQ itself would silently take a path over from a living process, so a lock file beside the
    socket is held; the kernel drops it with the process, and a stale socket file is no obstacle.
    Raises BusError when the path is taken, too long or not writable.
    """

    def __init__(
        self, context: BusContext, socket_type: int, path: Path, options: dict[int, int]
    ) -> None:
        self._path = path
        self._lock = _claim(path)
        self.socket = context.socket(socket_type)
        # A high water mark set after bind would not count for those who connect.
        for option, value in (options | _COMMON_OPTIONS).items():
            self.socket.setsockopt(option, value)
        try:
            self.socket.bind(f"ipc://{path}")
            # The operator's group may talk to it, nobody else.
            path.chmod(0o660)
        except (zmq.ZMQError, OSError) as error:
            self.close()
            raise BusError(f"cannot bind {path}: {error}; check POLYBOT_RUNTIME_DIR") from error

    def close(self) -> None:
        """Close the socket, then give the path up."""
        self.socket.close()
        if self._lock >= 0:
            # ZeroMQ leaves the file behind; while the lock is held it can only be this socket's.
            with contextlib.suppress(OSError):
                self._path.unlink()
            os.close(self._lock)
            self._lock = -1


def connect(peer: "zmq.Socket[bytes]", path: Path) -> None:
    """Connect to a path that may not exist yet; ZeroMQ keeps trying by itself."""
    for option, value in (_RECONNECT_OPTIONS | _COMMON_OPTIONS).items():
        peer.setsockopt(option, value)
    peer.connect(f"ipc://{path}")


def _claim(path: Path) -> int:
    try:
        path.parent.mkdir(mode=0o770, parents=True, exist_ok=True)
        lock = os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o660)
    except OSError as error:
        raise BusError(
            f"cannot use {path.parent} for sockets: {error.strerror}; make it writable for this "
            "user or set POLYBOT_RUNTIME_DIR to a directory that is"
        ) from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(lock)
        raise BusError(
            f"expected {path} to be free, was bound by a living process; stop that one first, or "
            "set POLYBOT_RUNTIME_DIR to another directory"
        ) from error
    return lock
