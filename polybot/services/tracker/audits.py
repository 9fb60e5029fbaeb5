"""The tracker's regular audits: when one is due, and what its result makes of the status."""

import logging

import msgspec

from polybot.domain.audit import AuditResult
from polybot.messages.tracking import AuditCompleted
from polybot.ports import Clock
from polybot.services.tracker.needs import AuditRunner

logger = logging.getLogger(__name__)


class Audits(msgspec.Struct):
    """Has our books audited every `interval_ns` of wall time, never when that is 0.

    `said` is the newest result in a few words.
    """

    runner: AuditRunner
    clock: Clock
    interval_ns: int
    said: str = ""
    _next_ns: int = 0
    _complete: bool = False

    def begin(self) -> None:
        """Count from now on."""
        self._next_ns = self.clock.monotonic_ns() + self.interval_ns

    def want_all(self) -> None:
        """Have everything compared again, as soon as possible."""
        self._next_ns = self.clock.monotonic_ns()
        self._complete = True

    def turn(self) -> AuditCompleted | None:
        """Start an audit when one is due, and return the event of one that ended."""
        result = self.runner.take()
        completed = None if result is None else self._tell(result)
        now = self.clock.monotonic_ns()
        if self.interval_ns and now >= self._next_ns and not self.runner.running():
            self._next_ns = now + self.interval_ns
            complete, self._complete = self._complete, False
            self.runner.start(complete=complete)
        return completed

    def _tell(self, result: AuditResult) -> AuditCompleted | None:
        if result.error:
            self.said = f"audit not possible: {result.error}"
            logger.warning("%s", self.said)
            return None
        found = len(result.differences)
        self.said = "audit agrees" if result.agrees else f"audit found {found} differences"
        for difference in result.differences:
            logger.error("audit: %s", difference)
        if result.agrees:
            logger.info(
                "audit agrees: %d orders (%d read), %d fills",
                result.orders,
                result.compared,
                result.fills,
            )
        through = result.through
        return AuditCompleted(
            agrees=result.agrees,
            differences=result.differences,
            orders=result.orders,
            fills=result.fills,
            windows=result.windows,
            compared=result.compared,
            through_seq=through.seq if through else 0,
            through_ns=through.at_ns if through else 0,
            since_seq=through.since_seq if through else 0,
        )
