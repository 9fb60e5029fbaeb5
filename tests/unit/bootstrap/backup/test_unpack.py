"""Whatever happened to a backup file shows, and nothing is written outside of its directory."""

import io
import os
import tarfile
from pathlib import Path

import msgspec
import pytest
import zstandard

from polybot.bootstrap.backup.create import Source, create
from polybot.bootstrap.backup.manifest import BackupDamaged, Manifest, StoredFile
from polybot.bootstrap.backup.unpack import read_manifest, unpack
from polybot.errors import StorageError
from tests.fakes import FakeClock
from tests.unit.bootstrap.backup.states import write_state

EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


@pytest.fixture
def backup(tmp_path: Path) -> Path:
    target = tmp_path / "one.tar.zst"
    state = write_state(tmp_path / "state")
    create(Source(state, "synthetic", tmp_path / "none"), target, FakeClock(), lambda _: None)
    return target


@pytest.fixture
def out(tmp_path: Path) -> Path:
    directory = tmp_path / "out"
    directory.mkdir()
    return directory


def packed(path: Path, members: dict[str, bytes], *, kind: bytes = tarfile.REGTYPE) -> Path:
    """Write an archive of these members, whatever they are."""
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w") as archive:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size, info.type = len(data), kind
            archive.addfile(info, io.BytesIO(data))
    path.write_bytes(zstandard.ZstdCompressor().compress(raw.getvalue()))
    return path


def manifest_of(*paths: str, **changes: object) -> bytes:
    files = tuple(StoredFile(path=path, size_bytes=0, sha256=EMPTY) for path in paths)
    made = Manifest(created_ns=1, program="0", floor="synthetic", files=files)
    return msgspec.json.encode({**msgspec.to_builtins(made), **changes})


@pytest.mark.parametrize("part", [0.0, 0.1, 0.5, 0.9, 0.999])
def test_half_a_file_is_never_taken_for_a_whole_one(backup: Path, out: Path, part: float) -> None:
    data = backup.read_bytes()
    backup.write_bytes(data[: int(len(data) * part)])
    with pytest.raises(BackupDamaged, match=r"one\.tar\.zst"):
        unpack(backup, out, lambda _: None)


@pytest.mark.parametrize("at", [0.01, 0.3, 0.6, 0.95])
def test_a_changed_byte_shows(backup: Path, out: Path, at: float) -> None:
    data = bytearray(backup.read_bytes())
    data[int(len(data) * at)] ^= 0x10
    backup.write_bytes(data)
    with pytest.raises(BackupDamaged):
        unpack(backup, out, lambda _: None)


def test_a_file_that_is_no_backup_is_refused(tmp_path: Path, out: Path) -> None:
    (tmp_path / "x").write_text("a letter to my aunt")
    with pytest.raises(BackupDamaged):
        unpack(tmp_path / "x", out, lambda _: None)


@pytest.mark.parametrize("name", ["../outside", "/etc/outside", "a/../../outside"])
def test_nothing_is_written_outside(tmp_path: Path, out: Path, name: str) -> None:
    bad = packed(tmp_path / "bad", {name: b"", "manifest.json": manifest_of(name)})
    with pytest.raises(BackupDamaged, match="below a state directory"):
        unpack(bad, out, lambda _: None)
    assert not (tmp_path / "outside").exists()


def test_links_are_refused(tmp_path: Path, out: Path) -> None:
    bad = packed(tmp_path / "bad", {"a": b""}, kind=tarfile.DIRTYPE)
    with pytest.raises(BackupDamaged, match="only files"):
        unpack(bad, out, lambda _: None)


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ({"a": b""}, "expected a manifest at the end"),
        ({"a": b"", "manifest.json": manifest_of()}, "expected a in"),
        ({"manifest.json": manifest_of("a")}, "expected a in"),
        ({"a": b"x", "manifest.json": manifest_of("a")}, "expected a in"),
        ({"manifest.json": manifest_of("a"), "a": b""}, "manifest to be the last"),
        ({"manifest.json": b"{"}, "unreadable"),
    ],
)
def test_every_file_is_what_the_manifest_says(
    tmp_path: Path, out: Path, members: dict[str, bytes], words: str
) -> None:
    with pytest.raises(BackupDamaged, match=words):
        unpack(packed(tmp_path / "bad", members), out, lambda _: None)


def test_a_backup_of_a_later_polybot_says_what_to_do(tmp_path: Path, out: Path) -> None:
    later = packed(tmp_path / "later", {"manifest.json": manifest_of(format=2, files="new")})
    with pytest.raises(StorageError, match="later polybot; install that one"):
        unpack(later, out, lambda _: None)


def test_a_backup_is_read_to_its_end_without_writing_anything(backup: Path, tmp_path: Path) -> None:
    before = sorted(tmp_path.rglob("*"))
    read: list[int] = []
    manifest = read_manifest(backup, read.append)
    assert sorted(tmp_path.rglob("*")) == before
    assert read[-1] == sum(file.size_bytes for file in manifest.files)


@pytest.mark.parametrize("part", [0.0, 0.5, 0.999])
def test_half_a_file_is_not_whole_for_who_only_reads_either(backup: Path, part: float) -> None:
    data = backup.read_bytes()
    backup.write_bytes(data[: int(len(data) * part)])
    with pytest.raises(BackupDamaged, match=r"one\.tar\.zst"):
        read_manifest(backup, lambda _: None)


def test_the_wallet_stays_private_whatever_the_umask_is(tmp_path: Path, out: Path) -> None:
    members = dict.fromkeys(("wallet/key", "trader/x"), b"")
    backup = packed(
        tmp_path / "a", {**members, "manifest.json": manifest_of("wallet/key", "trader/x")}
    )
    before = os.umask(0o007)
    try:
        unpack(backup, out, lambda _: None)
    finally:
        os.umask(before)
    modes = {
        path.relative_to(out).as_posix(): path.stat().st_mode & 0o777 for path in out.rglob("*")
    }
    assert modes == {"wallet": 0o700, "wallet/key": 0o600, "trader": 0o770, "trader/x": 0o660}
