"""Tests of `polybot replay`, on a session that was really taped."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from polybot.runtime.tape import TapeSettings, list_tapes
from tests.unit.bootstrap.replay.taped_trader import TapedTrader, retape, with_parameters
from tests.unit.cli.conftest import Command


@pytest.fixture
def trader(state_dir: Path) -> Path:
    """Leave one session that entered a window."""
    directory = state_dir / "trader"
    TapedTrader(directory).live().trade_a_window().end()
    return directory


@pytest.mark.usefixtures("trader")
def test_a_session_that_comes_out_the_same_is_said_to(
    polybot: Command, polybot_json: Callable[..., Any]
) -> None:
    lines = polybot("replay", "--session", "life").stdout.splitlines()
    assert lines[0].startswith("session life1 of polybot test: began")
    assert "6 decisions and 25 events in all came out byte for byte" in lines[1]
    assert lines[-1] == "identical"
    told = polybot_json("replay")
    assert (told["identical"], told["complete"], told["difference"]) == (True, True, None)
    assert (told["decisions"], told["events"]) == (6, 25)
    assert told["off_tape"] == {"events": 0, "decisions": 0}


def test_the_first_difference_is_named_and_shown_on_demand(
    polybot: Command, polybot_json: Callable[..., Any], trader: Path
) -> None:
    retape(trader, "life1", with_parameters(fixed_shares="24"))
    told = polybot("replay", code=1).stdout
    assert "DIFFERENT from event 14 on (DecisionMade): 1 field: body.inputs.budget_usdc" in told
    assert "--diff" in told
    shown = polybot("replay", "--diff", code=1).stdout
    assert "journal: 24250000" in shown
    assert "replay:  23280000" in shown
    assert '"reason": "entry"' in shown
    assert "market stream: [{" in shown
    document = polybot_json("replay", code=1)
    assert document["identical"] is False
    difference = document["difference"]
    assert (difference["seq"], difference["type"]) == (14, "DecisionMade")
    assert difference["fields"] == [
        {"path": "body.inputs.budget_usdc", "recorded": 24_250_000, "recomputed": 23_280_000}
    ]
    kinds = [told["kind"] for told in difference["batch"]["inputs"]]
    assert kinds[:3] == ["bus", "bus", "market stream"]
    assert difference["recomputed"]["body"]["inputs"]["budget_usdc"] == 23_280_000


def test_sessions_are_listed(
    polybot: Command, polybot_json: Callable[..., Any], trader: Path
) -> None:
    assert "life1" in polybot("replay", "list").stdout
    (told,) = polybot_json("replay", "list")
    assert (told["session"], told["problem"], told["files"]) == ("life1", None, 1)
    assert told["size_bytes"] == list_tapes(trader / "tape")[0].stat().st_size


def test_what_is_not_on_the_tape_is_said(polybot: Command, state_dir: Path) -> None:
    directory = state_dir / "trader"
    settings = TapeSettings(flush_after_ns=10**15)
    taped = TapedTrader(directory, tape=settings).live()
    for _ in range(5):
        taped.look()
    taped.kill()
    told = polybot("replay").stdout
    assert "not on the tape: the journal's last" in told
    assert told.splitlines()[-1] == "identical"


def test_a_session_that_lost_its_tape_cannot_be_replayed(polybot: Command, trader: Path) -> None:
    for path in list_tapes(trader / "tape"):
        path.unlink()
    assert "its 6 decisions cannot be" in polybot("replay", "--session", "life1", code=1).stderr
    assert "polybot replay list" in polybot("replay", "--session", "life9", code=2).stderr
    assert "was none" in polybot("replay", code=2).stderr


def test_a_session_that_ended_with_its_start_decided_nothing(
    polybot: Command, polybot_json: Callable[..., Any], state_dir: Path
) -> None:
    directory = state_dir / "trader"
    TapedTrader(directory).begin().kill()
    for path in list_tapes(directory / "tape"):
        path.unlink()
    assert "decided nothing" in polybot("replay", "--session", "life1").stdout
    assert polybot_json("replay", "--session", "life1")["off_tape"]["decisions"] == 0


def test_an_old_tape_is_refused_by_what_it_lacks(polybot: Command, trader: Path) -> None:
    (path,) = list_tapes(trader / "tape")
    path.unlink()
    old = TapedTrader(trader)
    writer = old.tape_writer("before")
    writer.record(5, 1, 1, b"news")
    writer.end_batch(1, 1)
    writer.close()
    said = polybot("replay", code=1).stderr
    assert "settings, restored state and the begin of each turn" in said
