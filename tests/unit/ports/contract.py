"""Whether a class offers what a port asks for: each name, each parameter, waiting or not."""

import inspect
from typing import Any, Protocol


def demands(port: type) -> dict[str, Any]:
    """Return the public methods and properties of a port, those of its bases included."""
    found: dict[str, Any] = {}
    for base in reversed(port.__mro__):
        if base not in (object, Protocol):
            found |= {name: member for name, member in vars(base).items() if name[0] != "_"}
    return {
        name: member
        for name, member in found.items()
        if inspect.isfunction(member) or isinstance(member, property)
    }


def attributes(port: type) -> set[str]:
    """Return the attributes a port declares without a method."""
    return {name for base in port.__mro__ for name in vars(base).get("__annotations__", {})}


def shape(function: Any) -> list[tuple[str, Any]]:
    """Return names and kinds of a function's parameters."""
    parameters = inspect.signature(function).parameters.values()
    return [(p.name, p.kind) for p in parameters if p.name != "self"]


def unmet(port: type, made: object) -> list[str]:
    """Return what an object lacks of a port, one sentence each."""
    problems = [f"no {name}" for name in attributes(port) if not hasattr(made, name)]
    for name, demand in demands(port).items():
        if not hasattr(type(made), name) and not hasattr(made, name):
            problems.append(f"no {name}")
        elif inspect.isfunction(demand):
            problems += _differences(name, demand, getattr(type(made), name))
    return problems


def _differences(name: str, demand: Any, offer: Any) -> list[str]:
    problems = []
    wanted, offered = shape(demand), shape(offer)
    # More than is asked for does no harm.
    if offered[: len(wanted)] != wanted:
        problems.append(f"{name}{inspect.signature(offer)}, not {inspect.signature(demand)}")
    if inspect.iscoroutinefunction(demand) != inspect.iscoroutinefunction(offer):
        problems.append(f"{name} waits where it must not, or the reverse")
    return problems
