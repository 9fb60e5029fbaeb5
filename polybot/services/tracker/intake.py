"""Takes every process's durable events, and our own, into the database, each exactly once."""

import logging
from typing import Any

import msgspec

from polybot.domain.stored import StoreResult
from polybot.errors import DatabaseDamaged, StorageError
from polybot.messages.lifecycle import Heartbeat
from polybot.ports import Inbox
from polybot.ports.crash_points import reach
from polybot.services.tracker.needs import OwnEvents, Record, TrackerLedger

logger = logging.getLogger(__name__)

# Events held in memory while the database refuses them; more wait at their sources.
MOST_WAITING = 20_000


class Intake(msgspec.Struct):
    """Keeps what the inbox handed over until the database has it, then tells the sources.

    `volatile` are the newest volatile messages, for the caller to take.

    `went_back` names sources whose journal ends before what is stored of it: it was deleted or
    replaced, and its new events would be taken for old ones.
    """

    inbox: Inbox
    ledger: TrackerLedger
    own: OwnEvents
    name: str
    stored: int = 0
    volatile: list[Any] = msgspec.field(default_factory=list)
    went_back: dict[str, str] = msgspec.field(default_factory=dict)
    problem: str = ""
    conflicts: tuple[str, ...] = ()
    _waiting: list[Record] = msgspec.field(default_factory=list)
    _heard_life: dict[str, str] = msgspec.field(default_factory=dict)
    _beating_life: dict[str, str] = msgspec.field(default_factory=dict)

    def take(self) -> list[Record]:
        """Store what arrived and return it; empty while the database refuses."""
        self.volatile = []
        if len(self._waiting) < MOST_WAITING:
            for record in self.inbox.take_records():
                envelope, body, _ = record
                if envelope.durable:
                    self._waiting.append(record)
                    self._heard_life[envelope.source] = envelope.session
                else:
                    self.volatile.append(body)
                    self._beating_life[envelope.source] = envelope.session
        batch = self._waiting
        if batch:
            reach("ingest.taken")
        if not batch or not self._store(batch):
            return []
        self._waiting = []
        reach("ingest.stored")
        newest = {envelope.source: envelope.seq for envelope, _, _ in batch}
        for source, seq in newest.items():
            self.inbox.acknowledge(source, seq)
        reach("ingest.acknowledged")
        return batch

    def store_filed(self, batch: list[Record]) -> None:
        """Store events that were read from files; raises StorageError when they cannot be."""
        result = self.ledger.store(batch)
        self.stored += result.stored
        self._tell_conflicts(result)

    def compare(self, beat: Heartbeat) -> None:
        """Notice a source whose journal ends before what is stored of it."""
        name = beat.process
        stored = self.ledger.store_position(name)
        if beat.last_seq >= stored or name in self.went_back:
            return
        # A life whose events fit behind what is stored has that journal: its beat is only older
        # than the events that came with it.
        if name in self._heard_life and self._heard_life[name] == self._beating_life.get(name):
            return
        text = (
            f"expected the journal of {beat.process} to reach event {stored}, which is stored, "
            f"was {beat.last_seq}: its state directory was replaced; restore it, or move the "
            "database aside"
        )
        logger.error("%s", text)
        self.went_back[beat.process] = text

    def take_own(self) -> list[Record]:
        """Store our own synced events that are not in the database yet, and return them."""
        taken: list[Record] = []
        while batch := self.own.after(self.ledger.store_position(self.name)):
            if not self._store(batch):
                break
            taken += batch
        return taken

    def _store(self, batch: list[Record]) -> bool:
        try:
            result = self.ledger.store(batch)
        except DatabaseDamaged:
            raise
        except StorageError as error:
            if not self.problem:
                logger.warning("%d events wait, the database refuses them: %s", len(batch), error)
            self.problem = str(error)
            return False
        if self.problem:
            logger.info("the database takes events again")
        self.problem = ""
        self.stored += result.stored
        self._tell_conflicts(result)
        return True

    def _tell_conflicts(self, result: StoreResult) -> None:
        for conflict in result.conflicts:
            logger.error("%s; the stored one is kept", conflict)
        self.conflicts += result.conflicts
