"""`polybot strategies`: which strategies there are, and what their parameters mean."""

from typing import Annotated

import typer

from polybot.cli.exits import Unknown
from polybot.cli.options import Json, examples
from polybot.cli.output import say, show_json
from polybot.strategies.parameters import ParameterDoc
from polybot.strategies.registry import STRATEGIES, names, parameters_of

app = typer.Typer(
    help="See the strategies and their parameters.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
)


@app.callback()
def strategies() -> None:
    """See the strategies and their parameters."""


@app.command("list", epilog=examples("polybot strategies list --json"))
def list_all(as_json: Json = False) -> None:
    """List every strategy with its parameters, their defaults and ranges.

    An agent's section names a strategy and sets parameters: [agents.parameters].
    """
    if as_json:
        show_json([_told(name) for name in names()])
        return
    for name in names():
        _show(name)


@app.command("show", epilog=examples("polybot strategies show drill"))
def show(
    name: Annotated[str, typer.Argument(help="A strategy, as `polybot strategies list` names it.")],
    as_json: Json = False,
) -> None:
    """Show one strategy with its parameters, their defaults and ranges."""
    if name not in STRATEGIES:
        message = f"expected one of {', '.join(names())}, was {name!r}"
        raise Unknown(message)
    if as_json:
        show_json(_told(name))
    else:
        _show(name)


def _show(name: str) -> None:
    say(f"{name}: {STRATEGIES[name].doc}")
    for parameter in parameters_of(name):
        say(f"  {parameter.name} = {parameter.default}   ({_extent(parameter)})")
        say(f"      {parameter.doc}")


def _told(name: str) -> dict[str, object]:
    return {
        "name": name,
        "doc": STRATEGIES[name].doc,
        "parameters": [_described(parameter) for parameter in parameters_of(name)],
    }


def _described(parameter: ParameterDoc) -> dict[str, object]:
    return {
        "name": parameter.name,
        "type": parameter.type,
        "default": parameter.default,
        "low": parameter.low or None,
        "high": parameter.high or None,
        "choices": list(parameter.choices) or None,
        "doc": parameter.doc,
    }


def _extent(parameter: ParameterDoc) -> str:
    if parameter.choices:
        return "one of " + ", ".join(parameter.choices)
    if parameter.low:
        return f"{parameter.low} to {parameter.high}"
    return parameter.type
