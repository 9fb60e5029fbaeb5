"""The `polybot` command: every subcommand in one place, and how errors become exit codes."""

from collections.abc import Callable
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from polybot import CODENAME, RELEASE_DATE, __version__
from polybot.cli import (
    adopt,
    arm,
    audit,
    backup,
    balance,
    cancel_all,
    checkpoint,
    cleanup,
    config,
    control,
    doctor,
    flatten,
    init,
    journal,
    markets,
    orders,
    pnl,
    positions,
    redeem,
    replay,
    report,
    run,
    secret,
    simulator,
    status,
    stop,
    strategies,
    trades,
    up,
    wallet,
    why,
    windows,
)
from polybot.cli.chaos import command as chaos
from polybot.cli.exits import exit_code_of, message_of
from polybot.cli.options import examples
from polybot.cli.output import say, warn
from polybot.errors import PolybotError


class PolybotGroup(TyperGroup):
    """A group of commands whose errors end the program with one line and the documented code."""

    def invoke(self, ctx: Any) -> Any:
        """Run a command; an error of ours is printed, not raised."""
        try:
            return super().invoke(ctx)
        except PolybotError as error:
            warn(message_of(error))
            raise typer.Exit(exit_code_of(error)) from error


app = typer.Typer(
    cls=PolybotGroup,
    name="polybot",
    help="Run, watch and explain a trading floor on Polymarket's short crypto up/down markets.",
    epilog=(
        "Exit codes: 0 ok, 1 error, 2 not found or usage, 3 not running, 4 config error, "
        "5 timeout, 6 refused by a safety rule."
    ),
    add_completion=False,
    rich_markup_mode="markdown",
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
    """Run one process in the foreground; a service manager does this."""
    raise typer.Exit(run.run(process))


_START = "Start and stop"
_LOOK = "Look"
_STEER = "Steer"
_CHECK = "Check"
_WALLET = "Live wallet"

# Name, panel of the help, function, examples.
_COMMANDS: tuple[tuple[str, str, Callable[..., None], tuple[str, ...]], ...] = (
    (
        "init",
        _START,
        init.init,
        ("polybot init", "polybot init --key-stdin < key.txt", "polybot init --funder 0x..."),
    ),
    ("up", _START, up.up, ("polybot up", "polybot up --recordings ~/recordings --speed 50")),
    ("stop", _START, stop.stop, stop.EXAMPLES),
    ("down", _START, stop.stop, ("polybot down",)),
    ("run", _START, run_process, ("polybot run trader",)),
    ("status", _LOOK, status.status, ("polybot status", "polybot status --json")),
    ("windows", _LOOK, windows.windows, ("polybot windows", "polybot windows --days 1 --json")),
    ("trades", _LOOK, trades.trades, ("polybot trades", "polybot trades --days 7 --json")),
    ("pnl", _LOOK, pnl.pnl, ("polybot pnl", "polybot pnl --days 7 --json")),
    ("report", _LOOK, report.report, report.EXAMPLES),
    ("why", _LOOK, why.why, ("polybot why btc-updown-5m-1776082500", "polybot why 0x3f1c2a")),
    ("markets", _LOOK, markets.markets, markets.EXAMPLES),
    ("orders", _LOOK, orders.orders, orders.EXAMPLES),
    ("positions", _LOOK, positions.positions, positions.EXAMPLES),
    ("balance", _LOOK, balance.balance, balance.EXAMPLES),
    ("stopentry", _STEER, control.stopentry, ('polybot stopentry --reason "news at 14:30"',)),
    ("halt", _STEER, control.halt, ('polybot halt --reason "strange fills"',)),
    ("resume", _STEER, control.resume, ('polybot resume --reason "fills explained"',)),
    ("adopt", _STEER, adopt.adopt, adopt.EXAMPLES),
    ("cancel-all", _STEER, cancel_all.cancel_all, cancel_all.EXAMPLES),
    ("flatten", _STEER, flatten.flatten, flatten.EXAMPLES),
    (
        "arm",
        _STEER,
        arm.arm,
        ("polybot arm", "polybot arm --ttl 7d", "polybot arm --until-disarmed --yes"),
    ),
    ("disarm", _STEER, arm.disarm, ("polybot disarm",)),
    ("redeem", _WALLET, redeem.redeem, redeem.REDEEM_EXAMPLES),
    ("split", _WALLET, redeem.split, redeem.SPLIT_EXAMPLES),
    ("merge", _WALLET, redeem.merge, redeem.MERGE_EXAMPLES),
    (
        "doctor",
        _CHECK,
        doctor.doctor,
        ("polybot doctor", "polybot doctor --live", "polybot doctor --json"),
    ),
    ("cleanup", _CHECK, cleanup.cleanup, cleanup.EXAMPLES),
    ("chaos", _CHECK, chaos.chaos, chaos.EXAMPLES),
    ("audit", _CHECK, audit.audit, ("polybot audit", "polybot audit --json")),
)
for _name, _panel, _function, _examples in _COMMANDS:
    app.command(_name, rich_help_panel=_panel, epilog=examples(*_examples))(_function)

for _name, _group in (
    ("backup", backup.app),
    ("config", config.app),
    ("journal", journal.app),
    ("checkpoint", checkpoint.app),
    ("replay", replay.app),
    ("strategies", strategies.app),
):
    app.add_typer(_group, name=_name, rich_help_panel=_CHECK)
app.add_typer(simulator.app, name="simulator", rich_help_panel=_START)
app.add_typer(wallet.app, name="wallet", rich_help_panel=_WALLET)
app.add_typer(secret.app, name="secret", rich_help_panel=_START)
