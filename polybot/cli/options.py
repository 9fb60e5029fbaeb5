"""The options several commands share."""

from typing import Annotated

import typer


def examples(*commands: str) -> str:
    """Return the examples of a command for the end of its help."""
    return "\n\n".join(["Examples:" if len(commands) > 1 else "Example:", *commands])


Json = Annotated[bool, typer.Option("--json", help="Print JSON for a script.")]
Days = Annotated[
    float | None,
    typer.Option("--days", help="Only the last so many days of market time.", min=0.0),
]
Process = Annotated[str, typer.Argument(help="simulator, trader, tracker, reflector or watchdog.")]
