"""The database as the commands read it: opened for one question, at the market's own time."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import tzinfo
from typing import Protocol

import msgspec

from polybot.adapters.clock import SystemClock
from polybot.adapters.storage.connection import is_readable
from polybot.adapters.storage.reader import MANY, LedgerReader
from polybot.cli.exits import NotRunning
from polybot.cli.glance import simulated_time
from polybot.cli.processes import floor_processes, how_to_start
from polybot.config.load import LoadedConfig, load
from polybot.config.schema import SIMULATED_MODES
from polybot.domain.stored import Explanation, PnlRow, RefusedWindow, TradeReport, WindowReport

_DAY_NS = 86_400 * 1_000_000_000


class Reader(Protocol):
    """What the commands ask the database."""

    def windows(self, *, now_ns: int, since_ns: int = 0, limit: int = MANY) -> list[WindowReport]:
        """Return windows that close at or after `since_ns`, newest first."""

    def refused_windows(self, *, since_ns: int = 0) -> list[RefusedWindow]:
        """Return windows that were refused since a moment of market time, newest first."""

    def trades(self, *, since_ns: int = 0, limit: int = MANY) -> list[TradeReport]:
        """Return fills matched at or after `since_ns`, newest first."""

    def pnl(self, *, zone: tzinfo, since_ns: int = 0) -> list[PnlRow]:
        """Return P&L by day of `zone` and agent."""

    def explain(self, key: str) -> Explanation | None:
        """Return what is known about a slug or an order, None when nothing is."""

    def newest_event_ns(self) -> int:
        """Return the market time of the newest window event, 0 when there is none."""


class NoBooksYet:
    """The database of a floor that has only just been started: it knows nothing."""

    def windows(self, *, now_ns: int, since_ns: int = 0, limit: int = MANY) -> list[WindowReport]:
        """Return no window."""
        return []

    def refused_windows(self, *, since_ns: int = 0) -> list[RefusedWindow]:
        """Return no window."""
        return []

    def trades(self, *, since_ns: int = 0, limit: int = MANY) -> list[TradeReport]:
        """Return no trade."""
        return []

    def pnl(self, *, zone: tzinfo, since_ns: int = 0) -> list[PnlRow]:
        """Return no day."""
        return []

    def explain(self, key: str) -> Explanation | None:
        """Return None: nothing is known."""
        return None

    def newest_event_ns(self) -> int:
        """Return 0: nothing happened yet."""
        return 0


class Books(msgspec.Struct, frozen=True):
    """An open database, the configuration it belongs to, and market time now."""

    reader: Reader
    loaded: LoadedConfig
    now_ns: int

    def since_ns(self, days: float | None) -> int:
        """Return the moment of market time so many days ago, 0 for all there is."""
        return 0 if days is None else max(self.now_ns - int(days * _DAY_NS), 0)


@contextmanager
def open_books() -> Iterator[Books]:
    """Open the database of this floor; raises NotRunning when nothing is there to make one."""
    loaded = load(join_floor=True, keyless=True)
    path = loaded.locations.ledger_path
    if not is_readable(path):
        if not floor_processes(loaded.locations.runtime_dir):
            raise NotRunning(
                f"expected a database at {path}, was none; start the floor: {how_to_start()}"
            )
        yield Books(NoBooksYet(), loaded, _now_ns(loaded, NoBooksYet()))
        return
    reader = LedgerReader.open(path)
    try:
        yield Books(reader, loaded, _now_ns(loaded, reader))
    finally:
        reader.close()


def _now_ns(loaded: LoadedConfig, reader: Reader) -> int:
    if loaded.config.mode not in SIMULATED_MODES:
        return SystemClock().now_ns()
    told = simulated_time(loaded.locations.simulator_path)
    return told.now_ns if told else reader.newest_event_ns()
