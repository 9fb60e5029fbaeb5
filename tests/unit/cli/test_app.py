"""Tests of the command as a whole."""

from pathlib import Path

import pytest
import typer

from polybot.cli.app import app
from polybot.config.locations import find_installation
from tests.unit.cli.conftest import Command

COMMANDS = [
    *("up", "stop", "down", "run", "simulator", "status", "windows", "trades", "pnl", "why"),
    *("stopentry", "halt", "resume", "doctor", "audit", "init", "arm", "disarm"),
    *("config check", "config show", "config schema", "journal verify", "journal show"),
    *("journal export", "backup create", "backup verify", "backup restore"),
    *("report", "markets", "orders", "positions", "balance", "adopt", "cancel-all", "flatten"),
    *("redeem", "split", "merge", "wallet status", "wallet deploy", "wallet approve"),
    *("cleanup", "chaos", "checkpoint show", "strategies list", "strategies show"),
    *("simulator calibrate", "replay", "replay list", "secret set", "secret list", "secret remove"),
]


def test_without_arguments_it_shows_its_help(polybot: Command) -> None:
    text = polybot().stdout
    for command in ("up", "down", "status", "why", "doctor"):
        assert f" {command} " in text


def test_these_are_all_the_commands() -> None:
    group = typer.main.get_command(app)
    found = []
    for name, command in group.commands.items():  # type: ignore[attr-defined]
        inner = getattr(command, "commands", None)
        found += [f"{name} {below}" for below in inner or ()]
        # A group that does something by itself is a command too.
        if not inner or command.invoke_without_command:
            found.append(name)
    assert sorted(found) == sorted(COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_an_example(polybot: Command, command: str) -> None:
    text = polybot(*command.split(), "--help").stdout
    assert f"Usage: polybot {command}" in text
    assert "Example" in text


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_in_the_reference(command: str) -> None:
    page = find_installation().root / "docs" / "reference" / "cli.md"
    assert f"`polybot {command}" in page.read_text()


def test_a_bad_configuration_is_listed_whole_and_ends_with_its_code(
    polybot: Command, state_dir: Path
) -> None:
    (state_dir.parent / "polybot.toml").write_text("bogus = 1\n[risk]\nmax_by_price = 2\n")
    for command in ("status", "config check", "up", "windows"):
        result = polybot(*command.split(), code=4)
        assert "2 problems in the configuration" in result.stderr
        assert "nearest known key: risk.max_buy_price" in result.stderr
