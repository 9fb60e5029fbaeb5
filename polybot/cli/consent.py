"""Asking a person before something is done that cannot be taken back."""

import sys
from typing import Annotated

import typer

from polybot.cli.exits import Refused

Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do it without asking.")]


def ask_first(question: str, *, yes: bool) -> None:
    """Return when the person agrees, or said so beforehand; raises Refused otherwise.

    A script has nobody to ask, so there the answer is no.
    """
    if yes:
        return
    if not sys.stdin.isatty():
        raise Refused("expected --yes, because there is no terminal to ask at: nothing was done")
    if not typer.confirm(question, err=True):
        raise Refused("nothing was done")
