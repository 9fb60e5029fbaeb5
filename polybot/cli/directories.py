"""The directories a floor needs: made private, checked before anything is written."""

import os
from pathlib import Path

from polybot.cli.exits import CommandError, Refused
from polybot.config.locations import STATE_NAME, Locations

PRIVATE = 0o700

# Names the kind of floor a state directory belongs to, so that play and real state never mix.
_OWNER_FILE = "floor"


def make_private(path: Path) -> None:
    """Make a directory that only this user may enter; raises CommandError saying what to do."""
    try:
        path.mkdir(mode=PRIVATE, parents=True, exist_ok=True)
        if path.stat().st_uid != os.getuid():
            message = f"expected {path} to belong to this user, was another's; remove or rename it"
            raise CommandError(message)
        path.chmod(PRIVATE)
    except OSError as error:
        message = (
            f"expected to use the directory {path}, was refused: {error.strerror}; make it "
            "writable, or set POLYBOT_STATE_DIR and POLYBOT_RUNTIME_DIR to directories that are"
        )
        raise CommandError(message) from error
    if not os.access(path, os.W_OK | os.X_OK):
        message = f"expected to write in {path}, was not allowed; run: chmod u+rwx {path}"
        raise CommandError(message)


def claim_state(locations: Locations) -> None:
    """Take the state directory for this kind of floor; raises Refused when it is another's."""
    owner_file = locations.state_dir / _OWNER_FILE
    try:
        owner = owner_file.read_text("utf-8").strip() if owner_file.exists() else ""
        if not owner:
            owner_file.write_text(f"{locations.floor}\n", "utf-8")
    except OSError as error:
        message = f"expected to write {owner_file}, was refused: {error.strerror}"
        raise CommandError(message) from error
    if owner and owner != locations.floor:
        message = (
            f"expected {locations.state_dir} to hold the state of a {locations.floor} floor, was "
            f"that of {owner}; set {STATE_NAME} to another directory"
        )
        raise Refused(message)
