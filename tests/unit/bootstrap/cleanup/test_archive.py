"""Tests of which archived journal may go: what a whole backup holds, byte for byte."""

from pathlib import Path

import pytest

from polybot.bootstrap.cleanup.archive import archived
from tests.unit.bootstrap.cleanup.floors import ARCHIVED, back_up, loaded_of, make_state, named


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return make_state(tmp_path / "state")


def look(state: Path, **settings: str) -> tuple[list[str], str]:
    notes: list[str] = []
    found = list(archived(loaded_of(state, **settings), lambda _: None, notes))
    return named(state, [finding.path for finding in found]), "; ".join(notes)


def test_what_no_backup_holds_stays(state: Path) -> None:
    found, notes = look(state)
    assert found == []
    assert "1 archived journal segments (0.0 MiB) stay" in notes
    assert "polybot backup create" in notes


def test_what_a_whole_backup_holds_may_go(state: Path) -> None:
    backup = back_up(state)
    notes: list[str] = []
    (found,) = archived(loaded_of(state), lambda _: None, notes)
    assert found.path == state / ARCHIVED
    assert backup.name in found.why
    assert notes == []


def test_a_backup_without_the_archive_holds_none_of_it(state: Path) -> None:
    back_up(state, without=("archive",))
    assert look(state)[0] == []


def test_an_older_backup_stands_for_it_too(state: Path) -> None:
    back_up(state, days_ago=1)
    back_up(state, without=("archive",))
    assert look(state)[0] == [ARCHIVED]


def test_a_backup_that_is_about_to_go_stands_for_nothing(state: Path) -> None:
    back_up(state, days_ago=1)
    back_up(state, without=("archive",))
    assert look(state, backup__keep="1")[0] == []


def test_other_bytes_than_the_backup_s_stay(state: Path) -> None:
    back_up(state)
    (state / ARCHIVED).write_text("other bytes")
    assert look(state)[0] == []


@pytest.mark.parametrize("part", [0.3, 0.99])
def test_a_backup_that_is_not_whole_stands_for_nothing(state: Path, part: float) -> None:
    backup = back_up(state)
    data = backup.read_bytes()
    backup.write_bytes(data[: int(len(data) * part)])
    found, notes = look(state)
    assert found == []
    assert "a backup is worth nothing: " in notes


def test_a_changed_byte_in_a_backup_is_seen(state: Path) -> None:
    backup = back_up(state)
    data = bytearray(backup.read_bytes())
    data[len(data) // 2] ^= 1
    backup.write_bytes(data)
    assert look(state)[0] == []


def test_while_the_database_is_rebuilt_from_it_nothing_goes(state: Path) -> None:
    back_up(state)
    (state / "tracker" / "rebuilding").write_text("it was damaged")
    found, notes = look(state)
    assert found == []
    assert "being rebuilt" in notes


def test_without_an_archive_no_backup_is_read(state: Path) -> None:
    back_up(state).write_text("worth nothing")
    (state / ARCHIVED).unlink()
    assert look(state) == ([], "")
