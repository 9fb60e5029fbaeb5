"""Takes every process's durable events, and our own, into the database, each exactly once."""

import logging
from typing import Any

import msgspec

from polybot.domain.stored import StoreResult
from polybot.errors import DatabaseDamaged, StorageError
from polybot.ports import Inbox
from polybot.ports.crash_points import reach
from polybot.services.tracker.needs import OwnEvents, Record, TrackerLedger

logger = logging.getLogger(__name__)

# Events held in memory while the database refuses them; more wait at their sources.
MOST_WAITING = 20_000


class Intake(msgspec.Struct):
    """Keeps what the inbox handed over until the database has it, then tells the sources.

    `volatile` are the newest volatile messages, for the caller to take.
    """

    inbox: Inbox
    ledger: TrackerLedger
    own: OwnEvents
    name: str
    stored: int = 0
    volatile: list[Any] = msgspec.field(default_factory=list)
    problem: str = ""
    conflicts: tuple[str, ...] = ()
    _waiting: list[Record] = msgspec.field(default_factory=list)

    def take(self) -> list[Record]:
        """Store what arrived and return it; empty while the database refuses."""
        self.volatile = []
        if len(self._waiting) < MOST_WAITING:
            for record in self.inbox.take_records():
                envelope, body, _ = record
                if envelope.durable:
                    self._waiting.append(record)
                else:
                    self.volatile.append(body)
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

    def replaced(self) -> dict[str, str]:
        """Return what is wrong with sources whose journal is not the one that is stored, by name.

        Their events would be taken for other ones, so they are not heard.
        """
        return {
            name: f"expected the journal of {name} to hold event {self.ledger.store_position(name)}"
            f", which is stored, was another journal that ends at event {last_seq}: its state "
            "directory was replaced; restore it, or move the database aside"
            for name, last_seq in self.inbox.replaced().items()
        }

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
