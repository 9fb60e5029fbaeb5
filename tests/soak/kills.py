"""Kills processes of a floor at random moments, by a seed: one, several at once, or all."""

import contextlib
import os
import signal
import threading
from collections import Counter
from collections.abc import Callable
from random import Random
from typing import Final

PROCESSES: Final = ("trader", "tracker", "reflector", "watchdog", "simulator")
# How many go at once, and how often: mostly one, sometimes the whole floor.
_AT_ONCE: Final = ((1, 70), (2, 14), (3, 6), (4, 2), (5, 8))
# The trader has orders to lose: it is drawn as often as all others together.
_WEIGHTS: Final = (4, 1, 1, 1, 1)


class Schedule:
    """When whom to kill: the same for the same seed, whatever the machine does meanwhile."""

    def __init__(self, seed: int, mean_s: float) -> None:
        self._random = Random(seed)
        self._mean_s = mean_s

    def next_pause_s(self) -> float:
        """Return the wall seconds until the next kill."""
        return self._random.expovariate(1 / self._mean_s)

    def next_victims(self) -> tuple[str, ...]:
        """Return who is killed together, each once."""
        counts, weights = zip(*_AT_ONCE, strict=True)
        wanted = self._random.choices(counts, weights)[0]
        left = dict(zip(PROCESSES, _WEIGHTS, strict=True))
        victims: list[str] = []
        while len(victims) < wanted:
            chosen = self._random.choices(tuple(left), tuple(left.values()))[0]
            del left[chosen]
            victims.append(chosen)
        return tuple(victims)


class Killer:
    """Carries out a schedule on a thread of its own until it is told to stop.

    `pids` tells the processes that run now by name. One that is being started again just then is
    passed over and counted as missed.
    """

    def __init__(self, schedule: Schedule, pids: Callable[[], dict[str, int]]) -> None:
        self.killed: Counter[str] = Counter()
        self.strikes = 0
        self.missed = 0
        self._schedule = schedule
        self._pids = pids
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="killer", daemon=True)

    def start(self) -> None:
        """Begin to kill."""
        self._thread.start()

    def stop(self) -> None:
        """Kill nobody any more."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    def describe(self) -> str:
        """Say how often whom."""
        each = ", ".join(f"{name} {self.killed[name]}" for name in PROCESSES)
        return f"{self.killed.total()} kills in {self.strikes} strikes ({each})"

    def strike(self) -> None:
        """Kill the next victims with SIGKILL, one right after the other."""
        self.strikes += 1
        victims = self._schedule.next_victims()
        pids = self._pids()
        for name in victims:
            pid = pids.get(name, 0)
            if pid <= 1:
                self.missed += 1
                continue
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
                self.killed[name] += 1

    def _run(self) -> None:
        while not self._stop.wait(self._schedule.next_pause_s()):
            self.strike()
