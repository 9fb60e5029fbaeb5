"""Runs one process of the floor in the foreground: `python -m polybot.cli.run <process>`.

Kept apart from the rest of the command line: a process starts without loading typer or rich.
"""

import gc
import sys
from collections.abc import Callable, Sequence

from polybot.cli import identity
from polybot.cli.exits import Exit, exit_code_of, message_of
from polybot.config.locations import PROCESSES
from polybot.errors import ConfigError, PolybotError

USAGE = f"usage: polybot run [--needed] {{{','.join(PROCESSES)}}}"
NEEDED = "--needed"


def run(name: str, run_process: Callable[[str], int] | None = None) -> int:
    """Run a process until it ends and return its exit code: 0, 1, 2 for an unknown name, or 78.

    `run_process` builds and runs it; by default the one of `polybot.bootstrap`.
    """
    if name not in PROCESSES:
        sys.stderr.write(f"polybot: expected a process to run, was {name!r}\n{USAGE}\n")
        return Exit.NOT_FOUND
    # What a start makes, it keeps: collections until READY would look at it for nothing.
    gc.disable()
    try:
        return (run_process or _bootstrap())(name)
    except PolybotError as error:
        # A port taken, a full disk, a state directory of another user: one line that says it.
        sys.stderr.write(message_of(error) + "\n")
        return Exit.DAEMON_CONFIG if isinstance(error, ConfigError) else Exit.ERROR
    finally:
        gc.enable()


def is_needed(name: str) -> int:
    """Return whether the configured mode has this process, as an exit code: 0 yes, 1 no.

    For `ExecCondition=`: 1 skips a unit without calling that a failure. A configuration that cannot
    be read counts as yes, so that the process itself says what is wrong with it.
    """
    # Only the unit of the simulator asks.
    from polybot.config.load import load  # noqa: PLC0415
    from polybot.config.schema import SIMULATED_MODES  # noqa: PLC0415

    is_simulated = load(lenient=True).config.mode in SIMULATED_MODES
    return Exit.OK if name != "simulator" or is_simulated else Exit.ERROR


def _bootstrap() -> Callable[[str], int]:
    # Everything a process needs comes with it: only after its name was found good.
    from polybot.bootstrap import run_process  # noqa: PLC0415

    return run_process


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the process named by the command line."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        identity.settle(["run", *given])
    except PolybotError as error:
        sys.stderr.write(message_of(error) + "\n")
        return exit_code_of(error)
    if given in (["--help"], ["-h"]):
        sys.stdout.write(USAGE + "\n")
        return Exit.OK
    if len(given) == 2 and given[0] == NEEDED and given[1] in PROCESSES:  # noqa: PLR2004
        return is_needed(given[1])
    if len(given) != 1:
        sys.stderr.write(USAGE + "\n")
        return Exit.NOT_FOUND
    return run(given[0])


if __name__ == "__main__":
    sys.exit(main())
