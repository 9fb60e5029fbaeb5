"""Tests of what a cleanup may remove, and of what none of its rules may ever name."""

from pathlib import Path

import pytest

from polybot.bootstrap.cleanup.findings import (
    MEBIBYTE,
    old_backups,
    old_request_logs,
    old_tapes,
    unfinished,
)
from polybot.config.private_files import replace_text
from tests.unit.bootstrap.cleanup.floors import (
    DAY_NS,
    NOW_NS,
    age,
    back_up,
    loaded_of,
    make_state,
    named,
)


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return make_state(tmp_path / "state")


def sized(path: Path, mebibytes: float) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        file.truncate(int(mebibytes * MEBIBYTE))
    return path


def test_no_rule_names_what_a_floor_lives_on(state: Path) -> None:
    for path in [state, *state.rglob("*")]:
        age(path, hours=24 * 365)
    loaded = loaded_of(state)
    assert [
        *unfinished(state, NOW_NS + 365 * DAY_NS),
        *old_backups(loaded),
        *old_tapes(loaded),
        *old_request_logs(loaded),
    ] == []


@pytest.mark.parametrize(
    "name",
    [
        "trader/checkpoint-000000000005.json.tmp",
        "trader/journal.spare.tmp",
        "trader/archive/journal-0000000000000001.log.zst.tmp",
        "backups/polybot-synthetic-2026-11-22T022300Z.tar.zst.part",
        "tracker/.backup-ab12/ledger.sqlite",
        ".restoring-ab12/trader/journal-0000000000000001.log",
        ".trial-ab12/ledger.sqlite",
    ],
)
def test_what_a_killed_process_left_goes_once_it_is_old(state: Path, name: str) -> None:
    path = sized(state / name, 1)
    top = path.parent if ".backup-" in name or ".trial-" in name else path
    top = state / ".restoring-ab12" if ".restoring-" in name else top
    for each in [path, *path.parents]:
        if each.is_relative_to(top):
            age(each, hours=7)
    (found,) = unfinished(state, NOW_NS)
    assert (found.path, found.size_bytes) == (top, MEBIBYTE)
    age(path, hours=1)
    assert list(unfinished(state, NOW_NS)) == []


def test_the_draft_of_a_killed_replacement_goes_once_it_is_old(
    state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(self: Path, target: Path) -> Path:
        del target
        raise KeyboardInterrupt(self)

    before = set(state.iterdir())
    monkeypatch.setattr(Path, "replace", killed)
    with pytest.raises(KeyboardInterrupt):
        replace_text(state / "arming.json", "{}", private=True)
    (draft,) = set(state.iterdir()) - before
    age(draft, hours=7)
    assert [found.path for found in unfinished(state, NOW_NS)] == [draft]


def test_a_link_is_left_alone(state: Path, tmp_path: Path) -> None:
    age(sized(tmp_path / "mine.tmp", 1), hours=9)
    (state / "linked.tmp").symlink_to(tmp_path / "mine.tmp")
    assert list(unfinished(state, NOW_NS)) == []


def test_dated_backups_beyond_those_kept_go(state: Path) -> None:
    made = [back_up(state, days_ago=days) for days in (3, 2, 1, 0)]
    kept_two = loaded_of(state, backup__keep="2")
    assert [finding.path for finding in old_backups(kept_two)] == made[:2]
    assert list(old_backups(loaded_of(state, backup__keep="0"))) == []
    assert list(old_backups(loaded_of(state))) == []


def test_the_oldest_tapes_over_the_cap_go_and_the_newest_never(state: Path) -> None:
    tapes = state / "trader" / "tape"
    for path in tapes.iterdir():
        path.unlink()
    for number in (1, 2, 3):
        sized(tapes / f"tape-0000000{number}-aa.zst", 2)
    found = list(old_tapes(loaded_of(state, trader__tape_cap_mb="4")))
    assert named(tapes, [finding.path for finding in found]) == ["tape-00000001-aa.zst"]
    found = list(old_tapes(loaded_of(state, trader__tape_cap_mb="1")))
    assert len(found) == 2
    assert list(old_tapes(loaded_of(state, trader__tape_cap_mb="6"))) == []


def test_request_logs_go_when_nobody_writes_them_or_they_are_over_their_cap(state: Path) -> None:
    directory = state / "simulator"
    sized(directory / "requests.jsonl", 1)
    sized(directory / "requests.1.jsonl", 2)

    def found(**settings: str) -> list[str]:
        loaded = loaded_of(state, **settings)
        return named(directory, [finding.path for finding in old_request_logs(loaded)])

    assert found(simulator__request_log_mb="3") == []
    assert found(simulator__request_log_mb="2") == ["requests.1.jsonl"]
    assert found(simulator__request_log_mb="0") == ["requests.1.jsonl", "requests.jsonl"]
