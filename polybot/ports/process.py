"""What a process is to its daemon loop, to the service manager and to its peers."""

import asyncio
from typing import Any, Protocol

import msgspec


class Notifier(Protocol):
    """The service manager's ear (systemd, or the supervisor bridge)."""

    def ready(self) -> None:
        """Say that local state is restored and the process works."""

    def stopping(self) -> None:
        """Say that shutdown has begun."""

    def watchdog(self) -> None:
        """Say that a turn of the work loop made progress."""

    def status(self, text: str) -> None:
        """Say in one sentence what the process is doing."""

    def extend_timeout(self, seconds: float) -> None:
        """Ask for more time to start or stop."""

    def watchdog_interval_s(self) -> float | None:
        """Return the deadline between two watchdog pings, None when nobody watches."""


class Vitals(msgspec.Struct, frozen=True):
    """What a process says of itself in its heartbeat.

    `progress` counts the process's own work (it must grow while there is any), `ages_s` the age of
    each feed in seconds, -1 before the first message.
    """

    progress: int = 0
    trading_state: str = ""
    ages_s: dict[str, float] = msgspec.field(default_factory=dict)
    market_ns: int = 0


class Process(Protocol):
    """What the daemon loop drives."""

    name: str
    wake: asyncio.Event

    async def start(self) -> None:
        """Restore local state; the process is READY when this returns."""

    def turn(self) -> None:
        """Do one pass of work: take what arrived, decide, act. Never blocks."""

    def next_wake_s(self) -> float:
        """Return how long the loop may sleep when nothing arrives, in seconds."""

    def status(self) -> str:
        """Return one ASCII sentence for the operator."""

    async def stop(self) -> None:
        """Bring state to disk and let go of everything."""


class Service(Process, Protocol):
    """One process's own work; a participant of the bus adds what every process owes the others."""

    def vitals(self) -> Vitals:
        """Return the figures its heartbeat carries."""

    def handle(self, request_type: str, body: Any) -> msgspec.Struct:
        """Carry out a command or answer a query that came to its rpc socket."""
