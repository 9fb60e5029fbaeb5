"""Tests of `polybot stopentry`, `halt` and `resume`."""

import json
from pathlib import Path

import pytest

from polybot.messages.commands import Done, HaltTrading, ResumeTrading, StopEntries
from tests.unit.cli.conftest import Command
from tests.unit.cli.peer import Peer

KINDS = {"stopentry": StopEntries, "halt": HaltTrading, "resume": ResumeTrading}


def agreeable() -> dict[str, object]:
    return {kind.__name__: lambda _: Done(detail="trading is X") for kind in KINDS.values()}


@pytest.mark.parametrize("command", KINDS)
def test_the_trader_is_told_who_wants_what_and_why(
    polybot: Command, runtime_dir: Path, command: str
) -> None:
    with Peer(runtime_dir, "trader", agreeable()) as trader:  # type: ignore[arg-type]
        result = polybot(command, "--reason", "news at 14:30")
    assert trader.asked == [KINDS[command](source="operator", reason="news at 14:30")]
    assert result.stdout == "trading is X\n"


def test_as_json_the_traders_answer_is_told(polybot: Command, runtime_dir: Path) -> None:
    with Peer(runtime_dir, "trader", agreeable()):  # type: ignore[arg-type]
        result = polybot("halt", "--json")
    assert json.loads(result.stdout) == {"command": "HaltTrading", "detail": "trading is X"}


@pytest.mark.parametrize("command", KINDS)
def test_without_a_trader_it_says_so_with_its_code(polybot: Command, command: str) -> None:
    assert "expected trader to run" in polybot(command, code=3).stderr


def test_a_halt_works_with_a_broken_configuration(
    polybot: Command, runtime_dir: Path, state_dir: Path
) -> None:
    (state_dir.parent / "polybot.toml").write_text("bogus = 1\n")
    with Peer(runtime_dir, "trader", agreeable()) as trader:  # type: ignore[arg-type]
        result = polybot("halt")
    assert len(trader.asked) == 1
    assert "warning: bogus: unknown key" in result.stderr
