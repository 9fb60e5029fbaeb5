"""Tests of the directories of a floor."""

import resource
import stat
from pathlib import Path

import pytest

from polybot.cli.directories import claim_state, make_private
from polybot.cli.exits import CommandError, Refused
from polybot.config.locations import Locations
from polybot.errors import DiskFull


def locations(state_dir: Path, floor: str) -> Locations:
    return Locations(
        root=state_dir,
        config_path=state_dir / "polybot.toml",
        state_dir=state_dir,
        runtime_dir=state_dir,
        is_clone=True,
        floor=floor,
    )


def test_a_directory_is_made_for_this_user_alone(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b"
    make_private(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o700


def test_the_mode_of_a_directory_that_is_there_is_left_alone(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    make_private(tmp_path)
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o755


@pytest.mark.parametrize("mode", [0o1777, 0o770])
def test_a_directory_others_may_write_is_refused_and_not_changed(tmp_path: Path, mode: int) -> None:
    tmp_path.chmod(mode)
    with pytest.raises(CommandError, match=f"alone, was mode {mode:o}; set POLYBOT_STATE_DIR"):
        make_private(tmp_path)
    assert stat.S_IMODE(tmp_path.stat().st_mode) == mode


def test_a_place_that_is_no_directory_is_an_error_that_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(CommandError, match="set POLYBOT_STATE_DIR"):
        make_private(tmp_path / "file")
    with pytest.raises(CommandError, match="a file was in its place; move that away, or set"):
        make_private(tmp_path / "file" / "below")


def test_a_full_disk_says_to_free_space(tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    # To the kernel's answer a full disk and an exhausted size limit are alike.
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    try:
        with pytest.raises(DiskFull, match="free space on this disk"):
            claim_state(locations(tmp_path, "synthetic"))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_state_directory_belongs_to_the_kind_of_floor_that_took_it_first(
    tmp_path: Path,
) -> None:
    claim_state(locations(tmp_path, "synthetic"))
    claim_state(locations(tmp_path, "synthetic"))
    with pytest.raises(Refused, match="was that of synthetic; set POLYBOT_STATE_DIR"):
        claim_state(locations(tmp_path, "live"))


def test_a_setgid_directory_is_shared_with_its_group_on_purpose(tmp_path: Path) -> None:
    tmp_path.chmod(0o2770)
    make_private(tmp_path)
    tmp_path.chmod(0o2777)
    with pytest.raises(CommandError, match="writable for this user alone"):
        make_private(tmp_path)
