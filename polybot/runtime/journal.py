"""The journal a process writes: numbered, hash-chained records that are durable after `sync`."""

import os
from pathlib import Path

import msgspec

from polybot.errors import FatalError, JournalError, StorageError
from polybot.ports.crash_points import reach
from polybot.runtime.disk import storage_error, sync_directory, translated, write_all
from polybot.runtime.journal_format import (
    FIRST_HASH,
    HEADER_BYTES,
    JournalRecord,
    chain_hash,
    encode_record,
)
from polybot.runtime.journal_head import JournalHead
from polybot.runtime.journal_lock import take_lock
from polybot.runtime.journal_reader import JournalReader
from polybot.runtime.journal_recovery import check_for_start, make_tail_durable
from polybot.runtime.journal_segment import Segment, list_segments, segment_path
from polybot.runtime.journal_spares import Spares
from polybot.runtime.journal_verify import verify_segments


class JournalSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Sizes in bytes; a record must fit into a segment, and an exit into the reserve."""

    segment_bytes: int = 4 << 20
    reserve_bytes: int = 256 << 10


class Journal:
    """Appends records to preallocated segments; one process at a time, one thread at a time.

    Invariants: seq goes up by one per record and never back; a record at or below `synced_seq`
    survives any crash; only the newest segment ever holds unsynced records.
    """

    def __init__(self, directory: Path, settings: JournalSettings, lock: int) -> None:
        self._directory = directory
        self._settings = settings
        self._lock = lock
        self._spares = Spares(
            directory,
            segment_bytes=settings.segment_bytes,
            reserve_bytes=settings.reserve_bytes,
        )
        self._segments: list[Segment] = []
        self._reader = JournalReader(directory, self._segments)
        self._descriptor = -1
        self._offset = 0
        self._capacity = 0
        self._failure: FatalError | None = None
        self.last_seq = 0
        self.synced_seq = 0
        self.last_hash = FIRST_HASH
        self.recovery = verify_segments(directory, [])

    @classmethod
    def open(
        cls,
        directory: Path,
        *,
        settings: JournalSettings | None = None,
        scan_from_seq: int = 1,
        floor_seq: int = 0,
    ) -> "Journal":
        """Recover a directory's journal and make it ready to append.

        Every segment that holds a seq of at least `scan_from_seq` is checked; a torn tail is cut
        and said in `recovery` and in the log. `floor_seq` is the newest seq known to be durable
        (from the checkpoint): an empty journal continues after it.

        Raises JournalError for a changed or missing record, StorageError when the directory cannot
        be used or another process has it.
        """
        with translated(directory):
            directory.mkdir(mode=0o770, parents=True, exist_ok=True)
        journal = cls(directory, settings or JournalSettings(), take_lock(directory))
        try:
            journal._recover(scan_from_seq, floor_seq)
        except StorageError:
            journal.close()
            raise
        return journal

    @property
    def first_seq(self) -> int:
        """The oldest seq that is still here."""
        return self._reader.first_seq

    @property
    def shortage(self) -> StorageError | None:
        """Why no next segment could be made, while there is still room in this one; else None."""
        return self._spares.shortage

    @property
    def preparing(self) -> bool:
        """Whether spare space is being made just now, so that `shortage` may be old."""
        return self._spares.preparing

    def head(self) -> JournalHead:
        """Return seq and hash of the newest record."""
        return JournalHead(self.last_seq, self.last_hash)

    def append(self, payload: bytes) -> int:
        """Write a record and return its seq; it is durable only after `sync`.

        Raises DiskFull when no segment is left (nothing was written then; `release_reserve` makes
        room for exits), JournalError when the payload is empty or larger than a segment, FatalError
        after a failed sync.
        """
        if self._failure is not None:
            raise self._failure
        if not payload:
            raise JournalError("expected a payload, was empty")
        seq = self.last_seq + 1
        record = encode_record(seq, self.synced_seq, self.last_hash, payload)
        if self._offset + len(record) > self._capacity:
            self._start_segment(seq, len(payload))
        segment = self._segments[-1]
        # Not `translated`: entering a context manager costs as much as the write itself.
        try:
            write_all(self._descriptor, record, self._offset)
        except OSError as error:
            raise storage_error(error, segment.path) from error
        segment.mark(seq, self._offset)
        self._offset += len(record)
        self.last_hash = chain_hash(self.last_hash, seq, payload)
        self.last_seq = seq
        return seq

    def sync(self) -> None:
        """Make everything appended durable with one fdatasync.

        Raises FatalError when the disk refuses: after a failed sync nobody knows what it kept, so
        the process must start again from what is really there. A second sync would succeed and
        mean nothing (the kernel tells of lost writes once), so the first failure stays.
        """
        if self.synced_seq != self.last_seq:
            if self._failure is not None:
                raise self._failure
            try:
                os.fdatasync(self._descriptor)
            except OSError as error:
                self._failure = FatalError(
                    f"cannot sync {self._segments[-1].path}: {error.strerror}; what was not synced "
                    "counts as never written: start this process again, and check the disk"
                )
                raise self._failure from error
            self.synced_seq = self.last_seq

    def read_from(self, seq: int, limit: int) -> list[JournalRecord]:
        """Return at most `limit` synced records (and about 1 MiB) from `seq` on; empty at the end.

        Raises JournalError when `seq` was trimmed away or a record on the way is damaged.
        """
        return self._reader.read_from(seq, limit, until_seq=self.synced_seq)

    def payloads_from(self, seq: int, limit: int) -> list[bytes]:
        """Return what `read_from` does, the payloads alone."""
        return [record.payload for record in self.read_from(seq, limit)]

    def first_seq_within(self, total_bytes: int) -> int:
        """Return the oldest seq of the newest segments that fit into `total_bytes`.

        It is what a size-bounded retention passes to `trim`; the newest segment always fits.
        """
        first_seq = self._segments[-1].first_seq
        for segment in reversed(self._segments):
            total_bytes -= self._settings.segment_bytes
            if total_bytes < 0:
                break
            first_seq = segment.first_seq
        return first_seq

    def trim(self, before_seq: int) -> int:
        """Delete the segments that hold only records before a seq; return how many were deleted.

        The newest segment and the one with the newest record always stay.
        """
        keep_from = min(before_seq, self.last_seq)
        deleted = 0
        with translated(self._directory):
            while len(self._segments) > 1 and self._segments[1].first_seq <= keep_from:
                self._segments[0].path.unlink()
                del self._segments[0]
                deleted += 1
            if deleted:
                sync_directory(self._directory)
                reach("journal.trimmed")
        return deleted

    def release_reserve(self) -> None:
        """Let the next segment be the reserve; call it to journal exits on a full disk."""
        self._spares.release_reserve()

    def replenish(self) -> None:
        """Make spare and reserve again on a thread, as far as they are missing."""
        self._spares.prepare_in_background()

    def close(self) -> None:
        """Sync, unless a sync has failed before, and let go of the files and the lock."""
        self._spares.wait()
        if self._descriptor >= 0:
            try:
                if self._failure is None:
                    self.sync()
            finally:
                os.close(self._descriptor)
                self._descriptor = -1
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    def _start_segment(self, seq: int, payload_bytes: int = 0) -> None:
        room = self._settings.segment_bytes - HEADER_BYTES
        if payload_bytes > room:
            raise JournalError(f"expected a payload of at most {room} bytes, was {payload_bytes}")
        # Only the newest segment may hold unsynced records: recovery relies on it.
        self.sync()
        path = segment_path(self._directory, seq)
        self._spares.take(path)
        self._use(Segment(path, seq), 0)
        reach("journal.segment")
        self._spares.prepare_in_background()

    def _use(self, segment: Segment, offset: int) -> None:
        with translated(segment.path):
            descriptor = os.open(segment.path, os.O_RDWR | os.O_CLOEXEC)
        if self._descriptor >= 0:
            os.close(self._descriptor)
        self._descriptor = descriptor
        self._offset = offset
        self._capacity = os.fstat(descriptor).st_size
        if not self._segments or self._segments[-1] is not segment:
            self._segments.append(segment)

    def _recover(self, scan_from_seq: int, floor_seq: int) -> None:
        self._segments.extend(list_segments(self._directory))
        if not self._segments:
            with translated(self._directory):
                self._spares.prepare()
            self.last_seq = self.synced_seq = floor_seq
            self._start_segment(floor_seq + 1)
            return
        report = check_for_start(
            self._directory, self._segments, scan_from_seq=scan_from_seq, floor_seq=floor_seq
        )
        self._use(self._segments[-1], report.end_offset)
        with translated(self._segments[-1].path):
            make_tail_durable(self._descriptor, self._segments[-1], report)
        self.recovery = report
        self.last_hash = report.last_hash
        self.last_seq = self.synced_seq = report.last_seq
        self._spares.prepare_in_background()
