"""What the watchdog asks of the world beside the common ports."""

import asyncio
from collections.abc import Callable
from typing import Any, Protocol

import msgspec

from polybot.domain.alarms import AlarmRules
from polybot.domain.liveness import LivenessRules
from polybot.messages.commands import Witness
from polybot.ports import CheckpointStore, Clock, Inbox, MarketClock, Outbox
from polybot.ports.fence import FenceStore, OrderSweeper, ProcessKiller
from polybot.ports.messenger import Messenger


class CommandSender(Protocol):
    """Sends a command to a process's rpc socket; it may be lost."""

    def send(self, process: str, command: Any) -> None:
        """Send a command without waiting for its answer."""


class Host(Protocol):
    """This machine's disk and memory; None where a figure cannot be had."""

    def disk_free_mb(self) -> int | None:
        """Return free MiB of the disk that holds the state directory."""

    def rss_mb(self, pid: int) -> int | None:
        """Return resident MiB of a process."""

    def database_writable(self) -> bool | None:
        """Return whether the database's file and directory can be written."""


class ExchangeTime(Protocol):
    """The exchange's own clock."""

    def ask(self) -> None:
        """Ask for its time, unless a question is under way."""

    def skew_s(self) -> float | None:
        """Return our wall time minus the exchange's as last told, None when it is not known."""


class Storage(Protocol):
    """The database as a bystander sees it; each method may raise StorageError."""

    def positions(self) -> dict[str, int]:
        """Return the seq of the last stored event of each source."""

    def witnesses(self) -> dict[str, Witness]:
        """Return the last stored event of each source, to know its journal again by."""

    def last_commit_ns(self) -> int:
        """Return the wall time of the last stored event, 0 when there is none."""


WallJump = Callable[[], float]


def no_jump() -> float:
    """Say that the wall clock is where it should be."""
    return 0.0


CrashLoops = Callable[[], dict[str, str]]


def no_loops() -> dict[str, str]:
    """Say that no process keeps crashing; otherwise by process how often it did."""
    return {}


class FenceTools(msgspec.Struct, frozen=True, kw_only=True):
    """What shutting a trader out needs of the world."""

    store: FenceStore
    killer: ProcessKiller
    sweeper: OrderSweeper


class WatchdogPorts(msgspec.Struct, frozen=True, kw_only=True):
    """Everything outside the watchdog."""

    wake: asyncio.Event
    inbox: Inbox
    outbox: Outbox
    commands: CommandSender
    host: Host
    exchange_time: ExchangeTime
    storage: Storage
    fence: FenceTools
    checkpoints: CheckpointStore
    clock: Clock
    market_clock: MarketClock
    messenger: Messenger
    wall_jump_s: WallJump = no_jump
    crash_loops: CrashLoops = no_loops


class WatchdogSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Whom it watches and when it worries.

    `processes` are the floor's, the watchdog's own name among them; `vital` are those whose loss
    stops entries. The trader's silence for `fence_ns` raises the fence. `signature` is what texts
    to a person begin with: which floor, and where.
    """

    processes: tuple[str, ...]
    pid: int
    liveness: LivenessRules = msgspec.field(default_factory=LivenessRules)
    alarms: AlarmRules = msgspec.field(default_factory=AlarmRules)
    vital: tuple[str, ...] = ("trader", "tracker")
    fence_ns: int = 20_000_000_000
    signature: str = "polybot"
