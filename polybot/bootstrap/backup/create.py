"""Makes a backup: the database by SQLite's own online copy, everything else file by file."""

import contextlib
import hashlib
import io
import os
import sqlite3
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, BinaryIO, Final

import msgspec
import zstandard

from polybot import __version__
from polybot.bootstrap.backup.contents import LEDGER, files_in_order
from polybot.bootstrap.backup.manifest import CONFIG_NAME, MANIFEST_NAME, Manifest, StoredFile
from polybot.errors import StorageError
from polybot.ports import Clock
from polybot.runtime.disk import storage_error, sync_directory

_LEVEL: Final = 3
_MODE: Final = 0o600
_CHUNK_BYTES: Final = 1 << 20


class Source(msgspec.Struct, frozen=True):
    """What is backed up; `config` is the configuration file's path, which may not exist."""

    state_dir: Path
    floor: str
    config: Path
    without: frozenset[str] = frozenset()


def create(source: Source, target: Path, clock: Clock, told: Callable[[int], None]) -> Manifest:
    """Write a backup of a floor, running or not, to a new file that only its owner may read.

    The file has its name only when it is whole and on the disk. `told` hears the bytes read so far.
    Raises StorageError (DiskFull) when something cannot be read or written; nothing is left then.
    """
    unfinished = target.with_name(f"{target.name}.part")
    try:
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = _opened_anew(unfinished)
        try:
            with os.fdopen(handle, "wb") as file:
                manifest = _write(source, file, clock, told)
                file.flush()
                os.fsync(file.fileno())
            unfinished.rename(target)
        finally:
            with contextlib.suppress(OSError):
                unfinished.unlink()
        sync_directory(target.parent)
    except OSError as error:
        raise storage_error(error, target) from error
    return manifest


def _opened_anew(path: Path) -> int:
    """Open a file that was not there, so that no link of somebody's leads the state elsewhere."""
    with contextlib.suppress(FileNotFoundError):
        if path.lstat().st_uid != os.geteuid():
            raise StorageError(f"expected nothing at {path}, was another user's; remove it first")
        # What a killed backup left.
        path.unlink()
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    return os.open(path, flags, _MODE)


def _write(source: Source, file: BinaryIO, clock: Clock, told: Callable[[int], None]) -> Manifest:
    created_ns = clock.now_ns()
    packer = zstandard.ZstdCompressor(level=_LEVEL, write_checksum=True)
    with (
        packer.stream_writer(file, closefd=False) as packed,
        tarfile.open(fileobj=packed, mode="w|", format=tarfile.PAX_FORMAT) as archive,
    ):
        writer = _Writer(archive, created_ns // 1_000_000_000, told)
        with _copied_ledger(source.state_dir / LEDGER) as ledger:
            if ledger is not None:
                writer.add(LEDGER, ledger)
        for path in files_in_order(source.state_dir, source.without):
            # Trimmed or replaced meanwhile: what replaced it is listed, or in the archive.
            with contextlib.suppress(FileNotFoundError):
                writer.add(path, source.state_dir / path)
        if source.config.is_file():
            writer.add(CONFIG_NAME, source.config)
        manifest = Manifest(
            created_ns=created_ns,
            program=__version__,
            floor=source.floor,
            files=tuple(writer.files),
        )
        writer.add_text(MANIFEST_NAME, msgspec.json.format(msgspec.json.encode(manifest)))
    return manifest


@contextlib.contextmanager
def _copied_ledger(path: Path) -> Iterator[Path | None]:
    """Yield a copy of the database as of one moment, None when there is no database."""
    if not path.is_file():
        yield None
        return
    # Beside the database: the disk that holds the one has room for the other, or says so.
    with tempfile.TemporaryDirectory(prefix=".backup-", dir=path.parent) as directory:
        copy = Path(directory) / path.name
        try:
            with (
                contextlib.closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as live,
                contextlib.closing(sqlite3.connect(copy)) as target,
            ):
                live.backup(target)
                # A reader of the copy must not need a second file beside it.
                target.execute("PRAGMA journal_mode = DELETE")
        except sqlite3.Error as error:
            raise StorageError(
                f"cannot copy {path}: {error}; `polybot doctor` looks at the database"
            ) from error
        yield copy


class _Writer:
    """Adds files to a tar stream and keeps what the manifest says of them."""

    def __init__(self, archive: tarfile.TarFile, mtime_s: int, told: Callable[[int], None]) -> None:
        self._archive = archive
        self._mtime_s = mtime_s
        self._told = told
        self._bytes = 0
        self.files: list[StoredFile] = []

    def add(self, name: str, path: Path) -> None:
        """Add a file as long as it is now: what is appended meanwhile is left out."""
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            hashed = _Hashed(file)
            self._archive.addfile(self._info(name, size), hashed)
        self.files.append(StoredFile(path=name, size_bytes=size, sha256=hashed.sha256))
        self._bytes += size
        self._told(self._bytes)

    def add_text(self, name: str, data: bytes) -> None:
        """Add a file that is only in memory, which the manifest does not list."""
        self._archive.addfile(self._info(name, len(data)), io.BytesIO(data))

    def _info(self, name: str, size: int) -> tarfile.TarInfo:
        info = tarfile.TarInfo(name)
        info.size, info.mode, info.mtime = size, _MODE, self._mtime_s
        return info


class _Hashed(io.RawIOBase):
    """Reads a file and hashes what was read of it."""

    def __init__(self, file: IO[bytes]) -> None:
        super().__init__()
        self._file = file
        self._hash = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        """Return the next bytes."""
        data = self._file.read(min(size, _CHUNK_BYTES) if size >= 0 else size)
        self._hash.update(data)
        return data

    @property
    def sha256(self) -> str:
        """The hash of everything read so far, hexadecimal."""
        return self._hash.hexdigest()
