"""Segments made ahead of time: the next one, and a small reserve for exits on a full disk."""

import logging
import os
import threading
from pathlib import Path

from polybot.errors import StorageError
from polybot.runtime.disk import create_zeroed, storage_error, sync_directory, translated

logger = logging.getLogger(__name__)


class Spares:
    """Keeps one zeroed spare segment and one reserve, so that starting a segment is only a rename.

    The reserve becomes a segment itself instead of being freed: freed space would be anybody's.
    Files are prepared on a thread; a failure is remembered in `shortage`, never raised there.
    """

    def __init__(self, directory: Path, *, segment_bytes: int, reserve_bytes: int) -> None:
        self._spare = directory / "journal.spare"
        self._reserve = directory / "journal.reserve"
        self._wanted = {self._spare: segment_bytes, self._reserve: reserve_bytes}
        self._released = False
        self._thread: threading.Thread | None = None
        self.shortage: StorageError | None = None

    def prepare(self) -> None:
        """Make what is missing, the reserve first; raises StorageError when it cannot."""
        for path in (self._reserve, self._spare):
            with translated(path):
                if not self._is_whole(path):
                    create_zeroed(path, self._wanted[path])
        self._released = False
        self.shortage = None

    def prepare_in_background(self) -> None:
        """Make what is missing on a thread, one at a time."""
        if not self.preparing:
            self._thread = threading.Thread(
                target=self._prepare_quietly, name="journal-spares", daemon=True
            )
            self._thread.start()

    @property
    def preparing(self) -> bool:
        """Whether the thread is still at work, so that `shortage` may be old."""
        return self._thread is not None and self._thread.is_alive()

    def wait(self) -> None:
        """Wait until nothing is being prepared."""
        if self._thread is not None:
            self._thread.join()

    def release_reserve(self) -> None:
        """Allow the reserve to become the next segment, until space is there again."""
        self._released = True

    def take(self, path: Path) -> None:
        """Give the spare (or the released reserve) a segment's name.

        Raises DiskFull when neither is there nor can be made.
        """
        self.wait()
        if not self._rename(self._spare, path) and not self._take_reserve(path):
            try:
                create_zeroed(path, self._wanted[self._spare])
            except OSError as error:
                self.shortage = storage_error(error, path)
                raise self.shortage from error

    def _take_reserve(self, path: Path) -> bool:
        return self._released and self._rename(self._reserve, path)

    def _rename(self, source: Path, path: Path) -> bool:
        with translated(path):
            if not self._is_whole(source):
                return False
            source.rename(path)
            sync_directory(path.parent)
            return True

    def _is_whole(self, path: Path) -> bool:
        return path.exists() and path.stat().st_size == self._wanted[path]

    def _prepare_quietly(self) -> None:
        was = self.shortage
        if was is not None and not self._may_fit():
            # Trying would take the last free bytes from the others for a moment.
            return
        try:
            self.prepare()
        except StorageError as error:
            self.shortage = error
            if was is None:
                logger.warning("no room for the next journal segment: %s", error)
            return
        if was is not None:
            logger.info("there is room for the next journal segment again")

    def _may_fit(self) -> bool:
        try:
            missing = [size for path, size in self._wanted.items() if not self._is_whole(path)]
            disk = os.statvfs(self._spare.parent)
        except OSError:
            # Trying says what is wrong.
            return True
        return disk.f_bavail * disk.f_frsize >= sum(missing)
