"""Tests of settings from the environment and from .env files."""

import os
from pathlib import Path

import pytest

from polybot.config.environment import (
    dotenv_warnings,
    environment_warnings,
    read_dotenv,
    settings_from,
    wants_dry_run,
)
from polybot.config.origins import Layer
from polybot.errors import ConfigError
from tests.forked import STRANGER, become, in_fork, open_way_to


def settings(environ: dict[str, str]) -> dict[str, str]:
    found = settings_from(environ, layer=Layer.ENVIRONMENT, base=Path("/base"))
    return {path: setting.raw for path, setting in found.items()}


def test_overrides_are_found_by_path() -> None:
    assert settings({"POLYBOT__RISK__PAUSE_S": "5", "POLYBOT__MODE": "replay", "HOME": "/x"}) == {
        "risk.pause_s": "5",
        "mode": "replay",
    }


def test_older_bots_names_set_the_same_keys() -> None:
    assert settings({"TRADING_MODE": "paper", "MAX_DAILY_LOSS": "20", "INITIAL_CAPITAL": "90"}) == {
        "mode": "paper",
        "risk.max_daily_loss_usdc": "20",
        "agents.0.capital_usdc": "90",
    }


def test_one_older_name_may_set_two_keys_and_the_more_exact_name_wins() -> None:
    assert settings({"MAX_POSITION_SIZE": "40", "RISK_PER_TRADE": "20"}) == {
        "risk.max_order_usdc": "20",
        "risk.max_window_usdc": "40",
    }


def test_an_override_wins_over_an_older_name_and_an_empty_older_name_is_unset() -> None:
    assert settings({"TRADING_MODE": "paper", "POLYBOT__MODE": "replay"}) == {"mode": "replay"}
    assert settings({"POLYMARKET_FUNDER": ""}) == {}


def test_a_setting_remembers_the_variable_and_its_file() -> None:
    found = settings_from(
        {"LOG_LEVEL": "debug"}, layer=Layer.DOTENV, source="/x/.env", base=Path("/x")
    )
    assert found["log.level"].origin.describe() == ".env: LOG_LEVEL in /x/.env"
    assert found["log.level"].is_text


def test_a_dotenv_file_is_read_literally(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_text("A=1\nexport B='two words'\n# C=3\nD=pa$HOME${HOME}ss\nE\n")
    assert read_dotenv(path) == {"A": "1", "B": "two words", "D": "pa$HOME${HOME}ss"}
    assert read_dotenv(tmp_path / "absent") == {}


@pytest.mark.parametrize("closed", ["beside/.env", "beside"])
def test_a_dotenv_file_this_user_may_not_read_is_a_line_that_says_what_to_do(
    tmp_path: Path, closed: str
) -> None:
    path = tmp_path / "beside" / ".env"
    path.parent.mkdir()
    path.write_text("A=1\n")
    open_way_to(tmp_path)
    (tmp_path / closed).chmod(0)

    def work() -> list[str]:
        if os.geteuid() == 0:
            become(STRANGER, STRANGER)
        try:
            read_dotenv(path)
        except ConfigError as error:
            return error.problems
        return []

    (problem,) = in_fork(work)
    (tmp_path / closed).chmod(0o700)
    assert problem.startswith(f"{path}: expected a file this user may read")
    assert "chown" in problem


def test_a_dotenv_file_others_may_read_is_warned_of(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    assert dotenv_warnings(path) == []
    path.write_text("A=1\n")
    path.chmod(0o640)
    assert dotenv_warnings(path) == [
        f"{path}: expected mode 600, was 640; run: chmod 600 {path}",
    ]
    path.chmod(0o600)
    assert dotenv_warnings(path) == []


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("DATABASE_URL", "SQLite"),
        ("POLYBOT_MODE", "POLYBOT__MODE"),
        ("POLYBOT_RISK_PAUSE_S", "POLYBOT__RISK__PAUSE_S"),
        ("POLYBOT_WHATEVER", "two underscores"),
    ],
)
def test_a_variable_without_effect_is_named_with_what_to_write(name: str, hint: str) -> None:
    (warning,) = environment_warnings({name: "x", "HOME": "/x"})
    assert warning.startswith(f"{name} has no effect here: ")
    assert hint in warning


def test_variables_with_an_effect_are_not_warned_of() -> None:
    assert (
        environment_warnings(
            {
                "POLYBOT_CONFIG": "x",
                "POLYBOT_FLOOR_PYTHON": "x",
                "POLYBOT__MODE": "x",
                "DATABASE_URL": "",
                "PATH": "x",
            }
        )
        == []
    )


@pytest.mark.parametrize(
    ("environ", "name"),
    [
        ({"DRY_RUN": "true"}, "DRY_RUN"),
        ({"FORCE_PAPER_MODE": "1"}, "FORCE_PAPER_MODE"),
        ({"DRY_RUN": "false"}, None),
        ({}, None),
    ],
)
def test_a_dry_run_is_noticed(environ: dict[str, str], name: str | None) -> None:
    assert wants_dry_run(environ) == name
