"""The fence's two files: `fence.json`, which says everything, and the epoch alone for a quick look.

The epoch's file holds eight bytes that a trader maps into its memory: looking before each POST then
costs less than a tenth of a microsecond. Who finds other bytes there reads `fence.json`.
"""

import contextlib
import mmap
import os
from pathlib import Path

import msgspec

from polybot.config.private_files import SHARED, replace_from_spare, replace_text
from polybot.domain.fence import STALE_NS, FenceRecord
from polybot.errors import DiskFull, StorageError
from polybot.ports import Clock

FENCE_NAME = "fence.json"
EPOCH_NAME = "fence.epoch"
EPOCH_BYTES = 8
# Room for the next fence on a full disk; a fence is some 200 bytes.
SPARE_NAME = "fence.spare"
SPARE_BYTES = 4096


class FenceFile:
    """The fence of a state directory, as the watchdog keeps it."""

    def __init__(self, state_dir: Path) -> None:
        self.path = state_dir / FENCE_NAME
        self.epoch_path = state_dir / EPOCH_NAME
        self.spare_path = state_dir / SPARE_NAME

    def read(self) -> FenceRecord | None:
        """Return the fence, None when there is none; raises StorageError when unreadable."""
        try:
            record = msgspec.json.decode(self.path.read_bytes(), type=FenceRecord)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise StorageError(f"cannot read {self.path}: {error.strerror}") from error
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise StorageError(
                f"expected a readable {self.path}, was not ({error}); the watchdog writes it anew"
            ) from error
        return record

    def write(self, record: FenceRecord) -> None:
        """Replace the fence durably, then show its epoch; raises StorageError."""
        text = msgspec.json.format(msgspec.json.encode(record), indent=2).decode()
        try:
            replace_text(self.path, f"{text}\n", private=False)
        except DiskFull:
            # A trader that hangs because the disk is full must be shut out all the same.
            if not self.spare_path.exists():
                raise
            replace_from_spare(self.path, f"{text}\n", self.spare_path)
        self.show(record.epoch)

    def show(self, epoch: int) -> None:
        """Write the epoch where traders look; in place, because they look at this very file."""
        shown = epoch.to_bytes(EPOCH_BYTES, "little")
        try:
            handle = os.open(self.epoch_path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, SHARED)
            try:
                if os.pread(handle, EPOCH_BYTES, 0) != shown:
                    os.pwrite(handle, shown, 0)
                    os.fdatasync(handle)
            finally:
                os.close(handle)
        except OSError as error:
            raise StorageError(
                f"cannot write {self.epoch_path}: {error.strerror}; make it writable for this user"
            ) from error
        self._keep_spare()

    def _keep_spare(self) -> None:
        if not self.spare_path.exists():
            # Without room there is none now; the next look tries again.
            with contextlib.suppress(StorageError):
                replace_text(self.spare_path, " " * SPARE_BYTES, private=False)


class FenceWatch:
    """The fence as one session of the trader sees it; raises StorageError when it is unreadable.

    Whatever cannot be told counts as raised: a trader that ends and starts again loses a second,
    one that posts behind a fence may trade twice.
    """

    def __init__(self, state_dir: Path, clock: Clock) -> None:
        self._file = FenceFile(state_dir)
        self._path = str(self._file.epoch_path)
        self._clock = clock
        self._map: mmap.mmap | None = None
        self._inode = 0
        self._shown = b""
        self._raised = ""
        # The watchdog writes the file first: the bytes, read before it, are never newer.
        self._open()
        record = self._file.read()
        self.epoch = record.epoch if record else 0

    def is_raised(self) -> bool:
        """Return whether the epoch is another one by now; once true, for ever.

        Looks at the files themselves too: one that was put in the place of another, or taken away,
        shows nothing in what is mapped.
        """
        if not self._is_in_place() or self._is_changed():
            self._look_closely()
        return bool(self._raised)

    def refusal(self, since_ns: int) -> str:
        """Return why an order of a turn begun at `since_ns` must not leave now, "" if it may."""
        if self._is_changed():
            self._look_closely()
        if self._raised:
            return self._raised
        waited_ns = self._clock.monotonic_ns() - since_ns
        if waited_ns > STALE_NS:
            return f"it waited {waited_ns / 1e9:.1f} s, which is too long to be sent"
        return ""

    def is_cleared(self) -> bool:
        """Return whether nothing of an older epoch rests at the exchange any more."""
        try:
            record = self._file.read()
        except StorageError:
            return False
        return record is None or record.is_cleared

    def _is_changed(self) -> bool:
        return self._map is None or self._map[:EPOCH_BYTES] != self._shown

    def _is_in_place(self) -> bool:
        try:
            # Asked at each turn: a path object would make its text anew, which takes longer.
            return os.stat(self._path).st_ino == self._inode
        except OSError:
            return False

    def _look_closely(self) -> None:
        """Find out whether other bytes, or another file, mean another epoch."""
        try:
            self._open()
            record = self._file.read()
        except StorageError as error:
            self._raised = f"the fence cannot be read: {error}"
            return
        epoch = record.epoch if record else 0
        if epoch != self.epoch:
            self._raised = (
                f"the watchdog raised the fence to epoch {epoch}, this session began under "
                f"{self.epoch}"
            )

    def _open(self) -> None:
        """Map the eight bytes as they are now, when the watchdog has written them."""
        path = self._path
        try:
            handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            self._map = None
            return
        except OSError as error:
            raise StorageError(f"cannot read {path}: {error.strerror}") from error
        try:
            found = os.fstat(handle)
            if found.st_size < EPOCH_BYTES:
                self._map = None
                return
            self._inode = found.st_ino
            self._map = mmap.mmap(handle, EPOCH_BYTES, mmap.MAP_SHARED, mmap.PROT_READ)
            self._shown = self._map[:EPOCH_BYTES]
        finally:
            os.close(handle)
