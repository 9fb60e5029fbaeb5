"""How the installer speaks and runs other programs."""

import os
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from polybot.extras.installer.places import USER

_SHOWN_LINES = 12
_FOREIGN = ("POLYBOT_", "PYTHON")


class Trouble(Exception):
    """What keeps the installer from its work; the message says what to do."""


def say(text: str = "") -> None:
    """Write a line at once: what follows may take a minute."""
    # Who started it may be gone, with the connection; the work goes on.
    with suppress(OSError):
        sys.stdout.write(text + "\n")
        sys.stdout.flush()


def attempt(
    *command: str | Path, environ: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a program and return how it ended, with what it said; raises Trouble without it."""
    words = [str(word) for word in command]
    # What a shell was told about another polybot or Python is not meant for this one.
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_FOREIGN)}
    try:
        return subprocess.run(
            words,
            env={**kept, **(environ or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
    except FileNotFoundError as error:
        raise Trouble(f"expected the program {words[0]}, was none") from error


def run(*command: str | Path, environ: Mapping[str, str] | None = None) -> str:
    """Run a program and return what it said; raises Trouble with its last lines when it fails."""
    done = attempt(*command, environ=environ)
    if done.returncode:
        told = "\n".join(done.stdout.strip().splitlines()[-_SHOWN_LINES:])
        shown = " ".join(str(word) for word in command)
        raise Trouble(f"{shown} ended with {done.returncode}" + (f":\n{told}" if told else ""))
    return done.stdout


def as_service(release: Path, *words: str) -> tuple[str | Path, ...]:
    """Return the command that runs a module of a release as the services' user."""
    # What root made in the state directory, the services could not write.
    return ("runuser", "-u", USER, "--", release / ".venv/bin/python", "-P", "-m", *words)
