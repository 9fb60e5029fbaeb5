"""Fills a database that lost events from the journals' own files, a batch a turn."""

import logging

import msgspec

from polybot.errors import StorageError
from polybot.messages.safety import AlertRaised
from polybot.messages.tracking import DatabaseRebuilt
from polybot.ports import Clock
from polybot.services.tracker.intake import Intake
from polybot.services.tracker.needs import EventHistory, Record, Rescue, TrackerLedger
from polybot.services.tracker.restore import lost_events

logger = logging.getLogger(__name__)

BATCH = 500
SECOND_NS = 1_000_000_000
SAY_NS = 10 * SECOND_NS
COMPLETE = "nothing is missing"


class Rebuild(msgspec.Struct):
    """Nothing is settled, graded or audited while it is `active`: half a ledger would be believed.

    `outcome` says how it ended, "" when there was nothing to rebuild in this life.
    """

    intake: Intake
    ledger: TrackerLedger
    history: EventHistory
    rescue: Rescue
    clock: Clock
    remembered: dict[str, int]
    active: bool = False
    outcome: str = ""
    _reason: str = ""
    _batch: list[Record] = msgspec.field(default_factory=list)
    _events: int = 0
    _began_ns: int = 0
    _say_at_ns: int = 0

    def begin(self) -> None:
        """Look whether the database holds less than it once did, or than its sources still tell."""
        stored = self.ledger.positions()
        self._reason = self.rescue.reason or self._what_is_lost(stored)
        if not self._reason:
            return
        if not self.rescue.reason:
            logger.critical("%s; the journals are read again from their files", self._reason)
        self.history.begin(stored)
        self.active = True
        self._began_ns = self.clock.monotonic_ns()
        self._say_at_ns = self._began_ns + SAY_NS

    def turn(self) -> list[Record]:
        """Store the next batch and return it; the one that finds nothing more ends the rebuild."""
        if not self._batch:
            self._batch = self._read()
        batch = self._batch
        if not batch:
            self.active = False
            return []
        # Refused by a full disk, the same batch is stored in the next turn or the next life.
        self.intake.store_filed(batch)
        self._batch = []
        self._events += len(batch)
        now = self.clock.monotonic_ns()
        if now >= self._say_at_ns:
            self._say_at_ns = now + SAY_NS
            logger.warning("%s", self.describe())
        return batch

    def finish(self) -> tuple[DatabaseRebuilt | AlertRaised, ...]:
        """Return what is to be told now that the files have no more."""
        missing = self._missing()
        took_s = (self.clock.monotonic_ns() - self._began_ns) / SECOND_NS
        what = "; ".join(missing) or COMPLETE
        self.outcome = f"the database was rebuilt from {self._events} journaled events: {what}"
        logger.warning("%s (%.1f s)", self.outcome, took_s)
        self.rescue.finished()
        rebuilt = DatabaseRebuilt(reason=self._reason, events=self._events, missing=missing)
        if not missing:
            return (rebuilt,)
        return rebuilt, AlertRaised(key="rebuilt", severity="critical", text=self.outcome)

    def describe(self) -> str:
        """Say how far it got."""
        return f"rebuilding the database: {self._events} events so far ({self._reason})"

    def _read(self) -> list[Record]:
        try:
            return self.history.take(BATCH)
        except StorageError as error:
            # What was read so far is stored; the sources tell the rest, as far as they can.
            logger.warning("the rebuild ends early: %s", error)
            return []

    def _what_is_lost(self, stored: dict[str, int]) -> str:
        lost = lost_events(self.remembered, stored)
        if lost:
            return "; ".join(lost.values())
        for source, first in self.history.first_live_seqs().items():
            if first > stored.get(source, 0) + 1:
                return (
                    f"expected events of {source} up to {first - 1} in the database (its journal "
                    f"begins after them), was {stored.get(source, 0)}"
                )
        return ""

    def _missing(self) -> tuple[str, ...]:
        ranges = self.history.missing()
        stored = self.ledger.positions()
        for source, seq in self.remembered.items():
            if stored.get(source, 0) < seq:
                ranges[source] = (*ranges.get(source, ()), (stored.get(source, 0) + 1, seq))
        return tuple(
            f"events {', '.join(_range(*each) for each in told)} of {source} are in no journal"
            for source, told in sorted(ranges.items())
        )


def _range(first: int, last: int) -> str:
    return str(first) if first == last else f"{first} to {last}"
