"""What each scenario does to the floor: how it begins, how it ends, and how we know it took hold.

A strike that nobody felt proves nothing, so each returns what is still missing of its effect.
"""

import re
import signal
from collections.abc import Callable
from typing import Any, Final, Protocol

from polybot.adapters.small_disk import SmallDisk
from polybot.bootstrap.chaos import plan
from polybot.bootstrap.chaos.conditions import Conditions
from polybot.bootstrap.chaos.plan import Blow
from polybot.cli.chaos.floor import ChaosFloor
from polybot.config.locations import PROCESSES

Rules = list[dict[str, Any]]

_USER: Final = "user"
_TRADING: Final = ["* /order*", "* /cancel*", "GET /data/*", "GET /balance*"]


class Strike(Protocol):
    """One strike of a scenario, carried out once."""

    def begin(self) -> None:
        """Let it happen."""

    def end(self) -> None:
        """Take it back; called whatever happened meanwhile, also before `begin` came to its end."""

    def missing(self) -> str:
        """Return what shows that it did not take hold, or is not over; "" when nothing does."""


class Faults:
    """Faults of the simulated exchange, for as long as it holds."""

    def __init__(
        self, floor: ChaosFloor, rules: Rules, blow: Blow, afterwards: Rules | None = None
    ) -> None:
        self._floor = floor
        self._rules = rules
        self._afterwards = afterwards or []
        self._seed = int(blow.hold_s * 100)
        self._before = 0
        self._shown = 0

    def begin(self) -> None:
        """Bring the rules into force."""
        told = self._floor.ask("/simulator/faults", {"seed": self._seed, "rules": self._rules})
        self._before = int(told["total"])

    def end(self) -> None:
        """Bring into force what comes afterwards, nothing as a rule, and count what was shown."""
        told = self._floor.ask("/simulator/faults", {"rules": self._afterwards})
        self._shown = int(told["total"]) - self._before

    def missing(self) -> str:
        """Ask for a fault at least."""
        return "" if self._shown > 0 else "the exchange showed none of the faults"


class Frozen(Faults):
    """Streams that fall silent; frozen is each until its client gives it up and comes back.

    Silence is normal on the user's stream: reconciling finds what it would have told, and its
    connection is reset in the end, as one that is half open is sooner or later.
    """

    def __init__(self, floor: ChaosFloor, blow: Blow) -> None:
        rules = [{"fault": "freeze", "stream": each, "nth": 1} for each in blow.targets]
        is_user = _USER in blow.targets
        after = [{"fault": "disconnect", "stream": _USER, "nth": 1}] if is_user else []
        super().__init__(floor, rules, blow, after)
        self._streams = blow.targets
        self._offset = 0

    def begin(self) -> None:
        """Freeze the streams at their next frames."""
        self._offset = self._floor.log_size()
        super().begin()

    def missing(self) -> str:
        """Ask for a connection anew of each stream."""
        said = self._floor.said_since(self._offset)
        silent = [each for each in self._streams if not _is_back(each, said)]
        return super().missing() or (f"not connected anew: {', '.join(silent)}" if silent else "")


class Clock:
    """A wall clock that is off."""

    def __init__(self, floor: ChaosFloor, blow: Blow) -> None:
        self._floor = floor
        self._shift_s = int(blow.amount)
        self._offset = 0

    def begin(self) -> None:
        """Set the clocks of all processes but the exchange's."""
        self._offset = self._floor.log_size()
        self._floor.set_conditions(Conditions(clock_shift_s=self._shift_s))

    def end(self) -> None:
        """Set them right."""
        self._floor.set_conditions(Conditions())

    def missing(self) -> str:
        """Ask for each process's own words about the jump."""
        said = self._floor.said_since(self._offset)
        jump = f"the wall clock jumped by {self._shift_s:+d}.0 s"
        deaf = [name for name in _FLOOR if f"{name}: {jump}" not in said]
        return f"not noticed by {', '.join(deaf)}" if deaf else ""


class SlowSyncs:
    """A disk whose syncs take longer."""

    def __init__(self, floor: ChaosFloor, blow: Blow) -> None:
        self._floor = floor
        self._sync_s = blow.amount
        self._offset = 0

    def begin(self) -> None:
        """Slow the disk down."""
        self._offset = self._floor.log_size()
        self._floor.set_conditions(Conditions(sync_s=self._sync_s))

    def end(self) -> None:
        """Let it be as fast as it is."""
        self._floor.set_conditions(Conditions())

    def missing(self) -> str:
        """Ask for a slow sync in the trader and in the tracker, which write all the time."""
        said = self._floor.said_since(self._offset)
        words = f"chaos: a sync takes {self._sync_s:.2f} s longer"
        quick = [name for name in ("trader", "tracker") if f"{name}: {words}" not in said]
        return f"no slow sync in {', '.join(quick)}" if quick else ""


class FullDisk:
    """A disk without space."""

    def __init__(self, floor: ChaosFloor, disk: SmallDisk) -> None:
        self._floor = floor
        self._disk = disk
        self._was_full = False
        self._offset = 0

    def begin(self) -> None:
        """Take all space."""
        self._offset = self._floor.log_size()
        self._disk.take_space()

    def end(self) -> None:
        """Give it back; whether it was full until now is seen first."""
        self._was_full = self._disk.is_full()
        self._disk.give_space()

    def missing(self) -> str:
        """Ask the system for ENOSPC, and the floor for a word about it."""
        if not self._was_full:
            return "the disk could still be written"
        said = self._floor.said_since(self._offset)
        noticed = re.search(r"free space on this disk|No space left|disk is full|no room", said)
        return "" if noticed else "nobody noticed the full disk"


class Killed:
    """Processes killed by SIGKILL, right after each other."""

    def __init__(self, floor: ChaosFloor, blow: Blow) -> None:
        self._floor = floor
        self._names = blow.targets
        self._old: dict[str, int] = {}

    def begin(self) -> None:
        """Kill them."""
        pids = self._floor.pids()
        for name in self._names:
            pid = pids.get(name, 0)
            if self._floor.signal(pid, signal.SIGKILL):
                self._old[name] = pid

    def end(self) -> None:
        """Leave it to the runner to start them again."""

    def missing(self) -> str:
        """Ask for another process in place of each."""
        spared = [name for name in self._names if name not in self._old]
        pids = self._floor.pids()
        dead = [name for name, old in self._old.items() if pids.get(name, old) == old]
        if spared:
            return f"not killed, because it did not run: {', '.join(spared)}"
        return f"not started again: {', '.join(dead)}" if dead else ""


class Stopped:
    """Processes that stand still."""

    def __init__(self, floor: ChaosFloor, blow: Blow) -> None:
        self._floor = floor
        self._names = blow.targets
        self._stopped: list[int] = []
        self._stood_still = False

    def begin(self) -> None:
        """Stop them."""
        pids = self._floor.pids()
        chosen = [pids.get(name, 0) for name in self._names]
        self._stopped = [pid for pid in chosen if self._floor.signal(pid, signal.SIGSTOP)]

    def end(self) -> None:
        """Let them go on; whether they stood still until now, or were replaced, is seen first."""
        running = self._floor.pids().values()
        self._stood_still = bool(self._stopped) and all(
            self._floor.stands_still(pid) or pid not in running for pid in self._stopped
        )
        for pid in self._stopped:
            self._floor.let_go(pid)

    def missing(self) -> str:
        """Ask for processes that stood still."""
        return "" if self._stood_still else "it did not stand still"


def make_strike(scenario: str, blow: Blow, floor: ChaosFloor, disk: SmallDisk | None) -> Strike:
    """Return a strike of a scenario; one at the disk needs a small disk."""
    if scenario == plan.DISK_FULL:
        if disk is None:
            raise ValueError("expected a small disk for disk-full, was none")
        return FullDisk(floor, disk)
    made: dict[str, Callable[[], Strike]] = {
        plan.WS_FREEZE: lambda: Frozen(floor, blow),
        plan.TOO_MANY: lambda: Faults(floor, _too_many(), blow),
        plan.CLOCK_JUMP: lambda: Clock(floor, blow),
        plan.KILL: lambda: Killed(floor, blow),
        plan.SLOW_DISK: lambda: SlowSyncs(floor, blow),
        plan.STOP: lambda: Stopped(floor, blow),
        plan.EXCHANGE_DOWN: lambda: Faults(floor, _down(), blow),
    }
    return made[scenario]()


def describe(scenario: str, blow: Blow) -> str:
    """Say in a few words what a strike does."""
    whom = "all" if len(blow.targets) == len(PROCESSES) else ", ".join(blow.targets)
    words = {
        plan.WS_FREEZE: f"{whom} silent for {blow.hold_s:.0f} s",
        plan.TOO_MANY: f"429 for {blow.hold_s:.0f} s",
        plan.CLOCK_JUMP: f"{blow.amount:+.0f} s for {blow.hold_s:.0f} s",
        plan.DISK_FULL: f"full for {blow.hold_s:.0f} s",
        plan.KILL: f"{whom} killed",
        plan.SLOW_DISK: f"{blow.amount:.1f} s a sync for {blow.hold_s:.0f} s",
        plan.STOP: f"{whom} stopped for {blow.hold_s:.0f} s",
        plan.EXCHANGE_DOWN: f"away for {blow.hold_s:.0f} s",
    }
    return words[scenario]


_FLOOR: Final = ("trader", "tracker", "reflector", "watchdog")


def _too_many() -> Rules:
    return [
        {"fault": "too_many_requests", "endpoint": _TRADING, "probability": 1.0, "seconds": 1.0}
    ]


def _down() -> Rules:
    return [
        {"fault": "reset_before", "endpoint": "*", "probability": 1.0},
        {"fault": "disconnect", "every": 1},
    ]


def _is_back(stream: str, said: str) -> bool:
    """Tell by the trader's words whether a stream was given up and is there again."""
    lost, back = f"{stream} stream: lost: ", f"{stream} stream: connected again"
    if stream == _USER:
        lost, back = "user stream disconnected", "reconciled after user stream"
    return back in said.partition(lost)[2]
