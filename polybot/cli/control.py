"""`polybot stopentry`, `halt` and `resume`: the operator's own say in the trading state."""

from typing import Annotated

import msgspec
import typer

from polybot.cli.conversation import OPERATOR, conversation
from polybot.cli.options import Json
from polybot.cli.output import say, show_json, warn
from polybot.config.load import load
from polybot.messages.commands import HaltTrading, ResumeTrading, StopEntries

# The trader answers after its journal is synced, between two turns of its loop.
ANSWER_S = 5.0

Reason = Annotated[
    str, typer.Option("--reason", "-r", help="Why; it is shown until trading resumes.")
]


def stopentry(reason: Reason = "asked by the operator", as_json: Json = False) -> None:
    """Let the trader only reduce: no order that raises the worst-case loss. Survives restarts."""
    _tell(StopEntries(source=OPERATOR, reason=reason), as_json=as_json)


def halt(reason: Reason = "asked by the operator", as_json: Json = False) -> None:
    """Stop all trading: cancels only, until `polybot resume`. Survives restarts."""
    _tell(HaltTrading(source=OPERATOR, reason=reason), as_json=as_json)


def resume(reason: Reason = "asked by the operator", as_json: Json = False) -> None:
    """Take the operator's stop and halt back, and every halt that waits for a person.

    What other processes still hold against trading stays; `polybot status` shows it.
    """
    _tell(ResumeTrading(source=OPERATOR, reason=reason), as_json=as_json)


def _tell(command: msgspec.Struct, *, as_json: bool) -> None:
    # Stopping must work whatever the configuration looks like now.
    loaded = load(join_floor=True, lenient=True, keyless=True)
    for warning in loaded.warnings:
        warn(f"warning: {warning}")
    with conversation(loaded.locations.runtime_dir) as talk:
        done = talk.ask("trader", command, timeout_s=ANSWER_S)
    name = type(command).__name__
    if as_json:
        show_json({"command": name, "detail": done.detail})
    else:
        say(done.detail or f"{name}: done")
