"""Tests of building the configuration from settings."""

from decimal import Decimal
from pathlib import Path
from typing import Any

from polybot.config.assemble import Assembly, assemble, merge
from polybot.config.origins import Layer, Origin, Setting

FILE = Origin(Layer.FILE, "/x/polybot.toml", Path("/x"))
VARIABLE = Origin(Layer.ENVIRONMENT, "NAME", Path("/here"))


def from_file(**paths: Any) -> Assembly:
    return assemble({path.replace("__", "."): Setting(raw, FILE) for path, raw in paths.items()})


def test_without_settings_everything_is_default() -> None:
    assembly = assemble({})
    assert assembly.config.agents[0].name == "capture"
    assert {origin.layer for origin in assembly.origins.values()} == {Layer.DEFAULT}
    assert assembly.problems == []


def test_later_layers_win_key_by_key() -> None:
    merged = merge(
        [
            {"mode": Setting("paper", FILE), "risk.pause_s": Setting(1, FILE)},
            {"mode": Setting("replay", VARIABLE, is_text=True)},
        ]
    )
    assembly = assemble(merged)
    assert assembly.config.mode == "replay"
    assert assembly.config.risk.pause_s == 1.0
    assert assembly.origins["mode"] is VARIABLE
    assert assembly.origins["risk.pause_s"] is FILE


def test_settings_reach_the_section_and_the_agent_they_name() -> None:
    assembly = from_file(
        risk__max_order_usdc=Decimal("12.5"),
        agents__0__capital_usdc=70,
        agents__0__parameters__min_confidence=Decimal("0.9"),
        agents__1__name="second",
    )
    first, second = assembly.config.agents
    assert assembly.config.risk.max_order_usdc == Decimal("12.5")
    assert (first.name, first.capital_usdc) == ("capture", Decimal(70))
    assert first.parameters == {"min_confidence": Decimal("0.9")}
    assert (second.name, second.parameters) == ("second", {})


def test_every_problem_is_noted_and_the_default_stands_in() -> None:
    assembly = from_file(mode="demo", risk__pause_s=0, agents__1__enabled=True)
    assert assembly.problems == [
        "mode: expected one of synthetic, replay, paper, live, was 'demo' (file: /x/polybot.toml)",
        "risk.pause_s: expected a number between 1 and 604800, was 0 (file: /x/polybot.toml)",
        "agents.1.name: expected a text, was not set",
    ]
    assert assembly.bad == {"mode", "risk.pause_s", "agents.1.name"}
    assert assembly.config.mode == "synthetic"


def test_an_unknown_key_is_named_with_the_nearest_known_one() -> None:
    (problem,) = from_file(risk__max_by_price=1).problems
    assert problem == (
        "risk.max_by_price: unknown key, was 1; nearest known key: risk.max_buy_price, "
        "an exact number between 0.001 and 0.999 (file: /x/polybot.toml)"
    )


def test_a_key_in_the_wrong_section_is_found_by_its_name() -> None:
    (problem,) = from_file(trader__max_order_usdc=1).problems
    assert "nearest known key: risk.max_order_usdc" in problem


def test_an_unknown_variable_is_named_as_it_was_written() -> None:
    (problem,) = assemble({"risk.paus_s": Setting("1", VARIABLE, is_text=True)}).problems
    assert problem.startswith("POLYBOT__RISK__PAUS_S: unknown key, was '1'; ")
    assert "POLYBOT__RISK__PAUSE_S" in problem


def test_the_value_of_an_unknown_key_that_may_be_a_secret_is_hidden() -> None:
    (problem,) = from_file(walet__privatekey="hunter2").problems
    assert "hunter2" not in problem
    assert "was (hidden)" in problem


def test_an_agents_index_may_not_leave_a_hole() -> None:
    (problem,) = from_file(agents__2__name="x").problems
    assert problem.startswith("agents.2.name: expected an agent's index between 0 and 1, was 2")


def test_a_relative_directory_starts_from_where_it_was_written() -> None:
    assert from_file(simulator__recordings="data").config.simulator.recordings == "/x/data"
    written = {"simulator.recordings": Setting("data", VARIABLE, is_text=True)}
    assert assemble(written).config.simulator.recordings == "/here/data"
