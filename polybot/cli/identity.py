"""Who runs a command: in an installation root becomes the service's user, its group stays itself.

What root leaves in the state directory (SQLite's `-shm`, a journal's lock) would stop the service,
which could no longer write there. So root gives its rights up before anything is opened, except for
what nobody else may do. Loaded by every process: nothing heavy here.
"""

import contextlib
import os
import pwd
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from polybot.cli.exits import CommandError, Refused
from polybot.config.locations import (
    INSTALLED_RUNTIME,
    INSTALLED_STATE,
    STATE_NAME,
    Installation,
    Locations,
    absolute,
    find_installation,
)

SERVICE_USER = "polybot"
# Files of a clone are its owner's; those of an installation are shared with the group.
PRIVATE_UMASK, SHARED_UMASK = 0o077, 0o007
# As tmpfiles.d makes it: what is made in it is the group's.
_STATE_MODE = 0o2770

# These stay root: they ask systemd, or write what only root may write.
_ROOTS = ("stop", "down", "init", "secret")
AS_ROOT = frozenset(_ROOTS)
# `backup` does when it is given a file, which may be where only root gets at it.
_BACKUP = "backup"

# What only root may run, and why; the service's user may too, but for `_ROOTS`.
_KEY = "it reads the private key"
_WALLET_FILES = "it reads the wallet's API credentials"
_OWNER = "what it writes must belong to the service"
ROOT_ONLY: dict[str, str] = {
    "stop": "it asks systemd",
    "down": "it asks systemd",
    "init": "it stores the private key",
    "secret": "it writes where only root may",
    "arm": _KEY,
    "wallet": _KEY,
    "redeem": _KEY,
    "split": _KEY,
    "merge": _KEY,
    "orders": _WALLET_FILES,
    "positions": _WALLET_FILES,
    "balance": _WALLET_FILES,
    "cancel-all": _WALLET_FILES,
    "audit": _WALLET_FILES,
    "run": _OWNER,
    "up": _OWNER,
    "cleanup": _OWNER,
    "backup create": "it reads the wallet's files",
    "backup restore": _OWNER,
    "doctor --live": _KEY,
    "report --send": "it reads the chats' tokens",
}

# Commands that need secrets which systemd otherwise gives to a unit; "*" is all of them.
_KEY_NAMES = ("polymarket_private_key", "polymarket_relayer_api_key")
SECRETS: dict[str, tuple[str, ...]] = {
    "arm": ("*",),
    "config": ("*",),
    "doctor": ("*",),
    "init": ("polymarket_private_key",),
    "merge": _KEY_NAMES,
    "redeem": _KEY_NAMES,
    "report": (
        "telegram_bot_token",
        "telegram_chat_id",
        "slack_webhook_url",
        "discord_webhook_url",
    ),
    "split": _KEY_NAMES,
    "wallet": _KEY_NAMES,
}

_HARMLESS = frozenset({"-h", "--help", "-V", "--version"})


def settle(
    arguments: Sequence[str],
    environ: Mapping[str, str] | None = None,
    installation: Installation | None = None,
) -> None:
    """Make this process the one its command should be, before anything is opened.

    Sets the umask. Raises Refused for a user who may not run this, CommandError when root cannot
    become the service's user.
    """
    named = os.environ if environ is None else environ
    service = _service_of(named, installation or find_installation())
    if service is None:
        os.umask(PRIVATE_UMASK)
        return
    os.umask(SHARED_UMASK)
    # Between others it may be an option's value.
    if not arguments or _HARMLESS.intersection((arguments[0], arguments[-1])):
        return
    if os.geteuid() == 0:
        _settle_root(arguments, service)
    elif os.geteuid() == service.pw_uid:
        _refuse(arguments, _ROOTS)
    elif service.pw_gid in (os.getegid(), *os.getgroups()):
        _refuse(arguments, ROOT_ONLY)
    else:
        raise Refused(
            f"run it as root or as a member of the group {SERVICE_USER}: "
            f"usermod -aG {SERVICE_USER} {_name_of(os.geteuid())}, then log in again"
        )


def service_user() -> pwd.struct_passwd | None:
    """Return the user the services run as, None where there is none."""
    try:
        return pwd.getpwnam(SERVICE_USER)
    except KeyError:
        return None


def is_service_floor(locations: Locations) -> bool:
    """Return whether a floor is the installation's own, whose files the group shares."""
    installed = not locations.is_clone and locations.state_dir == INSTALLED_STATE
    return installed and service_user() is not None


def sees_secrets(installation: Installation | None = None) -> bool:
    """Return whether this process may see the floor's secrets: all but a member of the group."""
    service = _service_of(os.environ, installation or find_installation())
    return service is None or os.geteuid() in (0, service.pw_uid)


@contextlib.contextmanager
def acting_as_service() -> Iterator[None]:
    """Let root write as the service's user meanwhile; for anybody else nothing changes."""
    service = service_user()
    if os.geteuid() != 0 or service is None:
        yield
        return
    groups, group = os.getgroups(), os.getegid()
    os.setgroups([service.pw_gid])
    os.setegid(service.pw_gid)
    os.seteuid(service.pw_uid)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(group)
        os.setgroups(groups)


def hand_to_group(path: Path) -> None:
    """Let the service's group read a file of root's (mode 640); nothing for anybody but root."""
    service = service_user()
    if os.geteuid() == 0 and service is not None:
        os.chown(path, 0, service.pw_gid)
        path.chmod(0o640)


def give_back(directory: Path) -> None:
    """Give the state directory and all below it that root made to the service's user.

    Follows no links. Does nothing for anybody but root.
    """
    service = service_user()
    if os.geteuid() != 0 or service is None or not directory.is_dir():
        return
    if not directory.is_symlink() and directory.stat().st_uid == 0:
        # Root made it anew, for a restore where there was none.
        os.chown(directory, service.pw_uid, service.pw_gid)
        directory.chmod(_STATE_MODE)
    for _, directories, files, place in os.fwalk(directory):
        for name in (*directories, *files):
            # It may be gone by now.
            with contextlib.suppress(FileNotFoundError):
                if os.stat(name, dir_fd=place, follow_symlinks=False).st_uid == 0:
                    os.chown(
                        name, service.pw_uid, service.pw_gid, dir_fd=place, follow_symlinks=False
                    )


def _service_of(environ: Mapping[str, str], installation: Installation) -> pwd.struct_passwd | None:
    """Return the service's user where commands are for its floor, None for a floor of one's own.

    A clone's is, and one whose state directory the environment names elsewhere.
    """
    state = environ.get(STATE_NAME, "")
    if installation.is_clone or (state and absolute(state) != INSTALLED_STATE):
        return None
    return service_user()


def _settle_root(arguments: Sequence[str], service: pwd.struct_passwd) -> None:
    command = arguments[0]
    names = SECRETS.get(command, ())
    values: dict[str, str] = {}
    if names:
        # Only these commands load what knows the secrets.
        from polybot.cli.held_secrets import read_secrets  # noqa: PLC0415

        values = read_secrets(names)
    stays = command in AS_ROOT or (command == _BACKUP and _names_a_file(arguments[1:]))
    if not stays:
        become(service)
    if values:
        from polybot.cli.held_secrets import hold  # noqa: PLC0415

        hold(values, Path("/run") if stays else INSTALLED_RUNTIME)


def become(user: pwd.struct_passwd) -> None:
    """Become a user for good; raises CommandError when this process may not."""
    try:
        os.initgroups(user.pw_name, user.pw_gid)
        os.setgid(user.pw_gid)
        os.setuid(user.pw_uid)
    except OSError as error:
        raise CommandError(
            f"expected to become the user {user.pw_name}, was refused: {error.strerror}"
        ) from error
    os.environ.update(HOME=user.pw_dir, USER=user.pw_name, LOGNAME=user.pw_name)
    # Root's own; nobody else may enter.
    os.environ.pop("XDG_RUNTIME_DIR", None)


def _names_a_file(arguments: Sequence[str]) -> bool:
    """Return whether a backup is read from, or written to, a place a person named."""
    if arguments[:1] == ["create"]:
        return any(each.startswith(("--out", "-o")) for each in arguments)
    return arguments[:1] in (["verify"], ["restore"])


def _refuse(arguments: Sequence[str], commands: Mapping[str, str] | Sequence[str]) -> None:
    for command in commands:
        words = command.split()
        if words[0] == arguments[0] and set(words[1:]) <= set(arguments[1:]):
            raise Refused(f"polybot {command} needs root: {ROOT_ONLY[command]}")


def _name_of(user: int) -> str:
    try:
        return pwd.getpwuid(user).pw_name
    except KeyError:
        return f"<user {user}>"
