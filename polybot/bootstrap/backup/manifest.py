"""What a backup says of itself: its last member, so that half a file is never taken for one."""

import msgspec

from polybot.errors import StorageError

MANIFEST_NAME = "manifest.json"
# A backup of a later format is refused, not guessed at.
FORMAT = 1
SUFFIX = ".tar.zst"
# In the state directory itself; never part of a backup.
BACKUPS_NAME = "backups"
CONFIG_NAME = "config/polybot.toml"


class BackupDamaged(StorageError):
    """A backup file is not what was written: cut short, changed, or not one of ours."""


class StoredFile(msgspec.Struct, frozen=True, kw_only=True):
    """One file of a backup; `path` is relative to the state directory, `sha256` hexadecimal."""

    path: str
    size_bytes: int
    sha256: str


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """When, of what and by which program a backup was made, and every file in it.

    `floor` is the kind of floor (synthetic, live, ...), `created_ns` wall time.
    """

    format: int = FORMAT
    created_ns: int
    program: str
    floor: str
    files: tuple[StoredFile, ...]


def decode_manifest(data: bytes, name: str) -> Manifest:
    """Read a manifest; raises BackupDamaged, StorageError for one of a later version."""
    try:
        head = msgspec.json.decode(data, type=_Format)
        if head.format > FORMAT:
            raise StorageError(
                f"expected a backup of format {FORMAT} or earlier in {name}, was {head.format}: "
                "it was made by a later polybot; install that one"
            )
        return msgspec.json.decode(data, type=Manifest)
    except msgspec.MsgspecError as error:
        raise BackupDamaged(f"expected a manifest in {name}, was unreadable: {error}") from error


class _Format(msgspec.Struct):
    format: int
