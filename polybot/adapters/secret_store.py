"""Where secrets are kept: encrypted credentials of an installation, or a clone's `.env`."""

import contextlib
import logging
import subprocess
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Protocol

from polybot.config.edit import with_variable, without_variable
from polybot.config.environment import read_dotenv
from polybot.config.private_files import PRIVATE_DIRECTORY, read_text, remove, replace_text
from polybot.config.secret_keys import INSTALLED_CREDENTIALS, SecretName, secret_names
from polybot.errors import StorageError

logger = logging.getLogger(__name__)

ENCRYPTED_ENDING = ".cred"
DROP_INS = Path("/etc/systemd/system")
SYSTEMD_CREDS, SYSTEMCTL = "systemd-creds", "systemctl"
_TIMEOUT_S = 30.0

Run = Callable[[Sequence[str], str], str]


class SecretStore(Protocol):
    """Keeps secrets by name; every method raises StorageError when it cannot."""

    def places(self) -> dict[str, str]:
        """Return where each secret that is stored is, by name."""

    def store(self, secret: SecretName, value: str) -> str:
        """Keep a value durably in place of an earlier one; return a warning, "" without one."""

    def remove(self, secret: SecretName) -> bool:
        """Forget a value; return whether there was one."""


class DotenvSecrets:
    """A clone's: one line each in `.env` beside the configuration, mode 600."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def places(self) -> dict[str, str]:
        """Return the secrets with a value in the file."""
        told = read_dotenv(self._path)
        return {s.name: str(self._path) for s in secret_names().values() if told.get(s.variable)}

    def store(self, secret: SecretName, value: str) -> str:
        """Write the line; every other line stays."""
        text = with_variable(read_text(self._path), secret.variable, value)
        replace_text(self._path, text, private=True)
        return ""

    def remove(self, secret: SecretName) -> bool:
        """Take the line out."""
        if secret.name not in self.places():
            return False
        text = without_variable(read_text(self._path), secret.variable)
        replace_text(self._path, text, private=True)
        return True


class InstalledSecrets:
    """An installation's: one file each, encrypted for this machine by systemd-creds(1).

    Where that does not work the file is plain, and a drop-in of each unit that gets the secret
    names it. Only root may use this.
    """

    def __init__(
        self,
        directory: Path = INSTALLED_CREDENTIALS,
        drop_ins: Path = DROP_INS,
        run: Run | None = None,
    ) -> None:
        self._directory = directory
        self._drop_ins = drop_ins
        self._run = run or run_tool

    def places(self) -> dict[str, str]:
        """Return the file of each secret that is stored."""
        found = {}
        for name in secret_names():
            for path in (self._encrypted(name), self._plain(name)):
                if path.exists():
                    found[name] = str(path)
                    break
        return found

    def store(self, secret: SecretName, value: str) -> str:
        """Encrypt a value; one that cannot be encrypted is stored plain, and the warning says so.

        The other form is removed, so that no unit goes on with an old value.
        """
        name = secret.name
        with _translated(self._directory):
            self._directory.mkdir(mode=PRIVATE_DIRECTORY, parents=True, exist_ok=True)
            self._directory.chmod(PRIVATE_DIRECTORY)
        try:
            text = self._run([SYSTEMD_CREDS, "encrypt", f"--name={name}", "-", "-"], value)
        except StorageError as error:
            replace_text(self._plain(name), value, private=True)
            for path in self._drop_ins_of(secret):
                line = f"LoadCredential={name}:{self._plain(name)}"
                replace_text(path, f"[Service]\n{line}\n", private=False)
                with _translated(path):
                    path.parent.chmod(0o755)
                    path.chmod(0o644)
            remove(self._encrypted(name))
            self._reload()
            return f"{name} is stored UNENCRYPTED in {self._plain(name)}: {error}"
        replace_text(self._encrypted(name), text, private=True)
        if self._forget_plain(secret):
            self._reload()
        return ""

    def remove(self, secret: SecretName) -> bool:
        """Remove the file in either form, and the drop-ins that name it."""
        was_encrypted = remove(self._encrypted(secret.name))
        was_plain = self._forget_plain(secret)
        if was_plain:
            self._reload()
        return was_encrypted or was_plain

    def read(self, name: str) -> str:
        """Return a value, "" when none is stored; raises StorageError when it is unreadable."""
        encrypted = self._encrypted(name)
        if encrypted.exists():
            return self._run([SYSTEMD_CREDS, "decrypt", f"--name={name}", str(encrypted), "-"], "")
        return read_text(self._plain(name))

    def _forget_plain(self, secret: SecretName) -> bool:
        was_there = remove(self._plain(secret.name))
        for path in self._drop_ins_of(secret):
            # Whoever wrote more beside it keeps his directory.
            if path.parent.is_dir() and remove(path):
                was_there = True
                with contextlib.suppress(OSError):
                    path.parent.rmdir()
        return was_there

    def _reload(self) -> None:
        try:
            self._run([SYSTEMCTL, "daemon-reload"], "")
        except StorageError as error:
            logger.warning("run `systemctl daemon-reload` yourself: %s", error)

    def _encrypted(self, name: str) -> Path:
        return self._directory / f"{name}{ENCRYPTED_ENDING}"

    def _plain(self, name: str) -> Path:
        return self._directory / name

    def _drop_ins_of(self, secret: SecretName) -> list[Path]:
        return [
            self._drop_ins / f"{unit}.service.d" / f"plain-{secret.name}.conf"
            for unit in secret.units
        ]


def run_tool(command: Sequence[str], text: str) -> str:
    """Run a tool of systemd's with a text as its input and return what it printed.

    Raises StorageError with the tool's own last words; the text is never among them.
    """
    try:
        done = subprocess.run(
            command, input=text, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired, UnicodeDecodeError) as error:
        raise StorageError(f"{command[0]} could not be run: {_reason(error)}") from error
    if done.returncode:
        said = done.stderr.strip().splitlines()[-1:] or [f"exit code {done.returncode}"]
        raise StorageError(f"{' '.join(command[:2])} failed: {said[0]}")
    return done.stdout


def _reason(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return "it did not end in time" if isinstance(error, subprocess.TimeoutExpired) else str(error)


@contextlib.contextmanager
def _translated(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StorageError(f"cannot use {path}: {error.strerror}; run this as root") from error
