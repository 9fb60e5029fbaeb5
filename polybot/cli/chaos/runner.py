"""The floor's end of `polybot chaos`: bound to the run that started it, then `polybot up`.

`python -m polybot.cli.chaos.runner <pid of the run>`: a run that is killed leaves no floor behind.
"""

import os
import sys

from polybot.adapters.parent_death import end_with_parent
from polybot.cli.exits import Exit, exit_code_of, message_of
from polybot.cli.up import Wishes, start_floor
from polybot.errors import PolybotError


def main(arguments: list[str]) -> int:
    """Become the runner of the floor that the environment describes; returns only on an error."""
    if not end_with_parent(int(arguments[0])):
        return Exit.OK
    try:
        start_floor(Wishes(), dict(os.environ), os.execve)
    except PolybotError as error:
        sys.stderr.write(message_of(error) + "\n")
        return exit_code_of(error)
    return Exit.ERROR


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
