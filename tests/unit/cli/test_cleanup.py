"""Tests of `polybot cleanup`: what a person reads, a script gets, and the exit codes."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from polybot.cli.cleanup import _Progress
from tests.unit.bootstrap.cleanup.floors import ARCHIVED, age, back_up, make_state
from tests.unit.cli.conftest import Command


@pytest.fixture
def state(state_dir: Path) -> Path:
    """Fill this test's state directory, and back it up."""
    make_state(state_dir)
    back_up(state_dir)
    return state_dir


def test_it_says_what_it_removed_and_how_much_space_that_freed(
    polybot: Command, state: Path
) -> None:
    planned = polybot("cleanup", "--dry-run").stdout
    assert (state / ARCHIVED).exists()
    assert f"would remove  {state / ARCHIVED}  0.0 MiB: the backup " in planned
    assert planned.endswith("would remove 1 archived journal segment; 0.0 MiB to free\n")
    out = polybot("cleanup").stdout
    assert not (state / ARCHIVED).exists()
    assert "\nremoved 1 archived journal segment; " in out
    assert "removed nothing; 0.0 MiB freed" in polybot("cleanup").stdout


def test_a_script_gets_each_file_with_its_reason(
    polybot_json: Callable[..., Any], state: Path
) -> None:
    told = polybot_json("cleanup")
    (removed,) = told["removed"]
    assert (removed["kind"], removed["path"]) == ("archive", str(state / ARCHIVED))
    assert removed["size_bytes"] == len("put away")
    assert told["freed_bytes"] == removed["size_bytes"] + told["log_bytes"]
    assert (told["dry_run"], told["notes"], told["problems"]) == (False, [], [])


def test_what_could_not_be_done_ends_with_1(polybot: Command, state: Path) -> None:
    (state / "tracker" / "ledger.sqlite").write_text("no database")
    assert "ledger.sqlite" in polybot("cleanup", code=1).stderr


def test_another_floor_s_state_is_refused(polybot: Command, state: Path) -> None:
    (state / "floor").write_text("live\n")
    assert "was that of live" in polybot("cleanup", code=6).stderr


def test_before_a_floor_has_run_it_is_no_error(polybot: Command) -> None:
    assert "no floor has run in" in polybot("cleanup").stdout


def test_a_young_draft_stays(polybot: Command, state: Path) -> None:
    draft = state / "trader" / "journal.spare.tmp"
    draft.write_text("half")
    polybot("cleanup")
    assert draft.exists()
    # In the future of the machine that runs this test, or long ago: only age counts.
    age(draft, hours=24 * 365 * 100)
    polybot("cleanup")
    assert not draft.exists()


def test_whoever_waits_for_gigabytes_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    progress = _Progress()
    for gibibytes in (0.5, 1.0, 1.5, 2.0, 0.25, 1.25):
        progress.told(int(gibibytes * (1 << 30)))
    assert [line.split()[1] for line in capsys.readouterr().err.splitlines()] == [
        "1,024",
        "2,048",
        "1,280",
    ]
