"""The files of arming: the leave itself, and the record of real orders that proves the way."""

import contextlib
import os
from pathlib import Path

import msgspec

from polybot.domain.arming import Arming, LiveOrderProof, with_proof
from polybot.errors import StorageError

ARMING_NAME = "arming.json"
PROOFS_NAME = "live-orders.json"
PENDING_NAME = "live-order-pending.json"


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
                self._known = msgspec.json.decode(self.path.read_bytes(), type=Arming)
                self._seen = mark
        except FileNotFoundError:
            self._seen = self._known = None
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise StorageError(_unreadable(self.path, str(error), "polybot arm")) from error
        except OSError as error:
            reason = error.strerror or type(error).__name__
            raise StorageError(_unreadable(self.path, reason, "polybot arm")) from error
        return self._known

    def write(self, arming: Arming) -> None:
        """Replace the arming durably; raises StorageError when the disk refuses."""
        _write(self.path, arming)

    def remove(self) -> bool:
        """Take the arming away durably; returns whether there was one."""
        return _remove(self.path)


class LiveOrderFile:
    """`live-orders.json` of a state directory: the newest proof of each kind."""

    def __init__(self, state_dir: Path) -> None:
        self.path = state_dir / PROOFS_NAME

    def read(self) -> tuple[LiveOrderProof, ...]:
        """Return the proofs; raises StorageError when the file is damaged."""
        try:
            return msgspec.json.decode(self.path.read_bytes(), type=tuple[LiveOrderProof, ...])
        except FileNotFoundError:
            return ()
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            what = "polybot doctor --live"
            raise StorageError(_unreadable(self.path, str(error), what)) from error
        except OSError as error:
            raise _refused(self.path, error) from error

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
        try:
            return msgspec.json.decode(self.path.read_bytes(), type=str)
        except FileNotFoundError:
            return ""
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            what = "polybot cancel-all --all-wallet, then delete it"
            raise StorageError(_unreadable(self.path, str(error), what)) from error
        except OSError as error:
            raise _refused(self.path, error) from error

    def write(self, order_id: str) -> None:
        """Remember an id durably before it is sent; "" forgets it."""
        if order_id:
            _write(self.path, order_id)
        else:
            _remove(self.path)


def _write(path: Path, value: object) -> None:
    draft = path.with_name(path.name + ".new")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(msgspec.json.format(msgspec.json.encode(value), indent=2) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        draft.rename(path)
        _sync_directory(path.parent)
    except OSError as error:
        with contextlib.suppress(OSError):
            draft.unlink()
        raise _refused(path, error) from error


def _remove(path: Path) -> bool:
    try:
        path.unlink()
        _sync_directory(path.parent)
    except FileNotFoundError:
        return False
    except OSError as error:
        raise _refused(path, error) from error
    return True


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _refused(path: Path, error: OSError) -> StorageError:
    return StorageError(f"cannot write {path}: {error.strerror}; make it writable for this user")


def _unreadable(path: Path, reason: str, command: str) -> StorageError:
    return StorageError(f"expected a readable {path}, was not ({reason}); run: {command}")
