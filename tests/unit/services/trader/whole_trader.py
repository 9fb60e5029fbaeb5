"""A whole trader with fakes around it, which a test can kill at any step and start again."""

import asyncio
from collections.abc import Callable
from datetime import UTC
from typing import Any

from polybot.domain.risk_limits import RiskLimits
from polybot.domain.window import parse_series
from polybot.messages.codec import encode
from polybot.messages.envelope import Envelope
from polybot.messages.lifecycle import Heartbeat
from polybot.ports import ArmingStore, CatalogAnswer
from polybot.ports.fence import NO_FENCE, Fence
from polybot.services.trader.agents import Agent
from polybot.services.trader.parts import TraderPorts, TraderSettings
from polybot.services.trader.restore import restore
from polybot.services.trader.service import TraderService
from polybot.services.trader.state import TraderState
from polybot.strategies.base import Strategy
from tests.fakes import (
    FakeCatalog,
    FakeCheckpoints,
    FakeClock,
    FakeInbox,
    FakeMarketClock,
    FakeOutbox,
)
from tests.story import AGENT, CLOSE_NS, market_at
from tests.unit.services.trader.fakes_exchange import (
    FakeAccess,
    FakeBookSource,
    FakeGateway,
    FakePreflight,
    FakeStream,
    FakeTape,
    ScriptedStrategy,
)

S = 1_000_000_000
SETTINGS = TraderSettings(
    series=(parse_series("btc-updown-5m"),),
    limits=RiskLimits(),
    zone=UTC,
    sweep_ns=8 * S,
    unknown_grace_ns=3 * S,
    checkpoint_ns=7 * S,
    max_api_errors=5,
    exchange_heartbeat=True,
)


class SteppedOutbox(FakeOutbox):
    """A journal that tells each step, so that a test can kill the process between any two."""

    def __init__(self, step: Callable[[str], None]) -> None:
        super().__init__("trader")
        self.step = step

    def record(
        self, event: Any, *, ts_event: int | None = None, correlation_id: str = ""
    ) -> Envelope:
        envelope = super().record(event, ts_event=ts_event, correlation_id=correlation_id)
        self.step(f"after record {envelope.type}")
        return envelope

    def commit(self) -> None:
        dirty = bool(self.uncommitted)
        super().commit()
        if dirty:
            self.step("after commit")


class WholeTrader:
    """The process, its ports and its disk; market and wall time move together, a second a turn."""

    def __init__(
        self,
        strategy: Strategy | None = None,
        *,
        gateway: FakeGateway | None = None,
        step: Callable[[str], None] = lambda _: None,
        settings: TraderSettings = SETTINGS,
        arming: ArmingStore | None = None,
        fence: Fence = NO_FENCE,
    ) -> None:
        self.arming = arming
        self.fence = fence
        self.strategy = strategy or ScriptedStrategy()
        self.settings = settings
        self.clock = FakeClock()
        self.market_clock = FakeMarketClock(CLOSE_NS - 30 * S)
        self.outbox = SteppedOutbox(step)
        self.inbox = FakeInbox()
        self.catalog = FakeCatalog()
        self.preflight = FakePreflight()
        self.checkpoints = FakeCheckpoints()
        self.market, self.user, self.price = map(FakeStream, ("market", "user", "price"))
        self.book_source = FakeBookSource()
        self.gateway = gateway or FakeGateway(self.outbox)
        self.tape = FakeTape()
        self.sessions = 0
        for number in range(3):
            market = market_at(number)
            self.catalog.known[market.slug] = CatalogAnswer(market.slug, market)
        self.build()

    def build(self) -> None:
        """Make the process from what is on disk; it still has to be started."""
        self.sessions += 1
        self.outbox.session = f"s{self.sessions}"
        seq, data = 0, None
        if self.checkpoints.saved is not None:
            seq, data, _ = self.checkpoints.saved
        payloads = [encode(e) for e, _ in self.outbox.committed if e.seq > seq]
        self.access = FakeAccess(self.gateway)
        self.agent = Agent(AGENT, self.strategy, 200_000_000, frozenset())
        self.wake = asyncio.Event()
        ports = TraderPorts(
            wake=self.wake,
            outbox=self.outbox,
            inbox=self.inbox,
            checkpoints=self.checkpoints,
            catalog=self.catalog,
            preflight=self.preflight,
            access=self.access,
            market=self.market,
            user=self.user,
            prices=(self.price,),
            book_source=self.book_source,
            tape=self.tape,
            clock=self.clock,
            market_clock=self.market_clock,
            arming=self.arming,
            fence=self.fence,
        )
        restored = restore(seq, data, payloads)
        self.state: TraderState = restored.state
        self.service = TraderService(self.settings, ports, (self.agent,), restored)

    def start(self) -> None:
        asyncio.run(self.service.start())
        for stream in (self.market, self.user, self.price):
            stream.connect()

    def turn(self, seconds: float = 1) -> None:
        """Let time pass, watched over by everybody, and do one turn."""
        self.clock.advance(seconds)
        self.market_clock.advance(seconds)
        for process in ("watchdog", "tracker"):
            self.inbox.put_volatile(_heartbeat(process), source=process)
        self.service.turn()

    def ready(self) -> "WholeTrader":
        """Start, reconcile an empty account, and return at the first turn that may trade."""
        self.start()
        self.turn()
        self.gateway.answers.append(self.gateway.snapshot())
        self.turn()
        return self


def _heartbeat(process: str) -> Heartbeat:
    return Heartbeat(process=process, pid=1, last_seq=0, turns=0, progress=0, status="")
