"""Tests of `polybot backup`: what a person types, sees, and is refused."""

import os
import pwd
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from polybot.cli import identity
from polybot.cli.processes import FloorProcess
from tests.forked import GROUP, SERVICE, needs_root
from tests.unit.bootstrap.backup.states import write_state
from tests.unit.cli.conftest import Command


@pytest.fixture
def state(state_dir: Path) -> Path:
    """Fill this test's state directory."""
    return write_state(state_dir)


def dated(state: Path) -> list[Path]:
    return sorted((state / "backups").glob("polybot-synthetic-*.tar.zst"))


def test_a_backup_is_dated_checked_and_told(polybot: Command, state: Path) -> None:
    told = polybot("backup", "create").stdout.splitlines()
    (made,) = dated(state)
    assert told[0].startswith(f"{made}: ")
    assert "of a synthetic floor" in told[0]
    assert told[1] == "read back and checked: a floor can go on from it"
    assert "whole: a floor can go on" in polybot("backup", "verify", str(made)).stdout


def test_it_is_told_as_json(polybot_json: Callable[..., Any], state: Path, tmp_path: Path) -> None:
    out = tmp_path / "one.tar.zst"
    made = polybot_json("backup", "create", "--out", str(out), "--without", "tape")
    assert made["file"] == str(out)
    assert (made["floor"], made["problems"]) == ("synthetic", [])
    assert made["packed_bytes"] == out.stat().st_size
    assert polybot_json("backup", "verify", str(out)) == made
    assert dated(state) == []


def test_only_the_newest_dated_ones_are_kept(polybot: Command, state: Path) -> None:
    for day in range(1, 6):
        name = f"polybot-synthetic-2026-01-0{day}T000000Z.tar.zst"
        (state / "backups" / name).write_text("older")
    other = state / "backups" / "polybot-live-2026-01-01T000000Z.tar.zst"
    other.write_text("of another floor")
    polybot("backup", "create", "--keep", "3")
    kept = dated(state)
    assert [path.name[18:28] for path in kept[:2]] == ["2026-01-04", "2026-01-05"]
    assert len(kept) == 3
    assert other.exists()
    assert (state / "backups" / "older.tar.zst").exists()


@pytest.mark.usefixtures("state")
def test_an_unfit_state_is_told_and_kept_for_a_person(polybot: Command, state: Path) -> None:
    journal = next((state / "trader").glob("journal-*.log"))
    data = bytearray(journal.read_bytes())
    data[100] ^= 1
    journal.write_bytes(data)
    older = state / "backups" / "polybot-synthetic-2026-01-01T000000Z.tar.zst"
    older.write_text("perhaps fit")
    told = polybot("backup", "create", "--keep", "1", code=1).stdout
    assert "trader: changed record" in told
    assert "not fit to go on from; no older backup was removed" in told
    kept, made = dated(state)
    assert kept == older
    assert "not fit to go on from" in polybot("backup", "verify", str(made), code=1).stdout


def test_a_backup_comes_back_on_another_machine(
    polybot: Command, state: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "one.tar.zst"
    polybot("backup", "create", "--out", str(out))
    monkeypatch.setenv("POLYBOT_STATE_DIR", str(tmp_path / "new"))
    told = polybot("backup", "restore", str(out))
    assert f"restored into {tmp_path / 'new'}; not armed" in told.stdout
    assert "polybot audit" in told.stdout
    assert told.stderr == ""
    assert sorted(os.listdir(tmp_path / "new" / "trader")) == [
        name for name in sorted(os.listdir(state / "trader")) if not name.startswith("journal.")
    ]


@pytest.mark.usefixtures("state")
def test_a_floor_of_another_kind_is_pointed_out(
    polybot: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "one.tar.zst"
    polybot("backup", "create", "--out", str(out))
    monkeypatch.setenv("POLYBOT_STATE_DIR", str(tmp_path / "new"))
    monkeypatch.setenv("POLYBOT__MODE", "paper")
    assert "is of a synthetic floor" in polybot("backup", "restore", str(out)).stderr


@pytest.mark.usefixtures("state")
@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("create", "--without", "journals"), 2, "expected --without tape, archive, requests"),
        (("create", "--out", "/etc/hostname"), 2, "there is one; name another"),
        (("verify", "/nowhere/x.tar.zst"), 2, "expected a backup at /nowhere"),
        (("verify", "/etc/hostname"), 1, "expected a whole backup in /etc/hostname"),
        (("restore", "/nowhere/x.tar.zst"), 2, "expected a backup at /nowhere"),
    ],
)
def test_what_makes_no_sense_is_refused(
    polybot: Command, arguments: tuple[str, ...], code: int, words: str
) -> None:
    assert words in polybot("backup", *arguments, code=code).stderr


def test_without_a_state_there_is_nothing_to_back_up(polybot: Command, state_dir: Path) -> None:
    assert "nothing to back up" in polybot("backup", "create", code=1).stderr
    assert os.listdir(state_dir) == []


def test_a_state_is_never_overwritten(polybot: Command, state: Path, tmp_path: Path) -> None:
    out = tmp_path / "one.tar.zst"
    polybot("backup", "create", "--out", str(out))
    assert "never overwrites a state" in polybot("backup", "restore", str(out), code=1).stderr
    assert (state / "arming.json").exists()


@needs_root
def test_what_root_leaves_in_an_installations_state_is_the_services(
    polybot: Command, state: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    user = pwd.struct_passwd(("polybot", "x", SERVICE, GROUP, "", "/var/lib/polybot", ""))
    monkeypatch.setattr(identity, "service_user", lambda: user)
    monkeypatch.setattr("polybot.cli.backup.is_service_floor", lambda _: True)
    out = tmp_path / "one.tar.zst"
    polybot("backup", "create", "--out", str(out))
    state.rename(tmp_path / "before")
    polybot("backup", "restore", str(out))
    assert {path.stat().st_uid for path in state.rglob("*")} == {SERVICE}
    assert out.stat().st_uid == 0
    monkeypatch.setattr("polybot.cli.backup.floor_processes", lambda _: [FloorProcess(1, "trader")])
    refused = polybot("backup", "restore", str(out), code=6)
    assert "polybot stop" in refused.stderr
