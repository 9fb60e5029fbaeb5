"""What the installer is asked for: install, upgrade, rollback, uninstall or verify."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from polybot.extras.installer import machine, release
from polybot.extras.installer.install import Wish, install, rollback
from polybot.extras.installer.places import Places
from polybot.extras.installer.steps import Trouble
from polybot.extras.installer.uninstall import uninstall
from polybot.extras.installer.verify import verify

OK, ERROR = 0, 1
INTERRUPTED = 130
SOURCE = Path(__file__).resolve().parents[3]


def parser() -> argparse.ArgumentParser:
    """Return the command line."""
    made = argparse.ArgumentParser(prog="installer", description="Install polybot on this machine.")
    commands = made.add_subparsers(dest="command", required=True)
    for name, told in (("install", "install, or bring up to date"), ("upgrade", "the same")):
        command = commands.add_parser(name, help=told)
        command.add_argument("--live", action="store_true", help="with the exchange's own client")
        command.add_argument("--force", action="store_true", help="also on an untried system")
    commands.add_parser("rollback", help="go back to the release before")
    command = commands.add_parser("uninstall", help="remove programs and units")
    command.add_argument("--purge", action="store_true", help="configuration and state, too")
    command = commands.add_parser("verify", help="compare with what was installed")
    command.add_argument("--json", action="store_true", help="rows as JSON")
    return made


def main(arguments: Sequence[str] | None = None) -> int:
    """Carry out what the command line asks for, and return the exit code."""
    options = parser().parse_args(arguments)
    places = Places()
    try:
        # A release holds a copy of this; it may take away itself and the others.
        if options.command in ("install", "upgrade") or (
            options.command == "uninstall" and not release.is_release(SOURCE)
        ):
            machine.check_source(places, SOURCE)
        if options.command in ("install", "upgrade"):
            install(places, Wish(SOURCE, live=options.live, force=options.force))
        elif options.command == "rollback":
            rollback(places)
        elif options.command == "uninstall":
            uninstall(places, purge=options.purge)
        elif not verify(places, as_json=options.json):
            return ERROR
    except Trouble as trouble:
        sys.stderr.write(f"polybot: {trouble}\n")
        return ERROR
    except OSError as error:
        sys.stderr.write(f"polybot: {error}\n")
        return ERROR
    except KeyboardInterrupt:
        sys.stderr.write("polybot: interrupted\n")
        return INTERRUPTED
    return OK
