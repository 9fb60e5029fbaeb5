"""The directories a floor needs: made private, checked before anything is written."""

import errno
import os
import stat
from pathlib import Path

from polybot.cli.exits import CommandError, Refused
from polybot.config.locations import STATE_NAME, Locations
from polybot.runtime.disk import storage_error

PRIVATE = 0o770

_ELSEWHERE = "set POLYBOT_STATE_DIR and POLYBOT_RUNTIME_DIR to directories"

# Names the kind of floor a state directory belongs to, so that play and real state never mix.
_OWNER_FILE = "floor"


def make_private(path: Path) -> None:
    """Make a directory for whom the umask says, or check one that is there already.

    One that is there keeps its mode: it may be somebody's home. A group may write in one that is
    setgid: an installation's are shared with it on purpose. Raises CommandError saying what to do.
    """
    try:
        path.mkdir(mode=PRIVATE, parents=True, exist_ok=True)
        found = path.stat()
    except OSError as error:
        raise CommandError(_no_directory(path, error)) from error
    if found.st_uid != os.geteuid():
        message = f"expected {path} to belong to this user, was another's; {_ELSEWHERE} of your own"
        raise CommandError(message)
    if found.st_mode & (stat.S_IWOTH | (0 if found.st_mode & stat.S_ISGID else stat.S_IWGRP)):
        message = (
            f"expected {path} to be writable for this user alone, was mode "
            f"{stat.S_IMODE(found.st_mode):o}; {_ELSEWHERE} of their own"
        )
        raise CommandError(message)
    if not os.access(path, os.W_OK | os.X_OK):
        message = f"expected to write in {path}, was not allowed; run: chmod u+rwx {path}"
        raise CommandError(message)


def _no_directory(path: Path, error: OSError) -> str:
    if error.errno in (errno.EEXIST, errno.ENOTDIR):
        what = "a file was in its place; move that away"
    else:
        what = f"was refused: {error.strerror}; make it writable"
    return f"expected to use the directory {path}, {what}, or {_ELSEWHERE} that can be written"


def claim_state(locations: Locations) -> None:
    """Take the state directory for this kind of floor.

    Raises Refused when it is another's, StorageError when it cannot be written.
    """
    owner_file = locations.state_dir / _OWNER_FILE
    try:
        owner = owner_file.read_text("utf-8").strip() if owner_file.exists() else ""
        if not owner:
            owner_file.write_text(f"{locations.floor}\n", "utf-8")
    except OSError as error:
        raise storage_error(error, owner_file) from error
    if owner and owner != locations.floor:
        message = (
            f"expected {locations.state_dir} to hold the state of a {locations.floor} floor, was "
            f"that of {owner}; set {STATE_NAME} to another directory"
        )
        raise Refused(message)
