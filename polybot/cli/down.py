"""How a floor's processes are ended: by their runner, by signals, or by systemd."""

import os
import pwd
import signal
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from polybot.adapters.service_units import PatienceOver, ServiceUnits
from polybot.cli.exits import CommandError, Late
from polybot.cli.output import warn
from polybot.cli.processes import RUNNER, FloorProcess, floor_processes, held_locks, send
from polybot.config.locations import Locations

# Everything together ends within ten seconds: so long for a clean end, for a hard one, and until
# those that were killed have let go of their locks.
CLEAN_S = 7.5
HARD_S = 1.5
LOCKS_S = 1.0
# systemd's own time limits are shorter, and it kills what does not keep them.
UNITS_S = 180.0
# Somebody who waits longer than this wants to know for whom.
TELL_S = 2.0
_POLL_S = 0.05


class NotRoot(CommandError):
    """Somebody who may not stop services asked for it; nothing was tried."""


class Ended(msgspec.Struct, frozen=True):
    """What was stopped, what of it only by force, and how long that took; nothing runs any more.

    A service that was about to be started again has the process id 0.
    """

    stopped: tuple[FloorProcess, ...] = ()
    killed: tuple[FloorProcess, ...] = ()
    took_s: float = 0.0


def end_processes(runtime_dir: Path, *, clean_s: float = CLEAN_S, hard_s: float = HARD_S) -> Ended:
    """Stop what uses a runtime directory; raises Late when something is still there at the end."""
    running = floor_processes(runtime_dir)
    if not running:
        return Ended()
    started = time.monotonic()
    # The runner stops the others in their order; without one they are told themselves.
    runners = [process for process in running if process.name == RUNNER]
    send(runners or running, signal.SIGTERM)
    progress = Progress(lambda: floor_processes(runtime_dir))
    left = _wait_for_end(runtime_dir, clean_s, progress)
    killed = left
    if left:
        # The runner first, or it would start the others again.
        send(left, signal.SIGKILL)
        left = _wait_for_end(runtime_dir, hard_s, progress)
    took_s = time.monotonic() - started
    if left:
        message = f"expected an end within {took_s:.1f} s, was still running: {named(left)}"
        raise Late(message)
    return Ended(stopped=tuple(running), killed=tuple(killed), took_s=took_s)


def end_units(runtime_dir: Path, units: ServiceUnits) -> Ended:
    """Stop an installation's services by systemd, and wait until they are down.

    Raises NotRoot for anybody but root, Late when something still runs at the end.
    """
    if os.geteuid() != 0:
        user = pwd.getpwuid(os.geteuid()).pw_name
        raise NotRoot(f"expected root, who may stop services, was {user}; run: sudo polybot stop")
    running = floor_processes(runtime_dir)
    active = units.running()
    if not running and not active:
        return Ended()
    started = time.monotonic()
    progress = Progress(lambda: floor_processes(runtime_dir))
    try:
        units.stop(patience_s=UNITS_S, told=progress)
    except PatienceOver as error:
        raise Late(str(error)) from error
    # What is no unit's, such as a process somebody started by hand, systemd knows nothing of.
    if floor_processes(runtime_dir):
        end_processes(runtime_dir)
    if left := units.running():
        names = ", ".join(f"{unit.name} ({unit.state})" for unit in left)
        raise Late(f"expected every service to be down, was still there: {names}")
    # A service between two crashes has no process at that moment, and was to be started again.
    seen = {process.name for process in running}
    others = [FloorProcess(unit.pid, unit.process) for unit in active if unit.process not in seen]
    return Ended(stopped=(*running, *others), took_s=time.monotonic() - started)


def refuse_held(locations: Locations, *, patience_s: float = LOCKS_S) -> None:
    """Make sure that nobody holds a lock of a floor that is down; raises Late naming whose."""
    # A process that is being ended loses its command line first and its open files a little later.
    deadline_s = time.monotonic() + patience_s
    while (held := held_locks(locations)) and time.monotonic() < deadline_s:
        time.sleep(_POLL_S)
    if held:
        raise Late(
            f"expected nobody to use {locations.state_dir} any more, was locked as "
            f"{', '.join(held)}; a process of another user or another place: end it there"
        )


def trader_runs(locations: Locations) -> bool:
    """Return whether a trader may still order: one runs, or somebody holds its journal."""
    names = {process.name for process in floor_processes(locations.runtime_dir)}
    return "trader" in names.union(held_locks(locations))


class Progress:
    """Says every other second who still runs."""

    def __init__(self, left: Callable[[], list[FloorProcess]]) -> None:
        self._left = left
        self._next_s = TELL_S

    def __call__(self, took_s: float) -> None:
        """Hear how long it takes already."""
        if took_s >= self._next_s:
            self._next_s = took_s + TELL_S
            warn(f"after {took_s:.0f} s there still run: {named(self._left()) or 'no processes'}")


def named(processes: list[FloorProcess] | tuple[FloorProcess, ...]) -> str:
    """Name processes with their pids, as far as they have one."""
    return ", ".join(f"{process.name} ({process.pid or 'about to start'})" for process in processes)


def _wait_for_end(runtime_dir: Path, seconds: float, progress: Progress) -> list[FloorProcess]:
    """Return what still runs after waiting until nothing does, or for so long."""
    started = time.monotonic()
    left = floor_processes(runtime_dir)
    while left and time.monotonic() - started < seconds:
        progress(time.monotonic() - started)
        time.sleep(_POLL_S)
        left = floor_processes(runtime_dir)
    return left
