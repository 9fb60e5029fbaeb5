"""The operating system's view of a floor: which of its processes run, found through /proc."""

import contextlib
import fcntl
import os
import re
import signal
from collections.abc import Iterator
from pathlib import Path

import msgspec

from polybot.config.floor import FloorRecord, read_floor
from polybot.config.locations import (
    PROCESSES,
    RUNTIME_NAME,
    Installation,
    Locations,
    absolute,
    find_installation,
    find_runtime,
)

RUNNER = "runner"

_RUNNER_MODULE = "supervisor.supervisord"
_PROCESS_MODULE = "polybot.cli.run"
# An installation's command, bin/polybot: `run <process>` follows.
_COMMAND_MODULE = "polybot.cli.main"
_SERVICE = re.compile(r"/polybot-[a-z]+\.service$")
# Fields 4 and 22 of /proc/<pid>/stat, counted after the command's closing parenthesis (proc(5)).
_PARENT_INDEX, _START_TIME_INDEX = 1, 19


class FloorProcess(msgspec.Struct, frozen=True):
    """A running process of a floor; `name` is a process of ours, or the runner that keeps them."""

    pid: int
    name: str


def floor_processes(
    runtime_dir: Path, *, installation: Installation | None = None, proc: Path = Path("/proc")
) -> list[FloorProcess]:
    """Return the processes that use this runtime directory, the runner first."""
    home = installation or find_installation()
    ours = [seen for seen in _seen(proc) if _runtime_of(seen, home) == runtime_dir]
    names = {seen.pid: seen.name for seen in ours}
    # Between fork and exec a child looks like its parent.
    found = [
        FloorProcess(seen.pid, seen.name)
        for seen in ours
        if names.get(_parent_of(seen.pid, proc)) != seen.name
    ]
    return sorted(found, key=lambda process: (process.name != RUNNER, process.pid))


def runner_is_alive(record: FloorRecord, proc: Path = Path("/proc")) -> bool:
    """Tell whether the runner of a floor's record still runs, and is not another with its pid."""
    return record.pid > 0 and start_time(record.pid, proc) == record.pid_start


def floor_runs(runtime_dir: Path, *, installation: Installation | None = None) -> bool:
    """Tell whether a floor runs here now: by its record, or by its processes under systemd."""
    record = read_floor(runtime_dir)
    if record is not None and runner_is_alive(record):
        return True
    # A service manager's floor leaves no record: it is what the configuration says.
    home = installation or find_installation()
    return not home.is_clone and bool(floor_processes(runtime_dir, installation=home))


def held_locks(locations: Locations) -> list[str]:
    """Return the processes of a floor whose locks somebody holds, whoever that is.

    To be asked when the floor is down: a lock is taken for a moment to find out.
    """
    return [
        name
        for name in PROCESSES
        if _is_held(locations.process_dir(name) / "journal.lock")
        or _is_held(locations.runtime_dir / f"{name}.rpc.lock")
    ]


def how_to_start(installation: Installation | None = None) -> str:
    """Return the command that starts the floor: an installation's is systemd's to keep."""
    is_clone = (installation or find_installation()).is_clone
    return "polybot up" if is_clone else "sudo systemctl start polybot.target"


def start_time(pid: int, proc: Path = Path("/proc")) -> int:
    """Return when a process started, in clock ticks since boot; 0 when there is none."""
    return _stat_field(pid, _START_TIME_INDEX, proc)


def _parent_of(pid: int, proc: Path) -> int:
    return _stat_field(pid, _PARENT_INDEX, proc)


def _stat_field(pid: int, index: int, proc: Path) -> int:
    try:
        fields = (proc / str(pid) / "stat").read_text().rpartition(")")[2].split()
        return int(fields[index])
    except (OSError, IndexError, ValueError):
        return 0


def send(processes: list[FloorProcess], signal_number: signal.Signals) -> None:
    """Signal processes; one that is gone already is no error."""
    for process in processes:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid, signal_number)


def _is_held(lock: Path) -> bool:
    try:
        descriptor = os.open(lock, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        # Never made, or another user's: whoever may not look cannot have been asked to stop it.
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


class _Seen(msgspec.Struct, frozen=True):
    """A process that may be a floor's; `program` is the path it was started by.

    `environ` is None where it may not be read.
    """

    pid: int
    name: str
    program: str
    environ: dict[str, str] | None
    is_service: bool


def _runtime_of(seen: _Seen, home: Installation) -> Path | None:
    """Return the runtime directory a process uses, None when it is none of this installation's."""
    if seen.environ is None:
        # Another user's, or one in a user namespace of its own (PrivateUsers=): of these only what
        # systemd runs as the installation's is ours for sure.
        return find_runtime({}, home) if seen.is_service and not home.is_clone else None
    named = seen.environ.get(RUNTIME_NAME)
    if named:
        return absolute(named)
    ours = not home.is_clone or seen.program.startswith(f"{home.root}{os.sep}")
    # Whoever else runs supervisord does not name a runtime directory of ours.
    return find_runtime(seen.environ, home) if ours and seen.name != RUNNER else None


def _seen(proc: Path) -> Iterator[_Seen]:
    for entry in proc.iterdir():
        if not entry.name.isdecimal():
            continue
        # Gone since the listing, or somebody else's.
        with contextlib.suppress(OSError):
            arguments = os.fsdecode((entry / "cmdline").read_bytes()).split("\0")
            name = _name_of(arguments)
            if name:
                environ = _environment_of(entry)
                yield _Seen(int(entry.name), name, arguments[0], environ, _is_service(entry))


def _name_of(arguments: list[str]) -> str:
    if _RUNNER_MODULE in arguments:
        return RUNNER
    if _PROCESS_MODULE in arguments[:-1]:
        return arguments[arguments.index(_PROCESS_MODULE) + 1]
    if _COMMAND_MODULE in arguments[:-2]:
        said = arguments[arguments.index(_COMMAND_MODULE) + 1 :]
        return said[1] if said[0] == "run" else ""
    # The console script: <python> <…/bin/polybot> run <process>.
    if len(arguments) > 4 and arguments[1].endswith("/polybot") and arguments[2] == "run":  # noqa: PLR2004
        return arguments[3]
    return ""


def _is_service(entry: Path) -> bool:
    """Tell whether systemd runs a process as a unit of the floor; everybody may read that."""
    try:
        lines = (entry / "cgroup").read_text().splitlines()
    except OSError:
        return False
    return any(_SERVICE.search(line) for line in lines)


def _environment_of(entry: Path) -> dict[str, str] | None:
    try:
        block = (entry / "environ").read_bytes()
    except PermissionError:
        return None
    pairs = (entry.partition("=") for entry in os.fsdecode(block).split("\0"))
    return {name: value for name, separator, value in pairs if separator}
