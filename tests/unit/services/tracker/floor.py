"""What outlives the tracker's process: journals, database file, exchange, time."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

from polybot.adapters.storage.ledger import Ledger
from polybot.adapters.storage.models import ALL_TABLES, table_name
from polybot.adapters.storage.statements import execute
from polybot.domain.audit import AuditResult
from polybot.ports import CatalogAnswer
from polybot.services.tracker.needs import (
    EventHistory,
    NullHistory,
    NullRescue,
    Rescue,
    TrackerPorts,
    TrackerSettings,
)
from polybot.services.tracker.restore import restore
from polybot.services.tracker.service import TrackerService
from tests.fakes import (
    FakeCatalog,
    FakeCheckpoints,
    FakeClock,
    FakeInbox,
    FakeMarketClock,
    FakeOutbox,
)
from tests.story import (
    CLOSE_NS,
    SECOND_NS,
    market_at,
    slug_at,
)

SETTINGS = TrackerSettings(
    sources=("trader", "reflector", "watchdog"),
    settle_first_ns=10 * SECOND_NS,
    settle_retry_ns=5 * SECOND_NS,
    settle_slow_ns=30 * SECOND_NS,
    audit_ns=60 * SECOND_NS,
)


class FakeAuditor:
    """Ends an audit when a test says how."""

    def __init__(self) -> None:
        self.started = 0
        self.complete: list[bool] = []
        self.result: AuditResult | None = None
        self.busy = False

    def start(self, *, complete: bool = False) -> None:
        self.started += 1
        self.complete.append(complete)
        self.busy = True

    def running(self) -> bool:
        return self.busy

    def take(self) -> AuditResult | None:
        result, self.result = self.result, None
        self.busy = self.busy and result is None
        return result

    def stop(self) -> None:
        self.busy = False


class Floor:
    """What outlives the tracker's process: journals, database file, exchange, time."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.inbox = FakeInbox()
        self.outbox = FakeOutbox("tracker")
        self.catalog = FakeCatalog()
        self.auditor = FakeAuditor()
        self.checkpoints = FakeCheckpoints()
        self.clock = FakeClock()
        self.market = FakeMarketClock(CLOSE_NS - 300 * SECOND_NS)
        self.lives = 0

    def start(
        self,
        wrap: Callable[[Any], Any] = lambda port: port,
        *,
        ledger: Ledger | None = None,
        history: EventHistory | None = None,
        rescue: Rescue | None = None,
    ) -> TrackerService:
        """Begin a life of the tracker on what the one before left."""
        self.lives += 1
        self.outbox.crash(f"s{self.lives}")
        self.catalog.waiting = []
        self.ledger = ledger or Ledger.open(self.path, self.clock)
        ports = TrackerPorts(
            wake=asyncio.Event(),
            ledger=wrap(self.ledger),
            inbox=wrap(self.inbox),
            outbox=wrap(self.outbox),
            own=self.outbox,
            catalog=self.catalog,
            auditor=self.auditor,
            checkpoints=self.checkpoints,
            clock=self.clock,
            market_clock=self.market,
            history=history or NullHistory(),
            rescue=rescue or NullRescue(),
        )
        seq, state, _ = self.checkpoints.saved or (0, None, 0)
        service = TrackerService(ports, SETTINGS, restore(seq, state))
        asyncio.run(service.start())
        return service

    def resolve(self, number: int = 0, outcome: str = "Up") -> None:
        """Let the exchange know an outcome."""
        self.catalog.known[slug_at(number)] = CatalogAnswer(
            slug_at(number), market_at(number), resolved=outcome, closed=True
        )

    def contents(self) -> dict[str, list[tuple[Any, ...]]]:
        """Return what the database holds, without sessions and the wall times of storing."""
        ledger = Ledger.open(self.path, self.clock)
        found: dict[str, list[tuple[Any, ...]]] = {}
        for name in map(table_name, ALL_TABLES):
            if name not in ("schema_version", "source_position", "event"):
                found[name] = execute(ledger.database, f"SELECT * FROM {name} ORDER BY 1")  # noqa: S608
        found["event"] = execute(
            ledger.database, "SELECT source, seq, type, body FROM event ORDER BY source, seq"
        )
        ledger.close()
        return found


def tell(floor: Floor, *events: Any) -> None:
    for event in events:
        floor.inbox.put(event)
