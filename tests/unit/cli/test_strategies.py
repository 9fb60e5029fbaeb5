"""Tests of `polybot strategies`."""

from collections.abc import Callable
from typing import Any

from tests.unit.cli.conftest import Command


def test_every_strategy_is_listed_with_its_parameters(polybot: Command) -> None:
    text = polybot("strategies", "list").stdout
    assert text.startswith("capture_99c: ")
    assert "  min_confidence = 0.95   (0.5 to 1)" in text


def test_as_json_each_has_name_doc_and_parameters(polybot_json: Callable[..., Any]) -> None:
    (capture,) = polybot_json("strategies", "list")
    assert set(capture) == {"name", "doc", "parameters"}
    by_name = {parameter["name"]: parameter for parameter in capture["parameters"]}
    assert by_name["min_confidence"]["default"] == "0.95"
    assert by_name["min_confidence"]["low"] == "0.5"
    assert "resting" in by_name["entry_style"]["choices"]
