"""Starts the installer, from the root of a clone: `python3 -m polybot.extras.installer install`."""

import sys

OLDEST = (3, 11)


def start(version: tuple[int, ...] = sys.version_info[:2]) -> int:
    """Carry out what the command line asks for, with a Python that can load what does it."""
    if version < OLDEST:
        told = f"expected Python 3.11 or newer, was {version[0]}.{version[1]}"
        sys.stderr.write(f"polybot: {told}; Debian 12 has it, or set PYTHON\n")
        return 1
    # An older one could not even read these.
    from polybot.extras.installer.command_line import main  # noqa: PLC0415

    return main()


if __name__ == "__main__":
    sys.exit(start())
