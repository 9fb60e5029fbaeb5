"""What the reflector asks of the world beside the common ports."""

import asyncio
from datetime import tzinfo
from typing import Protocol

import msgspec

from polybot.domain.digest import Digest
from polybot.domain.metrics import SettledTrade
from polybot.domain.triggers import TriggerRules
from polybot.messages.commands import Witness
from polybot.ports import Analyst, CheckpointStore, Clock, Comment, Inbox, MarketClock, Outbox


class TradeHistory(Protocol):
    """The settled trades in the database; every method may raise StorageError."""

    def settled_trades(self) -> list[SettledTrade]:
        """Return all settled trades, in the order of their settlement."""

    def recorded_marks(self) -> frozenset[str]:
        """Return the marks of all stored reflections."""

    def positions(self) -> dict[str, int]:
        """Return the seq of the last stored event of each source."""

    def witnesses(self) -> dict[str, Witness]:
        """Return the last stored event of each source, to know its journal again by."""


class NullAnalyst:
    """Has nothing to say, and says so at once."""

    name = ""

    def __init__(self) -> None:
        self._asked: list[str] = []

    def ask(self, mark: str, digest: Digest) -> None:
        """Note the question."""
        self._asked.append(mark)

    def take(self) -> list[Comment]:
        """Return an empty comment for every question."""
        asked, self._asked = self._asked, []
        return [Comment(mark) for mark in asked]

    def stop(self) -> None:
        """Do nothing."""


class ReflectorPorts(msgspec.Struct, frozen=True, kw_only=True):
    """Everything outside the reflector; adapters set `wake` when something is there to take."""

    wake: asyncio.Event
    history: TradeHistory
    inbox: Inbox
    outbox: Outbox
    checkpoints: CheckpointStore
    analyst: Analyst
    clock: Clock
    market_clock: MarketClock


class ReflectorSettings(msgspec.Struct, frozen=True, kw_only=True):
    """When to look back, how far (market time), and in whose day."""

    rules: TriggerRules
    zone: tzinfo
    lookback_ns: int
    sources: tuple[str, ...] = ("tracker", "simulator")
