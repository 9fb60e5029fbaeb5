"""The options several commands share."""

from typing import Annotated

import typer

Json = Annotated[bool, typer.Option("--json", help="Print JSON for a script.")]
Days = Annotated[
    float | None,
    typer.Option("--days", help="Only the last so many days of market time.", min=0.0),
]
Process = Annotated[str, typer.Argument(help="simulator, trader, tracker, reflector or watchdog.")]
