"""What `polybot chaos` does to the machine under a process of its own floor: its clock, its disk.

Each process of that floor is told a file by its environment and looks into it whenever it reads the
wall clock or is about to sync. Anywhere else there is no such file, and nothing here is called.
"""

import logging
import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import msgspec

from polybot.adapters.clock import SystemClock
from polybot.errors import ConfigError
from polybot.ports import Clock
from polybot.ports.crash_points import on_reach

logger = logging.getLogger(__name__)

# Set by `polybot chaos` for its own floor, never by a person.
VARIABLE: Final = "POLYBOT_FLOOR_CHAOS"
# The simulated exchange is somewhere else: it has its own clock and its own disk.
EXEMPT: Final = "simulator"
SECOND_NS: Final = 1_000_000_000
# The thread that reaches one of these waits for the disk next: for the journal's fdatasync, for a
# checkpoint's fsync, for the commit of the database.
SYNC_POINTS: Final = frozenset({"journal.unsynced", "checkpoint.begun", "ingest.storing"})


class Conditions(msgspec.Struct, frozen=True, kw_only=True):
    """How far the wall clock is off, and how much longer each sync takes, both in seconds."""

    clock_shift_s: int = 0
    sync_s: float = 0.0


def write_conditions(path: Path, conditions: Conditions) -> None:
    """Replace the conditions at once: no process may read half of them."""
    draft = path.with_suffix(".new")
    draft.write_bytes(msgspec.json.encode(conditions))
    draft.replace(path)


class ConditionsFile:
    """The conditions as they are now; the file is read again only when it was replaced."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen = 0
        self._now = Conditions()

    def now(self) -> Conditions:
        """Return what holds now: nothing out of the ordinary without a file."""
        try:
            written = os.stat(self._path).st_mtime_ns
            if written != self._seen:
                self._now = msgspec.json.decode(self._path.read_bytes(), type=Conditions)
                self._seen = written
        except FileNotFoundError:
            self._now = Conditions()
        return self._now


class ShiftedClock:
    """A machine's clocks, the wall clock off by what the conditions say."""

    def __init__(self, clock: Clock, conditions: ConditionsFile) -> None:
        self._clock = clock
        self._conditions = conditions

    def now_ns(self) -> int:
        """Return UTC epoch nanoseconds, shifted."""
        return self._clock.now_ns() + self._conditions.now().clock_shift_s * SECOND_NS

    def monotonic_ns(self) -> int:
        """Return nanoseconds of the system-wide monotonic clock, which nobody can set."""
        return self._clock.monotonic_ns()


class SlowDisk:
    """Makes each sync take longer: called with every crash point, it waits at those before one."""

    def __init__(
        self, conditions: ConditionsFile, wait: Callable[[float], None] = time.sleep
    ) -> None:
        self._conditions = conditions
        self._wait = wait
        self._told_s = 0.0

    def __call__(self, point: str) -> None:
        """Wait if a sync comes next."""
        if point not in SYNC_POINTS:
            return
        sync_s = self._conditions.now().sync_s
        if sync_s != self._told_s:
            self._told_s = sync_s
            logger.warning("chaos: a sync takes %.2f s longer", sync_s)
        if sync_s:
            self._wait(sync_s)


def machine_clock(process: str, environment: Mapping[str, str]) -> Clock:
    """Return the clock of the machine a process runs on."""
    conditions = _told(process, environment)
    return SystemClock() if conditions is None else ShiftedClock(SystemClock(), conditions)


def suffer_as_told(process: str, environment: Mapping[str, str], *, mode: str) -> None:
    """Let this process meet a slow disk when `polybot chaos` says so.

    Without the variable nothing happens. Raises ConfigError in live mode, where nobody may slow a
    trader down or set its clock from its environment.
    """
    told = environment.get(VARIABLE, "")
    if told and mode == "live":
        raise ConfigError([f"{VARIABLE}: expected none in live mode, was {told!r}; unset it"])
    conditions = _told(process, environment)
    if conditions is not None:
        on_reach(SlowDisk(conditions))


def _told(process: str, environment: Mapping[str, str]) -> ConditionsFile | None:
    path = environment.get(VARIABLE, "")
    return ConditionsFile(Path(path)) if path and process != EXEMPT else None
