"""Where a floor's files are: configuration, state and sockets, in a clone or an installation."""

import hashlib
import os
import sys
from collections.abc import Mapping
from pathlib import Path

import msgspec

CONFIG_NAME = "POLYBOT_CONFIG"
STATE_NAME = "POLYBOT_STATE_DIR"
RUNTIME_NAME = "POLYBOT_RUNTIME_DIR"
# The pid of the runner that started a process of a floor; set by it, never by a person.
RUNNER_NAME = "POLYBOT_FLOOR_RUNNER"

# How the allocator works in every process, which reads it when it starts. One heap is enough for
# work in one thread, and saves 2 MB. By itself the threshold follows the first large block that is
# freed: the megabytes of a checkpoint then stay with the process, 16 MB after a day.
ALLOCATOR = {"MALLOC_ARENA_MAX": "1", "MALLOC_MMAP_THRESHOLD_": "131072"}

INSTALLED_CONFIG = Path("/etc/polybot/polybot.toml")
INSTALLED_STATE = Path("/var/lib/polybot")
INSTALLED_RUNTIME = Path("/run/polybot")

# A unix socket's path may have 107 bytes (unix(7)); supervisord first binds a name with its pid.
SOCKET_PATH_BYTES = 107
LONGEST_SOCKET = "supervisor.sock.4194304"

PROCESSES = ("simulator", "trader", "tracker", "reflector", "watchdog")

_CLONE_MARKS = ("setup.cfg", "Makefile", "polybot/__init__.py")


class Installation(msgspec.Struct, frozen=True):
    """Where the program is: a clone's root, or the directory of an installation's configuration."""

    root: Path
    is_clone: bool


class Locations(msgspec.Struct, frozen=True):
    """Where everything of one floor is; `floor` names the state's kind (synthetic, replay-…, live).

    `config_path` is where the configuration is looked for; the file may be absent.
    """

    root: Path
    config_path: Path
    state_dir: Path
    runtime_dir: Path
    is_clone: bool
    floor: str

    @property
    def ledger_path(self) -> Path:
        """The database the tracker writes."""
        return self.state_dir / "tracker" / "ledger.sqlite"

    @property
    def simulator_path(self) -> Path:
        """The endpoints of the simulator that listens, written by it."""
        return self.runtime_dir / "simulator.json"

    @property
    def confirmed_time_path(self) -> Path:
        """The wall time that the exchange's clock confirmed last, written by the watchdog."""
        return self.runtime_dir / "clock.json"

    @property
    def books_dir(self) -> Path:
        """The simulated exchange's own journal and checkpoints, beside those of its process."""
        return self.process_dir("simulator") / "exchange"

    def journals(self) -> dict[str, Path]:
        """Return the directories that hold a journal, by process; the exchange's books last."""
        named = {process: self.process_dir(process) for process in PROCESSES}
        named["simulator/exchange"] = self.books_dir
        return {name: path for name, path in named.items() if any(path.glob("journal-*.log"))}

    def process_dir(self, process: str) -> Path:
        """Return where a process keeps its journal and checkpoints."""
        return self.state_dir / process


def find_installation() -> Installation:
    """Find the clone this program runs from, even when its virtual environment holds a copy."""
    package_dir = Path(__file__).resolve().parents[1]
    for candidate in (package_dir.parent, Path(sys.prefix).resolve().parent):
        if all((candidate / mark).is_file() for mark in _CLONE_MARKS):
            return Installation(root=candidate, is_clone=True)
    return Installation(root=INSTALLED_CONFIG.parent, is_clone=False)


def find_config(environ: Mapping[str, str], installation: Installation) -> tuple[Path, bool]:
    """Return the configuration's path, and whether the environment named it (so it must exist)."""
    named = environ.get(CONFIG_NAME, "")
    if named:
        return absolute(named), True
    if installation.is_clone:
        return installation.root / "config" / "polybot.toml", False
    return INSTALLED_CONFIG, False


def find_runtime(environ: Mapping[str, str], installation: Installation) -> Path:
    """Return the directory of the sockets; a clone with a long path uses one under /tmp."""
    named = environ.get(RUNTIME_NAME, "")
    if named:
        return absolute(named)
    if not installation.is_clone:
        return INSTALLED_RUNTIME
    inside = installation.root / "var" / "run"
    if socket_path_fits(inside):
        return inside
    # Not the temporary directory of TMPDIR: two terminals must find the same one.
    return Path("/tmp") / f"polybot-{os.getuid()}-{short_hash(str(inside))}"  # noqa: S108


def find_state(environ: Mapping[str, str], installation: Installation, floor: str) -> Path:
    """Return the directory of everything that lasts."""
    named = environ.get(STATE_NAME, "")
    if named:
        return absolute(named)
    if not installation.is_clone:
        return INSTALLED_STATE
    return installation.root / "var" / "state" / floor


def floor_name(mode: str, recordings: str) -> str:
    """Name a floor so that two sets of recordings never share their state."""
    if mode == "replay" and recordings:
        return f"replay-{Path(recordings).name or 'root'}-{short_hash(recordings)}"
    return mode


def socket_path_fits(runtime_dir: Path) -> bool:
    """Tell whether the longest socket name of a floor fits into this directory."""
    return len(os.fsencode(runtime_dir / LONGEST_SOCKET)) <= SOCKET_PATH_BYTES


def absolute(path: str, base: Path | None = None) -> Path:
    """Make a path a person wrote absolute: ~ is their home, relative ones start from `base`."""
    expanded = os.path.expanduser(path)
    return Path(os.path.normpath((base or Path.cwd()) / expanded))


def short_hash(text: str) -> str:
    """Return six hexadecimal digits that tell one path from another."""
    return hashlib.sha256(os.fsencode(text)).hexdigest()[:6]
