"""`polybot wallet`: looks at the live wallet, deploys it and approves the exchange's contracts."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import typer

from polybot.bootstrap.extras import Extras, ExtrasOff, open_extras
from polybot.cli.consent import Yes, ask_first
from polybot.cli.exits import Exit, Late, Refused
from polybot.cli.options import Json, examples
from polybot.cli.output import plural, say, show_json
from polybot.config.load import load
from polybot.errors import OutcomeUnknown

app = typer.Typer(
    help="Look at the live wallet, deploy it, and approve the exchange's contracts.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
)


@contextmanager
def extras() -> Iterator[Extras]:
    """Open the live extras; one that is off is a refusal, an unknown outcome a timeout."""
    try:
        yield open_extras(load(join_floor=True))
    except ExtrasOff as error:
        raise Refused(str(error)) from error
    except OutcomeUnknown as error:
        raise Late(str(error)) from error


@app.command(epilog=examples("polybot wallet status", "polybot wallet status --json"))
def status(as_json: Json = False) -> None:
    """Show the wallet's kind, whether it is on the chain, and what is not approved yet.

    Exit code 1 while something is missing. Changes nothing.
    """
    with extras() as opened:
        told = opened.run("status")
    if as_json:
        show_json(told)
    else:
        _say(told)
    if not told["deployed"] or _missing(told):
        raise typer.Exit(Exit.ERROR)


@app.command(epilog=examples("polybot wallet deploy", "polybot wallet deploy --yes"))
def deploy(yes: Yes = False, as_json: Json = False) -> None:
    """Deploy the deposit wallet on the chain, unless it is there. Needs a relayer API key."""
    with extras() as opened:
        ask_first("Deploy the wallet on the chain?", yes=yes)
        told = opened.run("deploy")
    if as_json:
        show_json(told)
        return
    say(f"{told['wallet']} {'was deployed already' if told['already'] else 'is deployed'}")


@app.command(epilog=examples("polybot wallet approve", "polybot wallet approve --yes"))
def approve(yes: Yes = False, as_json: Json = False) -> None:
    """Let the exchange's contracts move the wallet's dollars and shares, where they may not yet.

    A plain key pays the gas itself; every other wallet needs a relayer API key.
    """
    with extras() as opened:
        ask_first("Approve the exchange's contracts without limit?", yes=yes)
        told = opened.run("approve")
    if as_json:
        show_json(told)
        return
    approved, missing = told["approved"], told["missing_approvals"]
    say(f"approved {plural(len(approved['money']) + len(approved['shares']), 'contract')}")
    if missing["money"] or missing["shares"]:
        say("some are still missing; look again in a minute: polybot wallet status")


def _missing(told: dict[str, Any]) -> list[str]:
    missing = told["missing_approvals"]
    return [f"dollars by {who}" for who in missing["money"]] + [
        f"shares by {who}" for who in missing["shares"]
    ]


def _say(told: dict[str, Any]) -> None:
    say(f"wallet    {told['wallet']}")
    say(f"kind      {told['wallet_type']}")
    say(f"key       {told['signer']}")
    say(f"deployed  {'yes' if told['deployed'] else 'no: polybot wallet deploy'}")
    missing = _missing(told)
    for who in missing:
        say(f"missing   {who}")
    say(f"approved  {'no: polybot wallet approve' if missing else 'yes'}")
