"""The archive of a journal: what is trimmed, compressed, until a person has backed it up."""

import contextlib
import logging
import os
import threading
from itertools import pairwise
from pathlib import Path

from polybot.errors import StorageError
from polybot.runtime.disk import sync_directory, translated, write_all
from polybot.runtime.journal_segment import Segment, list_segments

logger = logging.getLogger(__name__)

ARCHIVE_NAME = "archive"
SUFFIX = ".zst"
# Fast, and a journal's JSON is a tenth of its size already.
_LEVEL = 3


def archived_segments(directory: Path) -> list[Segment]:
    """Return the archived segments of a journal's directory, oldest first; their files are zstd."""
    found = []
    for path in (directory / ARCHIVE_NAME).glob(f"journal-*.log{SUFFIX}"):
        number = path.name[len("journal-") : -len(f".log{SUFFIX}")]
        if number.isdecimal():
            found.append(Segment(path, int(number)))
    return sorted(found, key=lambda segment: segment.first_seq)


class JournalArchive:
    """Keeps what the journal is about to trim, on a thread, so that no work loop waits for it.

    Invariant: a segment may be trimmed only once its archived copy is durable under its name. The
    oldest copies are deleted only beyond `cap_bytes`, and each is said; a cap of 0 keeps none.
    """

    def __init__(self, directory: Path, *, cap_bytes: int) -> None:
        self._directory = directory
        self._cap_bytes = cap_bytes
        self._thread: threading.Thread | None = None
        self._kept_before = 0
        self._refused = ""

    def take_over(self, before_seq: int) -> int:
        """Begin to keep the segments that end before a seq; return how far it may be trimmed now.

        What is begun here is done by a later call.
        """
        if not self._cap_bytes:
            return before_seq
        kept_before = self._kept_before
        if not self._is_busy():
            self._thread = threading.Thread(
                target=self._keep_quietly, args=(before_seq,), name="journal-archive", daemon=True
            )
            self._thread.start()
        return min(before_seq, kept_before)

    def wait(self) -> None:
        """Wait until nothing is being kept."""
        if self._thread is not None:
            self._thread.join()

    def _is_busy(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    def _keep_quietly(self, before_seq: int) -> None:
        try:
            self._keep(before_seq)
            self._drop_beyond_cap()
            self._refused = ""
        except StorageError as error:
            if not self._refused:
                logger.warning("the journal is not trimmed, its archive cannot be kept: %s", error)
            self._refused = str(error)

    def _keep(self, before_seq: int) -> None:
        segments = list_segments(self._directory)
        for segment, following in pairwise(segments):
            if following.first_seq > before_seq:
                return
            # What is kept already may be trimmed at this very moment.
            if following.first_seq > self._kept_before:
                self._compress(segment)
                self._kept_before = following.first_seq

    def _compress(self, segment: Segment) -> None:
        # Only a process that trims needs it; it costs a start some milliseconds.
        import zstandard  # noqa: PLC0415

        archive = self._directory / ARCHIVE_NAME
        path = archive / (segment.path.name + SUFFIX)
        unfinished = path.with_name(path.name + ".tmp")
        with translated(path):
            archive.mkdir(mode=0o770, exist_ok=True)
            packed = zstandard.ZstdCompressor(level=_LEVEL, write_checksum=True).compress(
                segment.path.read_bytes()
            )
            try:
                _write_durably(unfinished, packed)
            except OSError:
                # Half a copy would hold the very space that is missing.
                with contextlib.suppress(OSError):
                    unfinished.unlink()
                raise
            unfinished.rename(path)
            sync_directory(archive)

    def _drop_beyond_cap(self) -> None:
        kept = archived_segments(self._directory)
        with translated(self._directory / ARCHIVE_NAME):
            sizes = {segment.path: segment.path.stat().st_size for segment in kept}
            total = sum(sizes.values())
            for segment, following in pairwise(kept):
                if total <= self._cap_bytes:
                    break
                segment.path.unlink()
                total -= sizes[segment.path]
                logger.warning(
                    "the archive of the journal is over its cap of %d MiB: %s with the events %d "
                    "to %d was deleted; back the archive up, or raise trader.journal_archive_mb",
                    self._cap_bytes >> 20,
                    segment.path,
                    segment.first_seq,
                    following.first_seq - 1,
                )


def _write_durably(path: Path, data: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o660)
    try:
        write_all(descriptor, data, 0)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
