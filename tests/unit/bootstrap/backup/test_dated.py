"""Tests of the dated backups: their names, their order, and which are too many."""

from pathlib import Path

import pytest

from polybot.bootstrap.backup.dated import beyond, dated_backups, dated_path

NS = 1_000_000_000
MADE_NS = 1_795_314_180 * NS


def add(state_dir: Path, floor: str, made_ns: int) -> Path:
    path = dated_path(state_dir, floor, made_ns)
    path.parent.mkdir(exist_ok=True)
    path.write_text("backup")
    return path


def test_the_name_says_floor_and_moment_to_the_second(tmp_path: Path) -> None:
    path = dated_path(tmp_path, "live", MADE_NS + 999_999_999)
    assert path == tmp_path / "backups" / "polybot-live-2026-11-22T022300Z.tar.zst"


def test_they_are_found_oldest_first_with_their_moments(tmp_path: Path) -> None:
    assert dated_backups(tmp_path, "live") == []
    made = [add(tmp_path, "live", MADE_NS + days * 86_400 * NS) for days in (2, 0, 1)]
    found = dated_backups(tmp_path, "live")
    assert [backup.path for backup in found] == [made[1], made[2], made[0]]
    assert found[0].made_ns == MADE_NS


def test_other_files_are_none_of_them(tmp_path: Path) -> None:
    add(tmp_path, "replay-a-b", MADE_NS)
    for name in (
        "before-upgrade.tar.zst",
        "polybot-replay-a-2026-99-99T999999Z.tar.zst",
        "polybot-replay-a-2026-11-22T022300Z.tar.zst.part",
        "polybot-replay-a-2026-11-22T022300Z-copy.tar.zst",
    ):
        (tmp_path / "backups" / name).write_text("mine")
    assert dated_backups(tmp_path, "replay-a") == []


@pytest.mark.parametrize(("keep", "count"), [(0, 0), (1, 3), (3, 1), (4, 0), (9, 0)])
def test_the_newest_are_kept(tmp_path: Path, keep: int, count: int) -> None:
    for days in range(4):
        add(tmp_path, "live", MADE_NS + days * 86_400 * NS)
    found = dated_backups(tmp_path, "live")
    assert beyond(found, keep) == found[:count]
