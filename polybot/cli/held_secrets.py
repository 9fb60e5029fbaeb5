"""The secrets a command of root's works with, as systemd gives a service its credentials."""

import atexit
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from polybot.adapters.secret_store import InstalledSecrets
from polybot.config.credentials import DIRECTORY_NAME
from polybot.config.secret_keys import secret_names
from polybot.errors import StorageError

ALL = "*"
_PREFIX = ".secrets-"
_ENDED = 128


def read_secrets(names: Sequence[str], store: InstalledSecrets | None = None) -> dict[str, str]:
    """Return the values of the secrets that are stored, by name; root's to call.

    One that cannot be read is said on the error stream and left out: the command says what it
    cannot do without it.
    """
    known = store or InstalledSecrets()
    found = {}
    for name in secret_names() if ALL in names else names:
        try:
            value = known.read(name).strip()
        except StorageError as error:
            sys.stderr.write(f"polybot: warning: {name} cannot be read: {error}\n")
            continue
        if value:
            found[name] = value
    return found


def hold(values: Mapping[str, str], parent: Path) -> Path:
    """Write secrets into a directory of this process alone, gone at its end, and name it.

    Raises StorageError when `parent` cannot be written.
    """
    try:
        _sweep(parent)
        directory = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-", dir=parent))
        atexit.register(shutil.rmtree, directory, ignore_errors=True)
        for name, value in values.items():
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
            with os.fdopen(os.open(directory / name, flags, 0o400), "w", encoding="utf-8") as file:
                file.write(value)
    except OSError as error:
        raise StorageError(
            f"expected to write in {parent}, was refused ({error.strerror}); run: "
            "systemd-tmpfiles --create"
        ) from error
    # A signal's own end would leave them there.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _leave)
    os.environ[DIRECTORY_NAME] = str(directory)
    return directory


def _leave(number: int, _: object) -> None:
    sys.exit(_ENDED + number)


def _sweep(parent: Path) -> None:
    """Remove what a killed command left behind."""
    for path in parent.glob(f"{_PREFIX}*"):
        pid = path.name.removeprefix(_PREFIX).partition("-")[0]
        if pid.isdecimal() and not Path("/proc", pid).exists():
            shutil.rmtree(path, ignore_errors=True)
