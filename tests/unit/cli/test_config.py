"""Tests of `polybot config`."""

import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from polybot.config.sample import sample_env, sample_toml
from tests.unit.cli.conftest import Command

KEY = "0x" + "ab" * 32


def test_a_good_configuration_is_said_to_be_good(
    polybot: Command, polybot_json: Callable[..., Any], state_dir: Path
) -> None:
    config = state_dir.parent / "polybot.toml"
    assert polybot("config", "check").stdout.startswith(f"ok: {config}, synthetic mode, hash ")
    checked = polybot_json("config", "check")
    assert (checked["ok"], checked["problems"]) == (True, [])


def test_every_problem_is_printed_and_the_code_says_so(
    polybot: Command, polybot_json: Callable[..., Any], state_dir: Path
) -> None:
    (state_dir.parent / "polybot.toml").write_text("bogus = 1\n[log]\nlevel = 'loud'\n")
    lines = polybot("config", "check", code=4).stderr.splitlines()
    assert lines[0] == "polybot: 2 problems in the configuration"
    assert [line.partition(":")[0] for line in lines[1:]] == ["bogus", "log.level"]
    checked = polybot_json("config", "check", code=4)
    assert checked["ok"] is False
    assert len(checked["problems"]) == 2


def test_a_warning_is_printed_and_keeps_nothing_from_working(
    polybot: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POLYBOT_MODE", "live")
    assert "write POLYBOT__MODE" in polybot("config", "check").stderr


def test_every_value_is_shown_with_its_origin_and_no_secret(
    polybot: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POLYMARKET_PRIVATE_KEY", KEY)
    monkeypatch.setenv("POLYBOT__RISK__PAUSE_S", "7")
    text = polybot("config", "show").stdout
    rows = {line.split()[0]: line.split(maxsplit=2)[1:] for line in text.splitlines() if line}
    assert rows["wallet.private_key"] == ["(hidden)", "environment: POLYMARKET_PRIVATE_KEY"]
    assert rows["risk.pause_s"] == ["7.0", "environment: POLYBOT__RISK__PAUSE_S"]
    assert rows["risk.max_order_usdc"] == ["50", "default"]
    assert KEY[2:] not in text


def test_only_what_was_changed_can_be_shown(
    polybot_json: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POLYBOT__RISK__MAX_ORDER_USDC", "12.5")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-1234567890")
    shown = polybot_json("config", "show", "--changed")
    assert shown["values"] == {
        "mode": "synthetic",
        "risk.max_order_usdc": "12.5",
        "reflector.openai_api_key": "(hidden)",
    }
    assert set(shown["origins"]) == set(shown["values"])
    assert set(shown["locations"]) == {"config", "state_dir", "runtime_dir", "floor"}


def test_an_agents_parameters_are_shown(
    polybot_json: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POLYBOT__AGENTS__0__PARAMETERS__MIN_CONFIDENCE", "0.9")
    shown = polybot_json("config", "show", "--changed")
    assert shown["values"]["agents.0.parameters.min_confidence"] == "0.9"


def test_the_schema_lists_every_key(polybot: Command, polybot_json: Callable[..., Any]) -> None:
    assert "risk.pause_s = 3600.0" in polybot("config", "schema").stdout
    keys = {key["key"]: key for key in polybot_json("config", "schema")}
    assert keys["risk.max_daily_loss_usdc"]["range"] == ["1", "1000000"]
    assert keys["risk.max_daily_loss_usdc"]["environment"] == [
        "POLYBOT__RISK__MAX_DAILY_LOSS_USDC",
        "MAX_DAILY_LOSS",
    ]
    assert keys["agents.*.name"]["required"] is True
    assert keys["wallet.private_key"]["secret"] is True


def test_the_schema_writes_the_sample_files(polybot: Command) -> None:
    text = polybot("config", "schema", "--format", "toml").stdout
    assert text == sample_toml()
    assert tomllib.loads(text)["agents"] == [{"name": "capture"}]
    assert polybot("config", "schema", "--format", "env").stdout == sample_env()
