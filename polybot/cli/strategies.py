"""`polybot strategies`: which strategies there are, and what their parameters mean."""

import typer

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
        show_json(
            [
                {
                    "name": name,
                    "doc": STRATEGIES[name].doc,
                    "parameters": [_described(parameter) for parameter in parameters_of(name)],
                }
                for name in names()
            ]
        )
        return
    for name in names():
        say(f"{name}: {STRATEGIES[name].doc}")
        for parameter in parameters_of(name):
            say(f"  {parameter.name} = {parameter.default}   ({_extent(parameter)})")
            say(f"      {parameter.doc}")


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
