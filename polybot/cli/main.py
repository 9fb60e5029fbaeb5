"""The command `polybot`: `run` goes to the light launcher, the rest to the full command.

A clone has it as a console script, an installation starts it as `python -P -m polybot.cli.main`.
"""

import sys

from polybot.cli import identity, run
from polybot.cli.exits import exit_code_of, message_of
from polybot.errors import PolybotError

INTERRUPTED = 130


def main() -> None:
    """Run the command line of this process and exit with its code."""
    try:
        if sys.argv[1:2] == ["run"]:
            sys.exit(run.main(sys.argv[2:]))
        identity.settle(sys.argv[1:])
        # typer and rich take longer to load than a process may take to start.
        from polybot.cli.app import app  # noqa: PLC0415

        app(prog_name="polybot")
    except PolybotError as error:
        # Of who runs it: a command's own errors end there.
        sys.stderr.write(message_of(error) + "\n")
        sys.exit(exit_code_of(error))
    except KeyboardInterrupt:
        # Ctrl-C while it was still loading: what a shell reports for it, and nothing else.
        sys.exit(INTERRUPTED)


if __name__ == "__main__":
    main()
