"""The files of arming: the leave itself, and the record of real orders that proves the way."""

from pathlib import Path
from typing import TypeVar

import msgspec

from polybot.config.private_files import remove, replace_text
from polybot.domain.arming import Arming, LiveOrderProof, with_proof
from polybot.errors import StorageError

ARMING_NAME = "arming.json"
PROOFS_NAME = "live-orders.json"
PENDING_NAME = "live-order-pending.json"

Value = TypeVar("Value")


class ArmingFile:
    """`arming.json` of a state directory: whole or absent, durable when `write` returns.

    A reader that asks again and again gets what it read before while the file is the same one.
    """

    def __init__(self, state_dir: Path) -> None:
        self.path = state_dir / ARMING_NAME
        self._seen: tuple[int, int, int] | None = None
        self._known: Arming | None = None

    def read(self) -> Arming | None:
        """Return the arming, None when there is none; raises StorageError when unreadable."""
        try:
            found = self.path.stat()
            mark = (found.st_ino, found.st_mtime_ns, found.st_size)
            if mark != self._seen:
                self._known = _read(self.path, Arming, "polybot arm")
                self._seen = mark
        except FileNotFoundError:
            self._seen = self._known = None
        except OSError as error:
            raise _unreadable(self.path, error, "polybot arm") from error
        return self._known

    def write(self, arming: Arming) -> None:
        """Replace the arming durably; raises StorageError when the disk refuses."""
        _write(self.path, arming)

    def remove(self) -> bool:
        """Take the arming away durably; returns whether there was one."""
        return remove(self.path)


class LiveOrderFile:
    """`live-orders.json` of a state directory: the newest proof of each kind."""

    def __init__(self, state_dir: Path) -> None:
        self.path = state_dir / PROOFS_NAME

    def read(self) -> tuple[LiveOrderProof, ...]:
        """Return the proofs; raises StorageError when the file is damaged."""
        proofs = _read(self.path, tuple[LiveOrderProof, ...], "polybot doctor --live")
        return () if proofs is None else proofs

    def add(self, proof: LiveOrderProof) -> None:
        """Add a proof durably; a damaged file is begun anew."""
        try:
            known = self.read()
        except StorageError:
            known = ()
        _write(self.path, with_proof(known, proof))


class PendingOrderFile:
    """`live-order-pending.json` of a state directory: the id of a doctor's order that may rest."""

    def __init__(self, state_dir: Path) -> None:
        self.path = state_dir / PENDING_NAME

    def read(self) -> str:
        """Return the id, "" when no order may rest; raises StorageError when unreadable."""
        return _read(self.path, str, "polybot cancel-all --all-wallet, then delete it") or ""

    def write(self, order_id: str) -> None:
        """Remember an id durably before it is sent; "" forgets it."""
        if order_id:
            _write(self.path, order_id)
        else:
            remove(self.path)


def _read(path: Path, wanted: type[Value], command: str) -> Value | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=wanted)
    except FileNotFoundError:
        return None
    except (msgspec.MsgspecError, UnicodeDecodeError, OSError) as error:
        raise _unreadable(path, error, command) from error


def _write(path: Path, value: object) -> None:
    text = msgspec.json.format(msgspec.json.encode(value), indent=2).decode()
    replace_text(path, f"{text}\n", private=False)


def _unreadable(path: Path, error: Exception, command: str) -> StorageError:
    reason = error.strerror if isinstance(error, OSError) else str(error)
    return StorageError(f"expected a readable {path}, was not ({reason}); run: {command}")
