"""Tests of `polybot strategies`."""

from collections.abc import Callable
from typing import Any

from tests.unit.cli.conftest import Command


def test_every_strategy_is_listed_with_its_parameters(polybot: Command) -> None:
    text = polybot("strategies", "list").stdout
    assert text.startswith("capture_99c: ")
    assert "  min_confidence = 0.95   (0.5 to 1)" in text


def test_as_json_each_has_name_doc_and_parameters(polybot_json: Callable[..., Any]) -> None:
    capture, drill = polybot_json("strategies", "list")
    assert (capture["name"], drill["name"]) == ("capture_99c", "drill")
    assert set(capture) == {"name", "doc", "parameters"}
    by_name = {parameter["name"]: parameter for parameter in capture["parameters"]}
    assert by_name["min_confidence"]["default"] == "0.95"
    assert by_name["min_confidence"]["low"] == "0.5"
    assert "resting" in by_name["entry_style"]["choices"]


def test_one_strategy_is_shown_alone(polybot: Command, polybot_json: Callable[..., Any]) -> None:
    text = polybot("strategies", "show", "drill").stdout
    assert text.startswith("drill: ")
    assert "capture_99c" not in text
    assert "  side = BUY   (one of BUY, SELL)" in text
    assert polybot_json("strategies", "show", "drill")["name"] == "drill"


def test_a_strategy_that_does_not_exist_is_said_with_those_that_do(polybot: Command) -> None:
    missing = polybot("strategies", "show", "dril", code=2)
    assert "expected one of capture_99c, drill, was 'dril'" in missing.stderr
