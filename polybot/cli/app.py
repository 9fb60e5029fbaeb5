"""The `polybot` command: every subcommand in one place, and how errors become exit codes."""

from typing import Annotated, Any

import click
import typer
from typer.core import TyperGroup

from polybot import CODENAME, RELEASE_DATE, __version__
from polybot.cli.exits import Exit, exit_code_of, message_of
from polybot.cli.output import say, warn
from polybot.errors import PolybotError

from polybot.cli import (  # isort: skip
    audit,
    checkpoint,
    config,
    control,
    doctor,
    down,
    journal,
    pnl,
    run,
    simulator,
    status,
    strategies,
    trades,
    up,
    why,
    windows,
)


class PolybotGroup(TyperGroup):
    """A group of commands whose errors end the program with one line and the documented code."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; an error of ours is printed, not raised."""
        try:
            return super().invoke(ctx)
        except PolybotError as error:
            warn(message_of(error))
            raise click.exceptions.Exit(exit_code_of(error)) from error


app = typer.Typer(
    cls=PolybotGroup,
    name="polybot",
    help="Run, watch and explain a trading floor on Polymarket's short crypto up/down markets.",
    epilog=(
        "Exit codes: 0 ok, 1 error, 2 not found or usage, 3 not running, 4 config error, "
        "5 timeout, 6 refused by a safety rule."
    ),
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(wanted: bool) -> None:
    if wanted:
        say(f'polybot {__version__} "{CODENAME}" ({RELEASE_DATE})')
        raise typer.Exit


@app.callback(invoke_without_command=True)
def polybot(
    context: typer.Context,
    version: Annotated[
        bool,
        typer.Option(
            "--version", "-V", help="Show the version.", callback=_show_version, is_eager=True
        ),
    ] = False,
) -> None:
    """Run, watch and explain a trading floor on Polymarket's short crypto up/down markets."""
    if context.invoked_subcommand is None:
        say(context.get_help())


def run_process(
    process: Annotated[
        str, typer.Argument(help="simulator, trader, tracker, reflector or watchdog.")
    ],
) -> None:
    """Run one process in the foreground; a service manager does this.

    Example:

      polybot run trader
    """
    raise typer.Exit(run.run(process))


_START = "Start and stop"
_LOOK = "Look"
_STEER = "Steer"
_CHECK = "Check"

app.command("up", rich_help_panel=_START)(up.up)
app.command("down", rich_help_panel=_START)(down.down)
app.command("run", rich_help_panel=_START)(run_process)
app.command("simulator", rich_help_panel=_START)(simulator.simulator)
app.command("status", rich_help_panel=_LOOK)(status.status)
app.command("windows", rich_help_panel=_LOOK)(windows.windows)
app.command("trades", rich_help_panel=_LOOK)(trades.trades)
app.command("pnl", rich_help_panel=_LOOK)(pnl.pnl)
app.command("why", rich_help_panel=_LOOK)(why.why)
app.command("stopentry", rich_help_panel=_STEER)(control.stopentry)
app.command("halt", rich_help_panel=_STEER)(control.halt)
app.command("resume", rich_help_panel=_STEER)(control.resume)
app.command("doctor", rich_help_panel=_CHECK)(doctor.doctor)
app.command("audit", rich_help_panel=_CHECK)(audit.audit)
app.add_typer(config.app, name="config", rich_help_panel=_CHECK)
app.add_typer(journal.app, name="journal", rich_help_panel=_CHECK)
app.add_typer(checkpoint.app, name="checkpoint", rich_help_panel=_CHECK)
app.add_typer(strategies.app, name="strategies", rich_help_panel=_CHECK)

__all__ = ["Exit", "app"]
