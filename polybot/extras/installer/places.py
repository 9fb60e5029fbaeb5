"""Where an installation is: everything of it under one root, which only a test moves."""

from dataclasses import dataclass
from pathlib import Path

SERVICES = ("simulator", "tracker", "reflector", "watchdog", "trader")
TIMERS = ("cleanup", "backup", "report")
TARGET = "polybot.target"
USER = "polybot"
COMMANDS = ("polybot", "polybot-guard")


def service(name: str) -> str:
    """Return the unit of a process."""
    return f"polybot-{name}.service"


@dataclass(frozen=True)
class Places:
    """The directories and files of an installation."""

    root: Path = Path("/")

    @property
    def releases(self) -> Path:
        """Each release in a directory of its own, and the links to the two that matter."""
        return self.root / "opt/polybot"

    @property
    def current(self) -> Path:
        """The link to the release in use."""
        return self.releases / "current"

    @property
    def previous(self) -> Path:
        """The link to the release that was in use before."""
        return self.releases / "previous"

    @property
    def commands(self) -> Path:
        """Where the links to the commands are."""
        return self.root / "usr/local/bin"

    @property
    def configuration(self) -> Path:
        """The directory of configuration and credentials."""
        return self.root / "etc/polybot"

    @property
    def state(self) -> Path:
        """What lasts."""
        return self.root / "var/lib/polybot"

    @property
    def runtime(self) -> Path:
        """The sockets."""
        return self.root / "run/polybot"

    @property
    def lock(self) -> Path:
        """What an installer holds while it works; gone with the machine's next start."""
        return self.root / "run/polybot-install.lock"

    @property
    def units(self) -> Path:
        """The units."""
        return self.root / "usr/local/lib/systemd/system"

    @property
    def own_units(self) -> Path:
        """What belongs to this machine alone, over the units."""
        return self.root / "etc/systemd/system"

    @property
    def sysusers(self) -> Path:
        """What makes the user."""
        return self.root / "usr/local/lib/sysusers.d/polybot.conf"

    @property
    def tmpfiles(self) -> Path:
        """What makes the directories."""
        return self.root / "usr/local/lib/tmpfiles.d/polybot.conf"

    def release_of(self, link: Path) -> Path | None:
        """Return the release a link leads to, None when there is none."""
        target = link.resolve()
        return target if link.is_symlink() and target.is_dir() else None
