"""A floor that only notes what is done to it, and answers what a test wants."""

import signal
from pathlib import Path
from typing import Any

from polybot.bootstrap.chaos.conditions import Conditions
from polybot.cli.chaos.floor import Look
from polybot.config.locations import PROCESSES

PIDS = {name: 1000 + number for number, name in enumerate(PROCESSES)}


class StandIn:
    """Stands in for the ChaosFloor; every look shows one order more while `trades` is set."""

    def __init__(self) -> None:
        self.running = dict(PIDS)
        self.signals: list[tuple[int, signal.Signals]] = []
        self.let_gone: list[int] = []
        self.asked: list[Any] = []
        self.conditions: list[Conditions] = []
        self.log = ""
        self.shown = 0
        self.trades = True
        self.still = True
        self.state = "ACTIVE"
        self.missing: tuple[str, ...] = ()
        self.ended = False
        self.orders_seen = 0

    def pids(self) -> dict[str, int]:
        return dict(self.running)

    def signal(self, pid: int, number: signal.Signals) -> bool:
        self.signals.append((pid, number))
        return pid > 1

    def let_go(self, pid: int) -> None:
        self.let_gone.append(pid)

    def stands_still(self, pid: int) -> bool:
        del pid
        return self.still

    def ask(self, path: str, body: Any = None) -> Any:
        self.asked.append((path, body))
        return {"total": self.shown}

    def set_conditions(self, conditions: Conditions) -> None:
        self.conditions.append(conditions)

    def log_size(self) -> int:
        return len(self.log)

    def said_since(self, offset: int) -> str:
        return self.log[offset:]

    def is_over(self) -> bool:
        return self.ended

    def look(self) -> Look:
        self.orders_seen += self.trades
        return Look(
            pids=self.pids(),
            missing=self.missing,
            trading_state=self.state,
            orders=self.orders_seen,
        )


class FakeDisk:
    """A disk that is full when it was told to be."""

    def __init__(self, directory: Path = Path("/nowhere")) -> None:
        self.directory = directory
        self.full = False
        self.fills = True

    def take_space(self) -> None:
        self.full = self.fills

    def give_space(self) -> None:
        self.full = False

    def is_full(self) -> bool:
        return self.full
