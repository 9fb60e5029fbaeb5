"""A restore is whole or not at all, never over a state, and never armed."""

import os
from pathlib import Path

import pytest

from polybot.bootstrap.backup.create import Source, create
from polybot.bootstrap.backup.manifest import BackupDamaged
from polybot.bootstrap.backup.restore import examine, restore
from polybot.errors import StorageError
from polybot.runtime.journal_verify import verify
from tests.fakes import FakeClock
from tests.unit.bootstrap.backup.damages import (
    break_checkpoint,
    break_database,
    break_journal,
    cut_journal,
)
from tests.unit.bootstrap.backup.states import write_state, written


def nobody(_: int) -> None:
    """Hear nothing."""


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return write_state(tmp_path / "state")


def backed_up(state: Path) -> Path:
    target = state.parent / "one.tar.zst"
    config = state.parent / "polybot.toml"
    config.write_text("")
    create(Source(state, "synthetic", config), target, FakeClock(), nobody)
    return target


def test_a_restored_state_is_the_one_backed_up_but_not_armed(state: Path, tmp_path: Path) -> None:
    new = tmp_path / "new machine" / "state"
    restore(backed_up(state), new, nobody)
    back = written(new)
    assert "arming.json" not in back
    assert not (new / "config").exists()
    assert back["trader/tape/tape-00000001-aa.zst"] == b"taped"
    assert verify(new / "trader").last_seq == 10
    assert sorted(os.listdir(new)) == sorted(
        name for name in os.listdir(state) if name not in ("arming.json", "fence.spare", "backups")
    )


def test_a_state_is_never_overwritten(state: Path) -> None:
    before = written(state)
    with pytest.raises(StorageError, match=r"to be empty, was not .*never overwrites"):
        restore(backed_up(state), state, nobody)
    assert written(state) == before


def test_backups_and_interrupted_restores_do_not_count_as_a_state(
    state: Path, tmp_path: Path
) -> None:
    new = tmp_path / "new"
    (new / "backups").mkdir(parents=True)
    (new / ".restoring-abc" / "trader").mkdir(parents=True)
    restore(backed_up(state), new, nobody)
    assert not list(new.glob(".restoring*"))
    assert (new / "backups").is_dir()


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (break_journal, "trader: changed record"),
        (cut_journal, "trader: expected its journal to reach event 10"),
        (break_database, "tracker/ledger.sqlite: "),
        (break_checkpoint, "trader: "),
    ],
)
def test_what_no_floor_could_go_on_from_is_not_restored(
    state: Path, tmp_path: Path, damage: object, words: str
) -> None:
    assert examine(backed_up(state), nobody).problems == ()
    backed_up(state).unlink()
    damage(state)  # type: ignore[operator]
    target = state.parent / "two.tar.zst"
    create(Source(state, "synthetic", tmp_path / "none"), target, FakeClock(), nobody)
    examined = examine(target, nobody)
    assert words in "; ".join(examined.problems)
    new = tmp_path / "new"
    with pytest.raises(BackupDamaged, match="not fit to go on from"):
        restore(target, new, nobody)
    assert os.listdir(new) == []
    assert not list(tmp_path.glob(".restoring*"))
