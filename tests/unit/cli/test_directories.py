"""Tests of the directories of a floor."""

import stat
from pathlib import Path

import pytest

from polybot.cli.directories import claim_state, make_private
from polybot.cli.exits import CommandError, Refused
from polybot.config.locations import Locations


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


def test_an_open_directory_is_closed_to_others(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    make_private(tmp_path)
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o700


def test_a_place_that_is_no_directory_is_an_error_that_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(CommandError, match="set POLYBOT_STATE_DIR"):
        make_private(tmp_path / "file")
    with pytest.raises(CommandError, match="set POLYBOT_STATE_DIR"):
        make_private(tmp_path / "file" / "below")


def test_a_state_directory_belongs_to_the_kind_of_floor_that_took_it_first(
    tmp_path: Path,
) -> None:
    claim_state(locations(tmp_path, "synthetic"))
    claim_state(locations(tmp_path, "synthetic"))
    with pytest.raises(Refused, match="was that of synthetic; set POLYBOT_STATE_DIR"):
        claim_state(locations(tmp_path, "live"))
