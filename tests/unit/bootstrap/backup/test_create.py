"""A backup holds all that lasts, and its file is whole or absent."""

import os
import subprocess
from contextlib import suppress
from pathlib import Path

import pytest

from polybot.adapters.storage.ledger import Ledger
from polybot.bootstrap.backup.create import Source, create
from polybot.bootstrap.backup.manifest import Manifest
from polybot.bootstrap.backup.unpack import unpack
from polybot.errors import DiskFull, StorageError
from tests.fakes import FakeClock
from tests.forked import STRANGER, needs_root
from tests.unit.bootstrap.backup.states import write_state, written


def made(tmp_path: Path, *without: str) -> tuple[Path, Manifest]:
    state = write_state(tmp_path / "state")
    config = tmp_path / "polybot.toml"
    config.write_text("mode = 'synthetic'\n")
    target = tmp_path / "kept" / "one.tar.zst"
    source = Source(state, "synthetic", config, frozenset(without))
    return target, create(source, target, FakeClock(), lambda _: None)


def test_all_that_lasts_comes_back_byte_for_byte(tmp_path: Path) -> None:
    target, manifest = made(tmp_path)
    out = tmp_path / "out"
    out.mkdir()
    assert unpack(target, out, lambda _: None) == manifest
    back, was = written(out), written(tmp_path / "state")
    assert back.pop("config/polybot.toml") == b"mode = 'synthetic'\n"
    # Copied by SQLite itself, so its content is compared.
    del back["tracker/ledger.sqlite"], was["tracker/ledger.sqlite"]
    made_again = {"fence.spare", "backups/older.tar.zst"}
    made_again |= {name for name in was if name.endswith((".spare", ".reserve", ".lock"))}
    assert back == {name: data for name, data in was.items() if name not in made_again}
    ledger = Ledger.open(out / "tracker" / "ledger.sqlite", FakeClock())
    assert ledger.positions() == {"trader": 10}
    ledger.close()


def test_it_is_for_this_user_alone_and_leaves_nothing_else(tmp_path: Path) -> None:
    before = set(written(write_state(tmp_path / "other")))
    target, _ = made(tmp_path)
    assert target.stat().st_mode & 0o777 == 0o600
    assert os.listdir(target.parent) == [target.name]
    assert set(written(tmp_path / "state")) == before


def test_what_a_writer_has_not_checkpointed_yet_is_in_the_copy(tmp_path: Path) -> None:
    state = write_state(tmp_path / "state")
    writer = Ledger.open(state / "tracker" / "ledger.sqlite", FakeClock())
    assert (state / "tracker" / "ledger.sqlite-wal").exists()
    target = tmp_path / "one.tar.zst"
    manifest = create(
        Source(state, "synthetic", tmp_path / "none"), target, FakeClock(), lambda _: None
    )
    writer.close()
    assert not [file for file in manifest.files if "-wal" in file.path]
    out = tmp_path / "out"
    out.mkdir()
    unpack(target, out, lambda _: None)
    copy = Ledger.open(out / "tracker" / "ledger.sqlite", FakeClock())
    assert copy.positions() == {"trader": 10}
    copy.close()


@pytest.mark.parametrize(
    ("without", "path"),
    [
        ("tape", "trader/tape/tape-00000001-aa.zst"),
        ("archive", "trader/archive/journal-0000000000000001.log.zst"),
        ("requests", "simulator/requests.jsonl"),
    ],
)
def test_what_only_looks_back_can_be_left_out(tmp_path: Path, without: str, path: str) -> None:
    _, whole = made(tmp_path / "whole")
    _, less = made(tmp_path / "less", without)
    left_out = {file.path for file in whole.files} - {file.path for file in less.files}
    assert left_out == {path}


def test_a_database_that_cannot_be_copied_is_named(tmp_path: Path) -> None:
    state = write_state(tmp_path / "state")
    (state / "tracker" / "ledger.sqlite").write_bytes(b"no database" * 1000)
    target = tmp_path / "one.tar.zst"
    with pytest.raises(StorageError, match=r"cannot copy .*ledger\.sqlite"):
        create(Source(state, "synthetic", state), target, FakeClock(), lambda _: None)
    assert not list(tmp_path.glob("one*"))


def test_a_full_disk_leaves_no_half_a_backup(tmp_path: Path) -> None:
    state = write_state(tmp_path / "state")
    (state / "noise").write_bytes(os.urandom(200_000))
    small = tmp_path / "small"
    small.mkdir()
    mounting = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(small)]
    if os.geteuid() != 0 or subprocess.run(mounting, check=False).returncode != 0:
        pytest.skip("only root may mount a tiny disk")
    try:
        with pytest.raises(DiskFull, match="free space"):
            create(
                Source(state, "synthetic", state),
                small / "one.tar.zst",
                FakeClock(),
                lambda _: None,
            )
        assert os.listdir(small) == []
    finally:
        with suppress(subprocess.CalledProcessError):
            subprocess.run(["umount", "--lazy", str(small)], check=True)


def test_nothing_is_written_through_what_lies_where_the_draft_goes(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text("theirs")
    elsewhere.chmod(0o644)
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "one.tar.zst.part").symlink_to(elsewhere)
    target, _ = made(tmp_path)
    assert elsewhere.read_text() == "theirs"
    assert not target.is_symlink()
    assert os.listdir(target.parent) == [target.name]


def test_what_a_killed_backup_left_is_replaced_by_a_file_for_this_user(tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir()
    stale = tmp_path / "kept" / "one.tar.zst.part"
    stale.write_text("half")
    stale.chmod(0o666)
    target, _ = made(tmp_path)
    assert target.stat().st_mode & 0o777 == 0o600


@needs_root
def test_another_user_s_file_in_the_draft_s_place_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir()
    theirs = tmp_path / "kept" / "one.tar.zst.part"
    theirs.write_text("theirs")
    os.chown(theirs, STRANGER, STRANGER)
    with pytest.raises(StorageError, match="was another user's; remove it first"):
        made(tmp_path)
    assert theirs.read_text() == "theirs"
