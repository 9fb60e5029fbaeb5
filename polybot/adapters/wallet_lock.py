"""The wallet lock: an abstract unix socket named by the funder's address (unix(7)).

It needs no file, so it holds whatever the directories and the user are; it is the kernel's, so it
is gone with its process and never stale. It reaches as far as the network namespace does.
"""

import errno
import logging
import os
import socket
import struct
import threading
from contextlib import suppress
from pathlib import Path

import msgspec

from polybot.config.locations import RUNTIME_NAME, STATE_NAME
from polybot.errors import FatalError, StartRefused
from polybot.ports.wallet_lock import WalletHolder

logger = logging.getLogger(__name__)

# Whoever is asked may be stopped; nobody waits for him longer than this.
ANSWER_S = 0.5
LONGEST_ANSWER = 4096
# struct ucred of the process that listens: pid, user, group.
_UCRED = struct.Struct("3i")
_WAITING = 16


class HeldWallet:
    """A wallet this process holds; a thread tells whoever connects whose it is."""

    def __init__(self, server: socket.socket, holder: WalletHolder) -> None:
        self._server = server
        self._told = msgspec.json.encode(holder)
        self._thread = threading.Thread(target=self._tell, name="wallet-lock", daemon=True)
        self._thread.start()

    def release(self) -> None:
        """Let go of the wallet."""
        # Closing alone does not wake the thread, and the kernel keeps the name until it returns.
        with suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        self._thread.join(ANSWER_S)

    def _tell(self) -> None:
        while True:
            try:
                asking, _ = self._server.accept()
            except OSError:
                return
            # Whoever asked may be gone.
            with asking, suppress(OSError):
                asking.settimeout(ANSWER_S)
                asking.sendall(self._told)


def hold_wallet(funder: str, holder: WalletHolder) -> HeldWallet:
    """Take a wallet for this process.

    Raises StartRefused naming the process that holds it already, FatalError where the system has
    no such sockets.
    """
    server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        server.bind(_name_of(funder))
        server.listen(_WAITING)
    except OSError as error:
        server.close()
        if error.errno != errno.EADDRINUSE:
            raise FatalError(
                f"cannot take the lock of wallet {_short(funder)}: {error.strerror or error}; it "
                "needs Linux's abstract unix sockets"
            ) from error
        raise refusal(funder, holder_of(funder) or WalletHolder()) from error
    return HeldWallet(server, holder)


def refusal(funder: str, other: WalletHolder) -> StartRefused:
    """Return the error of a start that finds its wallet held by another process."""
    stop = f"{RUNTIME_NAME}={other.runtime_dir} polybot down" if other.runtime_dir else "stop it"
    return StartRefused(
        f"expected the wallet {_short(funder)} for this trader alone, was held by "
        f"{other.describe()}: one wallet has one trader; end that floor first ({stop}), or use "
        "another wallet"
    )


def holder_of(funder: str) -> WalletHolder | None:
    """Return who holds a wallet on this machine, None when nobody does."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as asking:
        asking.settimeout(ANSWER_S)
        try:
            asking.connect(_name_of(funder))
        except ConnectionRefusedError:
            return None
        except OSError:
            # Somebody listens and lets nobody in: too many ask at once.
            return WalletHolder()
        pid, user_id, _ = _UCRED.unpack(
            asking.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size)
        )
        told = _told_by(asking) or _from_environment(pid)
    # The kernel's word on who it is, not its own.
    return msgspec.structs.replace(told, pid=pid, user_id=user_id)


def _told_by(asking: socket.socket) -> WalletHolder | None:
    answer = b""
    try:
        while len(answer) < LONGEST_ANSWER and (part := asking.recv(LONGEST_ANSWER)):
            answer += part
        told = msgspec.json.decode(answer, type=WalletHolder)
    except (OSError, UnicodeDecodeError, msgspec.MsgspecError):
        # Stopped, or none of ours.
        return None
    # It ends up in a log: whatever another user's process says stays on one line.
    return WalletHolder(
        mode=_plain(told.mode),
        state_dir=_plain(told.state_dir),
        runtime_dir=_plain(told.runtime_dir),
    )


def _from_environment(pid: int) -> WalletHolder:
    try:
        block = Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        # Another user's, or gone since.
        return WalletHolder()
    pairs = (entry.partition("=") for entry in os.fsdecode(block).split("\0"))
    named = {name: value for name, separator, value in pairs if separator}
    return WalletHolder(
        state_dir=_plain(named.get(STATE_NAME, "")), runtime_dir=_plain(named.get(RUNTIME_NAME, ""))
    )


def _name_of(funder: str) -> bytes:
    return b"\0polybot-wallet-" + funder.lower().encode()


def _short(funder: str) -> str:
    return f"{funder[:10]}...{funder[-6:]}"


def _plain(text: str) -> str:
    return text if text.isprintable() else ascii(text)
