"""Checkpoints: the state of a process at one journal seq, in a file that is whole or absent."""

import contextlib
import hashlib
import logging
import os
import threading
from pathlib import Path

import msgspec

from polybot.errors import CheckpointError, StorageError
from polybot.ports import Clock
from polybot.ports.crash_points import reach
from polybot.runtime.disk import sync_directory, translated, write_all

logger = logging.getLogger(__name__)

_PREFIX, _SUFFIX = "checkpoint-", ".json"


class Checkpoint(msgspec.Struct, frozen=True):
    """A state that covers every journal record up to and including `seq`; `state` is JSON."""

    seq: int
    state: bytes
    schema: int
    saved_ns: int


class _CheckpointFile(msgspec.Struct, frozen=True, kw_only=True):
    schema: int
    seq: int
    checksum: str
    saved_ns: int
    state: msgspec.Raw


class _PendingSave(msgspec.Struct, frozen=True):
    seq: int
    state: bytes
    schema: int


class CheckpointStore:
    """The checkpoints of one process directory; the newest `keep` stay.

    A file appears under its name only when it is complete and durable, so a crash at any moment
    leaves either the new checkpoint or the one before. Save only a seq whose record is synced.
    """

    def __init__(self, directory: Path, *, clock: Clock, keep: int = 3) -> None:
        self._directory = directory
        self._clock = clock
        self._keep = keep
        self._damaged: list[Path] = []
        self._changed = threading.Condition()
        self._pending: _PendingSave | None = None
        self._busy = False
        self._closed = False
        self._thread: threading.Thread | None = None
        self.skipped: list[str] = []
        self.last_error: StorageError | None = None
        self.saved_seq = 0

    def save(self, seq: int, state: bytes, schema: int) -> Path:
        """Write a checkpoint durably and delete those no longer kept.

        Raises CheckpointError when `state` is not JSON, StorageError when the disk refuses.
        """
        path = self._directory / f"{_PREFIX}{seq:016d}{_SUFFIX}"
        data = self._encode(seq, state, schema)
        unfinished = path.with_name(path.name + ".tmp")
        with translated(path):
            self._directory.mkdir(mode=0o770, parents=True, exist_ok=True)
            reach("checkpoint.begun")
            try:
                _write_synced(unfinished, data)
                reach("checkpoint.unnamed")
                unfinished.rename(path)
            except OSError:
                # Half a checkpoint would hold the very space that is missing.
                with contextlib.suppress(OSError):
                    unfinished.unlink()
                raise
            sync_directory(self._directory)
            reach("checkpoint.named")
            self._set_damaged_aside()
            self._prune(seq)
            reach("checkpoint.done")
        self.saved_seq = seq
        return path

    def save_in_background(self, seq: int, state: bytes, schema: int) -> None:
        """Hand a state to the saving thread and return at once.

        When the disk is slower than the caller only the newest waiting state is written. A failure
        is logged and kept in `last_error` until a save succeeds.
        """
        with self._changed:
            self._pending = _PendingSave(seq, state, schema)
            self._changed.notify_all()
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="checkpoint", daemon=True)
                self._thread.start()

    def flush(self) -> None:
        """Wait until everything handed over is written or has failed."""
        with self._changed:
            self._changed.wait_for(lambda: self._pending is None and not self._busy)

    def close(self) -> None:
        """Write what is waiting and end the thread."""
        if self._thread is None:
            return
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._thread.join()
        self._thread = None
        self._closed = False

    def load_newest(self, schema: int) -> Checkpoint | None:
        """Return the newest readable checkpoint, None when there is none.

        Damaged ones are passed over: `skipped` and the log say what was wrong and what is used
        instead. Raises CheckpointError when the newest readable one has a schema above `schema`,
        StorageError when this user may not read one.
        """
        self.skipped.clear()
        self._damaged.clear()
        wrong: list[str] = []
        found: Checkpoint | None = None
        for path in reversed(self._paths()):
            loaded = read_checkpoint(path)
            if isinstance(loaded, Checkpoint):
                found = loaded
                break
            self._damaged.append(path)
            wrong.append(loaded)
        used = f"checkpoint {found.seq}" if found else "the journal from its first record"
        for reason in wrong:
            self.skipped.append(
                f"{reason}; {used} is used instead, the journal holds everything after it"
            )
            logger.warning("%s", self.skipped[-1])
        if found is not None and found.schema > schema:
            raise CheckpointError(
                f"expected a checkpoint of schema {schema} at most in {self._directory}, was "
                f"{found.schema} (seq {found.seq}): a newer polybot wrote it, start that one again"
            )
        return found

    def oldest_kept_seq(self) -> int | None:
        """Return the seq of the oldest checkpoint on disk; the journal after it is still needed."""
        paths = self._paths()
        return _seq_of(paths[0]) if paths else None

    def newest_named_seq(self) -> int:
        """Return the newest seq a file name here says was durable, 0 without any."""
        paths = self._paths()
        return _seq_of(paths[-1]) if paths else 0

    def _encode(self, seq: int, state: bytes, schema: int) -> bytes:
        saved_ns = self._clock.now_ns()
        try:
            # Without making objects of it: this thread holds up the loop for as long as it takes.
            msgspec.json.decode(state, type=msgspec.Raw)
        except msgspec.DecodeError as error:
            raise CheckpointError(f"expected a state in JSON, was {state[:80]!r}") from error
        return msgspec.json.encode(
            _CheckpointFile(
                schema=schema,
                seq=seq,
                checksum=_checksum(schema, seq, saved_ns, state),
                saved_ns=saved_ns,
                state=msgspec.Raw(state),
            )
        )

    def _paths(self) -> list[Path]:
        found = [
            path for path in self._directory.glob(f"{_PREFIX}*{_SUFFIX}") if _seq_of(path) >= 0
        ]
        return sorted(found, key=_seq_of)

    def _prune(self, seq: int) -> None:
        # A leftover of an interrupted save is only space; the newest name is this one's own.
        for leftover in self._directory.glob(f"{_PREFIX}*{_SUFFIX}.tmp"):
            leftover.unlink()
        covered = [path for path in self._paths() if _seq_of(path) <= seq]
        for path in covered[: -self._keep]:
            path.unlink()

    def _set_damaged_aside(self) -> None:
        # Kept for a person to look at, out of the way of those that count.
        for path in self._damaged:
            with contextlib.suppress(FileNotFoundError):
                path.rename(path.with_name(path.name + ".damaged"))
        self._damaged.clear()

    def _note(self, error: StorageError | None, seq: int) -> None:
        """Keep how the newest save went; a failure that goes on is not said each time."""
        if error is not None and self.last_error is None:
            logger.warning(
                "checkpoint %s was not written, the journal holds everything: %s", seq, error
            )
        elif error is None and self.last_error is not None:
            logger.info("checkpoints are written again, the newest is %s", seq)
        self.last_error = error

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._pending is not None or self._closed)
                job, self._pending = self._pending, None
                if job is None:
                    return
                self._busy = True
            try:
                self.save(job.seq, job.state, job.schema)
                self._note(None, job.seq)
            except StorageError as error:
                self._note(error, job.seq)
            finally:
                with self._changed:
                    self._busy = False
                    self._changed.notify_all()


def read_checkpoint(path: Path) -> Checkpoint | str:
    """Return a checkpoint file's content, or a sentence about what is wrong with it.

    Raises StorageError for a file this user may not read.
    """
    try:
        stored = msgspec.json.decode(path.read_bytes(), type=_CheckpointFile)
    except PermissionError as error:
        # Nothing is wrong with what it says: a start must not go on without it.
        raise StorageError(
            f"cannot read {path}: {error.strerror}; make it readable for this user (was polybot "
            "run as another one?)"
        ) from error
    except OSError as error:
        return f"{path} cannot be read ({error.strerror})"
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        return f"{path} is damaged ({error})"
    state = bytes(stored.state)
    checksum = _checksum(stored.schema, stored.seq, stored.saved_ns, state)
    if checksum != stored.checksum:
        return (
            f"{path} is damaged (expected checksum {checksum[:16]}…, was {stored.checksum[:16]}…)"
        )
    return Checkpoint(stored.seq, state, stored.schema, stored.saved_ns)


def _checksum(schema: int, seq: int, saved_ns: int, state: bytes) -> str:
    return hashlib.sha256(f"{schema}:{seq}:{saved_ns}:".encode() + state).hexdigest()


def _seq_of(path: Path) -> int:
    number = path.name[len(_PREFIX) : -len(_SUFFIX)]
    return int(number) if number.isdecimal() else -1


def _write_synced(path: Path, data: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o660)
    try:
        write_all(descriptor, data, 0)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
