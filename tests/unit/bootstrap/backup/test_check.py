"""What a floor would stumble over is named with the process it belongs to."""

from collections.abc import Callable
from pathlib import Path

import pytest

from polybot.bootstrap.backup.check import problems
from tests.unit.bootstrap.backup.damages import (
    break_checkpoint,
    break_database,
    break_journal,
    cut_journal,
)
from tests.unit.bootstrap.backup.states import write_state


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return write_state(tmp_path / "state")


def test_a_whole_state_has_no_problem(state: Path) -> None:
    assert problems(state) == []


def test_an_empty_state_has_no_problem(tmp_path: Path) -> None:
    assert problems(tmp_path) == []


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (break_journal, "trader: changed record"),
        (cut_journal, "trader: expected its journal to reach event 10, which the database holds"),
        (break_checkpoint, "trader: "),
        (break_database, "tracker/ledger.sqlite: "),
    ],
)
def test_each_damage_is_named(state: Path, damage: Callable[[Path], None], words: str) -> None:
    damage(state)
    assert problems(state)[0].startswith(words)


def test_a_journal_that_begins_later_than_any_checkpoint_is_no_beginning(state: Path) -> None:
    for path in (state / "trader").glob("journal-*.log"):
        path.rename(path.with_name("journal-0000000000000009.log"))
    assert any("expected a checkpoint at event 8 or later" in each for each in problems(state))


def test_a_database_of_a_later_program_is_a_problem(state: Path) -> None:
    path = state / "tracker" / "ledger.sqlite"
    path.write_bytes(b"SQLite format 3\0" + bytes(4080))
    assert problems(state)[0].startswith("tracker/ledger.sqlite: ")
