"""What the tracker asks of the world beside the common ports."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

import msgspec

from polybot.domain.audit import AuditResult
from polybot.domain.stored import GradeCase, OpenQuestion, StoreResult
from polybot.errors import DatabaseDamaged
from polybot.messages.commands import Witness
from polybot.messages.envelope import Envelope
from polybot.ports import (
    CheckpointStore,
    Clock,
    Inbox,
    MarketCatalog,
    MarketClock,
    NullOutcomeSource,
    Outbox,
    OutcomeSource,
)
from polybot.ports.activity import ActivityFeed, NullActivityFeed

Record = tuple[Envelope, Any, str]


class TrackerLedger(Protocol):
    """The database, as its only writer uses it; every method may raise StorageError."""

    def positions(self) -> dict[str, int]:
        """Return the seq of the last stored event of each source."""

    def witnesses(self) -> dict[str, Witness]:
        """Return the last stored event of each source, to know its journal again by."""

    def store_position(self, source: str) -> int:
        """Return the seq of a source's last stored event, 0 when there is none."""

    def store(self, records: Sequence[Record]) -> StoreResult:
        """Store a batch in one transaction, each event once."""

    def note_question(self, slug: str, *, asks: int, next_ask_ns: int) -> None:
        """Remember how often a window's outcome was asked for, and when to ask again."""

    def note_graded(self, slugs: Iterable[str]) -> None:
        """Take windows off the list of those to grade."""

    def is_settled(self, slug: str) -> bool:
        """Return whether a window has an official outcome."""

    def open_questions(self) -> list[OpenQuestion]:
        """Return the windows without an official outcome."""

    def grade_cases(self, limit: int) -> list[GradeCase]:
        """Return settled windows to which something happened since they were graded."""

    def known_activity(self, keys: Sequence[str]) -> set[str]:
        """Return which rows of the exchange's activity are stored, by their keys."""

    def activity_since_ns(self) -> int:
        """Return the time of the newest stored activity, of our first window without any."""

    def slugs_of(self, condition_ids: Sequence[str]) -> dict[str, str]:
        """Return the slugs of our windows by condition id."""

    def close(self) -> None:
        """Let go of the file."""


class OwnEvents(Protocol):
    """This process's own durable events, read back from its journal."""

    def after(self, seq: int, limit: int = 500) -> list[Record]:
        """Return synced events after `seq`, oldest first."""


class EventHistory(Protocol):
    """Every source's durable events as files hold them, whether its process runs or not."""

    def first_live_seqs(self) -> dict[str, int]:
        """Return the oldest seq that each process can still tell itself, where there is any."""

    def begin(self, positions: Mapping[str, int]) -> None:
        """Read on from after these seqs, from 0 where a source is not named."""

    def take(self, limit: int) -> list[Record]:
        """Return at most `limit` events, none at the end; raises StorageError."""

    def missing(self) -> dict[str, tuple[tuple[int, int], ...]]:
        """Return the ranges of seq, first and last, that no file holds, by source."""


class NullHistory:
    """Remembers nothing."""

    def first_live_seqs(self) -> dict[str, int]:
        """Return nothing."""
        return {}

    def begin(self, positions: Mapping[str, int]) -> None:
        """Do nothing."""

    def take(self, limit: int) -> list[Record]:
        """Return nothing."""
        return []

    def missing(self) -> dict[str, tuple[tuple[int, int], ...]]:
        """Return nothing."""
        return {}


class Rescue(Protocol):
    """What is done about a database that lost something.

    `reason` says why what is stored is not all there was, "" when it is.
    """

    reason: str

    def set_aside(self, damage: DatabaseDamaged) -> None:
        """Move the damaged database aside; raises StorageError."""

    def finished(self) -> None:
        """Note that everything there is has been stored."""


class NullRescue:
    """Stands where the database is whole and stays so."""

    reason = ""

    def set_aside(self, damage: DatabaseDamaged) -> None:
        """Leave the file where it is."""

    def finished(self) -> None:
        """Do nothing."""


class AuditRunner(Protocol):
    """Runs one audit at a time beside the work loop."""

    def start(self, *, complete: bool = False) -> None:
        """Begin an audit, unless one is under way; a complete one compares everything again."""

    def running(self) -> bool:
        """Return whether one is under way."""

    def take(self) -> AuditResult | None:
        """Return the result of an audit that ended since the last call."""

    def stop(self) -> None:
        """End an audit that is under way, without a result."""


class NullAuditRunner:
    """Audits nothing."""

    def start(self, *, complete: bool = False) -> None:
        """Do nothing."""

    def running(self) -> bool:
        """Say that nothing runs."""
        return False

    def take(self) -> AuditResult | None:
        """Return nothing."""
        return None

    def stop(self) -> None:
        """Do nothing."""


class TrackerPorts(msgspec.Struct, frozen=True, kw_only=True):
    """Everything outside the tracker; adapters set `wake` when something is there to take."""

    wake: asyncio.Event
    ledger: TrackerLedger
    inbox: Inbox
    outbox: Outbox
    own: OwnEvents
    catalog: MarketCatalog
    auditor: AuditRunner
    checkpoints: CheckpointStore
    clock: Clock
    market_clock: MarketClock
    activity: ActivityFeed = NullActivityFeed()
    outcomes: OutcomeSource = NullOutcomeSource()
    history: EventHistory = NullHistory()
    rescue: Rescue = NullRescue()


class TrackerSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Times in nanoseconds: the settlement questions in market time, audits in wall time.

    `sources` are the processes whose events are stored; `audit_ns` and `activity_ns` (wall time
    between questions for the wallet's activity) are 0 when nothing is asked.
    """

    sources: tuple[str, ...]
    settle_first_ns: int
    settle_retry_ns: int
    settle_slow_ns: int
    audit_ns: int
    activity_ns: int = 0
