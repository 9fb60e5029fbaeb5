"""How a command ends: its exit codes, and the errors that carry them."""

import enum

from polybot.errors import BusError, ConfigError, NotFound, PolybotError


class Exit(enum.IntEnum):
    """The exit codes scripts may rely on."""

    OK = 0
    ERROR = 1
    NOT_FOUND = 2
    NOT_RUNNING = 3
    CONFIG = 4
    TIMEOUT = 5
    REFUSED = 6
    # A daemon's, so that a service manager does not restart it (sysexits.h EX_CONFIG).
    DAEMON_CONFIG = 78


class CommandError(PolybotError):
    """A command could not do what was asked; `code` is its exit code."""

    code = Exit.ERROR


class Unknown(CommandError):
    """What was named does not exist."""

    code = Exit.NOT_FOUND


class Usage(CommandError):
    """The command was asked for something that makes no sense here."""

    code = Exit.NOT_FOUND


class NotRunning(CommandError):
    """The floor, or the process that would answer, does not run."""

    code = Exit.NOT_RUNNING


class Late(CommandError):
    """What was asked for did not happen in time."""

    code = Exit.TIMEOUT


class Refused(CommandError):
    """A safety rule forbids it."""

    code = Exit.REFUSED


def exit_code_of(error: PolybotError) -> Exit:
    """Return the exit code an error ends a command with."""
    if isinstance(error, CommandError):
        return error.code
    if isinstance(error, ConfigError):
        return Exit.CONFIG
    if isinstance(error, NotFound):
        return Exit.NOT_FOUND
    if isinstance(error, BusError):
        return Exit.NOT_RUNNING
    return Exit.ERROR


def message_of(error: PolybotError) -> str:
    """Return what a command prints on the error stream when an error ends it."""
    if isinstance(error, ConfigError):
        count = len(error.problems)
        plural = "problem" if count == 1 else "problems"
        return "\n".join([f"polybot: {count} {plural} in the configuration", *error.problems])
    return f"polybot: {error}"
