"""The tape: a process's inputs as consumed, compressed off the work loop and never synced."""

import logging
import os
import queue
import threading
from pathlib import Path

import msgspec
import zstandard

from polybot.runtime.disk import storage_error, translated, write_all
from polybot.runtime.tape_format import BATCH_END, COUNT, GAP, HEADER, TapeFrame

logger = logging.getLogger(__name__)

_PREFIX, _SUFFIX = "tape-", ".zst"


class TapeSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Sizes in bytes. A block is handed over when it is large or `flush_after_ns` old enough."""

    rotate_bytes: int = 16 << 20
    total_bytes: int = 512 << 20
    block_bytes: int = 128 << 10
    flush_after_ns: int = 500_000_000
    waiting_blocks: int = 64


class _Block(msgspec.Struct, frozen=True):
    data: bytes
    frames: int
    dropped_before: int


class NullTape:
    """No tape: inputs are taken and forgotten."""

    def record(self, kind: int, mono_ns: int, market_ns: int, data: bytes) -> None:
        """Forget an input."""

    def end_batch(self, mono_ns: int, market_ns: int) -> None:
        """Forget the end of a batch."""

    def flush(self) -> None:
        """Have nothing to hand over."""

    def close(self) -> None:
        """Have nothing to write."""


class TapeWriter:
    """Collects frames into blocks; a thread compresses and writes them.

    Nothing here waits: when the disk falls behind or refuses, whole blocks are dropped, counted in
    `dropped` and marked in the tape by a GAP frame.
    """

    def __init__(self, directory: Path, session: str, settings: TapeSettings | None = None) -> None:
        self._settings = settings or TapeSettings()
        self._block = bytearray()
        self._frames = 0
        self._block_since_ns = 0
        self._batch_open = False
        self._overflowed = 0
        self._unmarked = 0
        self._blocks: queue.Queue[_Block | None] = queue.Queue(self._settings.waiting_blocks)
        self._files = _TapeFiles(directory, session, self._settings)
        self._thread = threading.Thread(target=self._run, name="tape", daemon=True)
        self._thread.start()

    @property
    def dropped(self) -> int:
        """How many frames are missing from the tape."""
        return self._overflowed + self._files.lost

    def record(self, kind: int, mono_ns: int, market_ns: int, data: bytes) -> None:
        """Add one input; `kind` is 1 to 254."""
        if not self._frames:
            self._block_since_ns = mono_ns
        self._block += HEADER.pack(len(data), kind, mono_ns, market_ns)
        self._block += data
        self._frames += 1
        self._batch_open = True

    def end_batch(self, mono_ns: int, market_ns: int) -> None:
        """Mark that everything recorded so far was consumed; call it at the end of every turn."""
        if self._batch_open:
            self._block += HEADER.pack(0, BATCH_END, mono_ns, market_ns)
            self._frames += 1
            self._batch_open = False
        if not self._frames:
            return
        due = mono_ns - self._block_since_ns >= self._settings.flush_after_ns
        if due or len(self._block) >= self._settings.block_bytes:
            self._hand_over()

    def flush(self) -> None:
        """Hand over what there is, old enough or not."""
        if self._frames:
            self._hand_over()

    def close(self) -> None:
        """Write what is left and end the thread."""
        # Waiting is right here: the process is stopping, and the thread only has to catch up.
        if self._frames or self._unmarked:
            self._blocks.put(self._take_block())
        self._blocks.put(None)
        self._thread.join()

    def _hand_over(self) -> None:
        block = self._take_block()
        try:
            self._blocks.put_nowait(block)
            self._unmarked = 0
        except queue.Full:
            self._overflowed += block.frames
            self._unmarked += block.frames

    def _take_block(self) -> _Block:
        block = _Block(bytes(self._block), self._frames, self._unmarked)
        self._block.clear()
        self._frames = 0
        return block

    def _run(self) -> None:
        while (block := self._blocks.get()) is not None:
            self._files.write(block)
        self._files.close()


class _TapeFiles:
    """The files of a tape directory: rotated by size, the oldest deleted above the cap."""

    def __init__(self, directory: Path, session: str, settings: TapeSettings) -> None:
        self._directory = directory
        self._session = session
        self._settings = settings
        self._compressor = zstandard.ZstdCompressor(level=3, write_checksum=True)
        with translated(directory):
            directory.mkdir(mode=0o770, parents=True, exist_ok=True)
            self._sizes = {path: path.stat().st_size for path in list_tapes(directory)}
        self._number = max((_number_of(path) for path in self._sizes), default=0)
        self._path = directory
        self._descriptor = -1
        self._unmarked = 0
        self.lost = 0

    def write(self, block: _Block) -> None:
        """Append a block; when the disk refuses, the tape goes on in a new file."""
        missing = self._unmarked + block.dropped_before
        data = _gap(missing, block.data) + block.data if missing else block.data
        try:
            if self._descriptor < 0:
                self._open_next()
            self._append(self._compressor.compress(data))
            self._unmarked = 0
        except OSError as error:
            if not self._unmarked:
                logger.warning(
                    "the tape has a hole from here: %s", storage_error(error, self._path)
                )
            self._unmarked = missing + block.frames
            self.lost += block.frames
            # Nothing readable can follow half a block.
            self.close()

    def close(self) -> None:
        """Close the current file."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _append(self, compressed: bytes) -> None:
        write_all(self._descriptor, compressed, self._sizes[self._path])
        self._sizes[self._path] += len(compressed)
        if self._sizes[self._path] >= self._settings.rotate_bytes:
            self.close()
        self._delete_oldest()

    def _open_next(self) -> None:
        self._number += 1
        self._path = self._directory / f"{_PREFIX}{self._number:08d}-{self._session}{_SUFFIX}"
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        self._descriptor = os.open(self._path, flags, 0o660)
        self._sizes[self._path] = 0

    def _delete_oldest(self) -> None:
        total = sum(self._sizes.values())
        for path in sorted(self._sizes, key=_number_of)[:-1]:
            if total <= self._settings.total_bytes:
                return
            total -= self._sizes.pop(path)
            path.unlink(missing_ok=True)


def list_tapes(directory: Path, session: str = "") -> list[Path]:
    """Return the tape files of a directory (of one session when named), oldest first."""
    pattern = f"{_PREFIX}*-{session}{_SUFFIX}" if session else f"{_PREFIX}*{_SUFFIX}"
    return sorted(
        (path for path in directory.glob(pattern) if _number_of(path) >= 0), key=_number_of
    )


def session_of(path: Path) -> str:
    """Return the session a tape file belongs to, by its name."""
    return path.name[len(_PREFIX) : -len(_SUFFIX)].partition("-")[2]


def _gap(frames: int, block: bytes) -> bytes:
    # A gap ends where the block behind it begins; behind the last one there is none.
    _, _, mono_ns, market_ns = HEADER.unpack_from(block) if block else (0, 0, 0, 0)
    return TapeFrame(GAP, mono_ns, market_ns, COUNT.pack(frames)).encode()


def _number_of(path: Path) -> int:
    number = path.name[len(_PREFIX) :].split("-", 1)[0]
    return int(number) if number.isdecimal() else -1
