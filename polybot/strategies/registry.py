"""The registry: which strategies exist, and how one is built from a name and its parameters."""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from polybot.errors import ConfigError
from polybot.strategies.base import Strategy
from polybot.strategies.capture_99c import Capture99c
from polybot.strategies.drill import Drill
from polybot.strategies.parameters import ParameterDoc, document, nearest, read_parameters


class Registered(msgspec.Struct, frozen=True):
    """One strategy that can be built: `make` takes an instance of `parameters_type`."""

    name: str
    doc: str
    parameters_type: type[msgspec.Struct]
    make: Callable[[Any], Strategy]


STRATEGIES: dict[str, Registered] = {
    strategy.name: Registered(strategy.name, strategy.doc, strategy.parameters_type, strategy)
    for strategy in (Capture99c, Drill)
}
# Trades for the sake of trading: no real money is to be spent on it.
PRACTICE_ONLY = frozenset({Drill.name})


def names() -> tuple[str, ...]:
    """Return the names of all strategies, sorted."""
    return tuple(sorted(STRATEGIES))


def parameters_of(name: str) -> tuple[ParameterDoc, ...]:
    """Return the documented parameters of a strategy; KeyError when it does not exist."""
    return document(STRATEGIES[name].parameters_type)


def _read(name: str, parameters: Mapping[str, object]) -> tuple[Strategy | None, list[str]]:
    registered = STRATEGIES.get(name)
    if registered is None:
        known = ", ".join(names())
        like = nearest(name, STRATEGIES)
        return None, [f"strategy: expected one of {known}, was {name!r}, the nearest is {like}"]
    values, problems = read_parameters(registered.parameters_type, parameters)
    return registered.make(values), problems


def problems_of(name: str, parameters: Mapping[str, object]) -> list[str]:
    """Return everything wrong with a strategy's name and parameters, one sentence each."""
    return _read(name, parameters)[1]


def build(name: str, parameters: Mapping[str, object]) -> Strategy:
    """Return a strategy ready to decide; raise ConfigError with every problem found."""
    strategy, problems = _read(name, parameters)
    if strategy is None or problems:
        raise ConfigError(problems)
    return strategy


def effective_parameters(name: str, parameters: Mapping[str, object]) -> dict[str, Any]:
    """Return every parameter of a strategy as plain values, defaults included; KeyError."""
    values, _ = read_parameters(STRATEGIES[name].parameters_type, parameters)
    plain: dict[str, Any] = msgspec.to_builtins(values)
    return plain
