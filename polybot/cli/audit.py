"""`polybot audit`: what the trader believes against what the exchange's own routes say."""

from typing import Annotated, Any

import typer

from polybot.bootstrap.audit import audit_account
from polybot.cli.exits import Exit, NotRunning
from polybot.cli.options import Json
from polybot.cli.output import plural, say, show_json, warn
from polybot.cli.processes import floor_processes, how_to_start
from polybot.config.load import load
from polybot.domain.audit import AuditResult


def audit(
    complete: Annotated[
        bool,
        typer.Option("--all", help="Compare every order again, not only what changed since then."),
    ] = False,
    as_json: Json = False,
) -> None:
    """Compare orders, fills, positions and cash of our books with the exchange's own routes.

    Orders and fills are compared from where the last regular audit agreed; cash and positions
    follow from all of them. Waits up to 10 seconds until the tracker has stored what the processes
    said. Reads only, through the official client. Exit code 1 when something differs or could not
    be read.
    """
    loaded = load(join_floor=True, keyless=True)
    result = audit_account(loaded, complete=complete)
    if result.error and not floor_processes(loaded.locations.runtime_dir):
        raise NotRunning(f"{result.error} (no floor runs here; start it: {how_to_start()})")
    if as_json:
        show_json(as_document(result))
    else:
        _say(result)
    if not result.agrees:
        raise typer.Exit(Exit.ERROR)


def as_document(result: AuditResult) -> dict[str, Any]:
    """Return an audit as JSON values."""
    return {
        "agrees": result.agrees,
        "differences": list(result.differences),
        "orders": result.orders,
        "fills": result.fills,
        "windows": result.windows,
        "compared": result.compared,
        "notes": list(result.notes),
        "error": result.error or None,
    }


def _say(result: AuditResult) -> None:
    for difference in result.differences:
        say(difference)
    for note in result.notes:
        say(f"note: {note}")
    if result.error:
        warn(f"polybot: the audit could not be carried out: {result.error}")
        return
    what = ", ".join(
        (
            plural(result.orders, "order"),
            plural(result.fills, "fill"),
            plural(result.windows, "window"),
        )
    )
    if result.agrees:
        say(f"agrees: {what}, positions and cash, to the micro-unit{_how_many(result)}")
    else:
        say(f"{plural(len(result.differences), 'difference')} in {what}, positions and cash")


def _how_many(result: AuditResult) -> str:
    if result.compared == result.orders:
        return ""
    begun = result.through.since_seq if result.through else 0
    never = f"; never compared: orders before event {begun + 1} of the trader" if begun else ""
    return (
        f" ({plural(result.compared, 'order')} read one by one, the others had not changed since "
        f"an audit agreed{never}; polybot audit --all reads every one)"
    )
