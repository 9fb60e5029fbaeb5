"""Unpacks a backup into an empty directory, and holds every byte against its manifest."""

import hashlib
import os
import tarfile
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import IO, Final, Protocol

import zstandard

from polybot.bootstrap.backup.manifest import (
    MANIFEST_NAME,
    BackupDamaged,
    Manifest,
    StoredFile,
    decode_manifest,
)
from polybot.runtime.disk import storage_error

_CHUNK_BYTES: Final = 1 << 20
# Far more than the manifest of a floor of years.
_MOST_MANIFEST_BYTES: Final = 64 << 20
# For the owner alone, whatever the umask is: key and API credentials.
_PRIVATE: Final = "wallet/"


def read_manifest(backup: Path, told: Callable[[int], None]) -> Manifest:
    """Read a backup to its end, hold every byte against its manifest, and write nothing.

    Raises BackupDamaged for a file that is not whole or not ours, StorageError when it cannot be
    read.
    """
    return _read(backup, _Reader(None, told))


def unpack(backup: Path, directory: Path, told: Callable[[int], None]) -> Manifest:
    """Write a backup's files below an empty directory; every file is synced and checked.

    `told` hears the bytes written so far. Raises BackupDamaged for a file that is not whole or not
    ours, StorageError (DiskFull) when the disk refuses. What was written before stays for the
    caller to remove.
    """
    return _read(backup, _Reader(directory, told))


def _read(backup: Path, reader: "_Reader") -> Manifest:
    try:
        with (
            backup.open("rb") as file,
            zstandard.ZstdDecompressor().stream_reader(file) as unpacked,
            tarfile.open(fileobj=unpacked, mode="r|") as archive,
        ):
            for member in archive:
                content = archive.extractfile(member)
                if content is None:
                    raise BackupDamaged(
                        f"expected only files in {backup}, was also {member.name!r}; it is not "
                        "one of ours"
                    )
                reader.take(member.name, content)
    except (tarfile.TarError, zstandard.ZstdError, EOFError) as error:
        raise BackupDamaged(f"expected a whole backup in {backup}, was not: {error}") from error
    except OSError as error:
        at = backup if error.filename is None else Path(os.fsdecode(error.filename))
        raise storage_error(error, at) from error
    return reader.finished(backup)


class _Reader:
    """Takes one file after the other; without a directory they are only looked at."""

    def __init__(self, directory: Path | None, told: Callable[[int], None]) -> None:
        self._directory = directory
        self._told = told
        self._bytes = 0
        self._found: dict[str, StoredFile] = {}
        self._manifest: bytes | None = None

    def take(self, name: str, content: IO[bytes]) -> None:
        """Take one file, or keep the manifest."""
        if self._manifest is not None:
            raise BackupDamaged(f"expected the manifest to be the last file, was {name!r}")
        if name == MANIFEST_NAME:
            self._manifest = content.read(_MOST_MANIFEST_BYTES)
            return
        path = _safe(name)
        if self._directory is None:
            self._found[name] = self._copied(name, content, _Nowhere())
        else:
            self._found[name] = self._write(name, self._directory / path, content)

    def finished(self, backup: Path) -> Manifest:
        """Return the manifest once every file is what it says."""
        if self._manifest is None:
            raise BackupDamaged(f"expected a manifest at the end of {backup}, was none: cut short")
        manifest = decode_manifest(self._manifest, str(backup))
        listed = {file.path: file for file in manifest.files}
        for path in sorted(listed.keys() | self._found.keys()):
            if listed.get(path) != self._found.get(path):
                raise BackupDamaged(
                    f"expected {path} in {backup} as its manifest says, was {self._found.get(path)}"
                )
        return manifest

    def _write(self, name: str, path: Path, content: IO[bytes]) -> StoredFile:
        private = name.startswith(_PRIVATE)
        path.parent.mkdir(mode=0o700 if private else 0o770, parents=True, exist_ok=True)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        with os.fdopen(os.open(path, flags, 0o600 if private else 0o660), "wb") as file:
            stored = self._copied(name, content, file)
            file.flush()
            os.fsync(file.fileno())
        return stored

    def _copied(self, name: str, content: IO[bytes], file: "_Writable") -> StoredFile:
        digest, size = hashlib.sha256(), 0
        while data := content.read(_CHUNK_BYTES):
            file.write(data)
            digest.update(data)
            size += len(data)
            self._told(self._bytes + size)
        self._bytes += size
        return StoredFile(path=name, size_bytes=size, sha256=digest.hexdigest())


class _Writable(Protocol):
    def write(self, data: bytes, /) -> int: ...


class _Nowhere:
    def write(self, data: bytes, /) -> int:
        return len(data)


def _safe(name: str) -> PurePosixPath:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or not path.parts:
        raise BackupDamaged(f"expected only files below a state directory, was {name!r}")
    return path
