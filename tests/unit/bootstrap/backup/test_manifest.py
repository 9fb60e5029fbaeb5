import msgspec
import pytest

from polybot.bootstrap.backup.manifest import (
    FORMAT,
    BackupDamaged,
    Manifest,
    StoredFile,
    decode_manifest,
)
from polybot.errors import StorageError

MADE = Manifest(
    created_ns=1,
    program="0.2.0",
    floor="live",
    files=(StoredFile(path="trader/x", size_bytes=3, sha256="ab"),),
)


def test_a_manifest_is_read_as_it_was_written() -> None:
    assert decode_manifest(msgspec.json.encode(MADE), "x.tar.zst") == MADE


@pytest.mark.parametrize("data", [b"", b"{}", b"[]", b'{"format": 1}', b"\xff"])
def test_what_is_no_manifest_is_damage(data: bytes) -> None:
    with pytest.raises(BackupDamaged, match=r"x\.tar\.zst"):
        decode_manifest(data, "x.tar.zst")


def test_one_of_a_later_format_says_what_to_do() -> None:
    later = msgspec.json.encode({"format": FORMAT + 1, "everything": "else"})
    with pytest.raises(StorageError, match="install that one") as refused:
        decode_manifest(later, "x.tar.zst")
    assert not isinstance(refused.value, BackupDamaged)
