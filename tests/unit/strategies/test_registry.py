"""Strategies are built by name, and a bad name or parameter is said with what was meant."""

import pytest

from polybot.errors import ConfigError
from polybot.strategies.capture_99c import Capture99c
from polybot.strategies.registry import (
    STRATEGIES,
    build,
    effective_parameters,
    names,
    parameters_of,
    problems_of,
)


def test_a_strategy_is_built_from_its_name_and_parameters() -> None:
    strategy = build("capture_99c", {"entry_style": "resting", "fixed_shares": 10})
    assert isinstance(strategy, Capture99c)
    assert strategy.parameters.fixed_shares == 10
    assert "capture_99c" in names()


def test_an_unknown_strategy_names_the_nearest() -> None:
    (problem,) = problems_of("capture99", {})
    assert problem.endswith("was 'capture99', the nearest is capture_99c")
    with pytest.raises(ConfigError):
        build("capture99", {})


def test_bad_parameters_are_all_named_at_once() -> None:
    with pytest.raises(ConfigError) as raised:
        build("capture_99c", {"min_confidense": 0.9, "fixed_shares": 0})
    assert raised.value.problems == [
        "min_confidense: expected a known parameter, the nearest is min_confidence",
        "fixed_shares: expected 1 to 100000, was 0",
    ]


@pytest.mark.parametrize("name", sorted(STRATEGIES))
def test_every_parameter_says_what_it_means_and_its_default_is_within_its_range(name: str) -> None:
    documented = parameters_of(name)
    assert documented
    for parameter in documented:
        assert parameter.doc, parameter.name
        assert problems_of(name, {parameter.name: parameter.default}) == []


def test_effective_parameters_are_all_there_and_build_the_same_strategy() -> None:
    effective = effective_parameters("capture_99c", {"fixed_shares": "10"})
    assert effective.keys() == {parameter.name for parameter in parameters_of("capture_99c")}
    rebuilt, built = build("capture_99c", effective), build("capture_99c", {"fixed_shares": 10})
    assert isinstance(rebuilt, Capture99c)
    assert isinstance(built, Capture99c)
    assert rebuilt.parameters == built.parameters
