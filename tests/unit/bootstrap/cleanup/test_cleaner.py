"""Tests of a cleanup as a whole: what is gone, what is untouched, and where it must not work."""

import os
from pathlib import Path

import pytest

from polybot.bootstrap.backup.check import problems
from polybot.bootstrap.cleanup.cleaner import Cleaned, NotOurs, by_kind, clean
from polybot.errors import StorageError
from tests.unit.bootstrap.backup.states import written
from tests.unit.bootstrap.cleanup.floors import (
    ARCHIVED,
    NOW_NS,
    age,
    back_up,
    loaded_of,
    make_state,
)


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """Return a state where something of several kinds may go."""
    state_dir = make_state(tmp_path / "state")
    for days_ago in (9, 8, 0):
        back_up(state_dir, days_ago=days_ago)
    draft = state_dir / "trader" / "journal.spare.tmp"
    draft.write_text("half")
    age(draft, hours=48)
    return state_dir


def run(state_dir: Path, *, dry_run: bool = False, **settings: str) -> Cleaned:
    loaded = loaded_of(state_dir, **{"backup__keep": "2", **settings})
    return clean(loaded, now_ns=NOW_NS, dry_run=dry_run, told=lambda _: None)


def test_what_may_go_is_gone_and_a_floor_could_go_on_from_the_rest(state: Path) -> None:
    before = written(state)
    cleaned = run(state)
    gone = before.keys() - written(state).keys()
    oldest = min(name for name in before if name.startswith("backups/polybot-"))
    assert gone == {oldest, ARCHIVED, "trader/journal.spare.tmp"}
    assert cleaned.freed_bytes == sum(len(before[name]) for name in gone) + cleaned.log_bytes
    assert (cleaned.notes, cleaned.problems) == ((), ())
    # Not a byte of the rest is another one, but what SQLite writes back into its file.
    rest = {name: data for name, data in written(state).items() if not name.endswith(".sqlite")}
    assert rest == {name: before[name] for name in rest}
    assert problems(state) == []


def test_a_second_one_finds_nothing(state: Path) -> None:
    run(state)
    assert run(state).removed == ()


def test_a_dry_run_says_the_same_and_changes_nothing(state: Path) -> None:
    before = written(state)
    told = run(state, dry_run=True)
    assert written(state) == before
    assert told.log_bytes == 0
    assert told.removed == run(state).removed


def test_one_thing_that_cannot_be_removed_keeps_nothing_else(
    state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Path.unlink

    def refuse(path: Path, missing_ok: bool = False) -> None:
        if path.name == "journal.spare.tmp":
            raise PermissionError(1, "Operation not permitted", str(path))
        real(path, missing_ok)

    monkeypatch.setattr(Path, "unlink", refuse)
    cleaned = run(state)
    assert [kind for kind, _, _ in by_kind(cleaned.removed)] == ["backup", "archive"]
    (problem,) = cleaned.problems
    assert "journal.spare.tmp: Operation not permitted" in problem


def test_a_damaged_database_is_told_and_left(state: Path) -> None:
    (state / "tracker" / "ledger.sqlite").write_text("no database")
    (problem,) = run(state).problems
    assert "ledger.sqlite" in problem


def test_where_no_floor_has_run_there_is_nothing_to_do(tmp_path: Path) -> None:
    (tmp_path / "mine.tmp").write_text("a person's own")
    age(tmp_path / "mine.tmp", hours=99)
    for state_dir in (tmp_path, tmp_path / "none"):
        cleaned = run(state_dir)
        assert cleaned.removed == ()
        assert "no floor has run in" in cleaned.notes[0]
    assert (tmp_path / "mine.tmp").exists()


def test_another_floor_s_state_is_not_touched(state: Path) -> None:
    (state / "floor").write_text("live\n")
    before = written(state)
    with pytest.raises(NotOurs, match="was that of live; nothing was removed"):
        run(state)
    assert written(state) == before


def test_another_user_s_state_is_not_touched(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = written(state)
    monkeypatch.setattr(os, "geteuid", lambda: 4242)
    with pytest.raises(NotOurs, match=r"was .*'s; run: sudo -u .* polybot cleanup"):
        run(state)
    assert written(state) == before


@pytest.mark.skipif(os.getuid() == 0, reason="root may write where the mode forbids it")
def test_a_directory_without_leave_to_write_is_told(state: Path) -> None:
    state.chmod(0o500)
    with pytest.raises(StorageError, match="it is read-only"):
        run(state)
    state.chmod(0o700)


def test_a_read_only_disk_is_told(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # What the kernel answers on a disk that was mounted, or has become, read-only.
    monkeypatch.setattr(os, "access", lambda *_, **__: False)
    with pytest.raises(StorageError, match=r"it is read-only.*dmesg"):
        run(state)
