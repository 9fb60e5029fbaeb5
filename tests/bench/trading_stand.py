"""The trader's production path on a bench: its own books, rules, journal and signer, no network."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter_ns
from typing import Protocol
from zoneinfo import ZoneInfo

from polybot.adapters.clob_gateway import ClobGateway
from polybot.adapters.clock import SystemClock
from polybot.adapters.market_clock import SegmentMarketClock
from polybot.adapters.order_signer import WalletOrderSigner
from polybot.domain.market import Market
from polybot.domain.preflight import PreflightFacts
from polybot.domain.risk_limits import RiskLimits
from polybot.exchange.http_calls import HttpAnswer, HttpCall, Transport
from polybot.exchange.l2_auth import RequestSigner
from polybot.exchange.signing import OrderSigner
from polybot.messages.lifecycle import MarketTimeChanged
from polybot.ports import CatalogAnswer, Clock, StreamFrame
from polybot.runtime.journal import Journal
from polybot.runtime.outbox import JournaledOutbox
from polybot.services.trader.agents import Agent
from polybot.services.trader.bookkeeping import Bookkeeper
from polybot.services.trader.claims import TradingClaims
from polybot.services.trader.desk import Desk
from polybot.services.trader.market_data import MarketData
from polybot.services.trader.order_gate import OrderGate, bucket_of
from polybot.services.trader.preflight import WindowChecks
from polybot.services.trader.sight import Sight
from polybot.services.trader.state import TraderState
from polybot.services.trader.windows import WindowSchedule
from polybot.strategies.registry import build
from tests.bench.sample_market import (
    API,
    ENTERS,
    MARKET,
    NOW_S,
    PRIVATE_KEY,
    SECOND_NS,
    WAITS,
    book_frame,
)
from tests.bench.trader_past import AGENT, MEMORY, past, reference

SESSION = "0192f0c1"
# Entries whose records wait for a sync at most; the one right after it is timed on cold caches.
SYNC_EVERY = 20


class Unplugged:
    """A transport that keeps what it is given, and when, and sends nothing."""

    def __init__(self) -> None:
        self.calls: list[HttpCall] = []
        self.sent_ns = 0

    def send(self, call: HttpCall, done: Callable[[HttpAnswer], None]) -> None:
        self.sent_ns = perf_counter_ns()
        self.calls.append(call)

    def warm(self, path: str = "/ok") -> None:
        raise AssertionError("nothing to keep warm on a bench")


class Wire(Transport, Protocol):
    """A transport that keeps what it was given, and when."""

    calls: list[HttpCall]
    sent_ns: int


class Published:
    """A bus that nobody listens to."""

    def send(self, topic: bytes, payload: bytes) -> None:
        pass


@dataclass(frozen=True, slots=True)
class Access:
    """The account at the exchange, logged in."""

    gateway: ClobGateway
    signer: WalletOrderSigner
    api_key: str = API.api_key

    def ready(self) -> bool:
        return True

    def renew(self) -> None:
        raise AssertionError("credentials do not expire on a bench")


class Approving:
    """A preflight that finds nothing to object to."""

    def __init__(self) -> None:
        self._asked: list[Market] = []

    def request(self, market: Market) -> None:
        self._asked.append(market)

    def refresh_balance(self) -> None:
        raise AssertionError("nobody runs out of funds on a bench")

    def take(self) -> list[PreflightFacts]:
        asked, self._asked = self._asked, []
        return [PreflightFacts(slug=market.slug) for market in asked]


class NoCatalog:
    """A catalog that is not needed: the market is known."""

    def request(self, slug: str) -> None:
        raise AssertionError(f"{slug} is known")

    def take(self) -> list[CatalogAnswer]:
        return []


def _gate(books: Bookkeeper, claims: TradingClaims) -> OrderGate:
    """Return a gate behind a finished preflight, with no limit a bench could reach."""
    schedule = WindowSchedule((), NoCatalog())
    schedule.known[MARKET.slug] = MARKET
    checks = WindowChecks(books, claims, Approving(), schedule, 5.0)
    for _ in range(2):
        checks.turn(MARKET.open_ns, 0)
    return OrderGate(bucket_of(1e6), bucket_of(1e6), checks)


class TradingStand:
    """Enters the same window again and again; what one entry leaves behind is cleared untimed."""

    def __init__(
        self, directory: Path, *, wire: Wire | None = None, clock: Clock | None = None
    ) -> None:
        self.clock = clock or SystemClock()
        self.state = past(TraderState())
        self.data = MarketData()
        self._entries = 0
        self.wire = wire or Unplugged()
        self.reads = Unplugged()
        market_clock = SegmentMarketClock(self.clock)
        market_clock.accept(
            MarketTimeChanged(
                origin_mono_ns=0, origin_market_ns=NOW_S * SECOND_NS + 500_000_000, speed=0.0
            )
        )
        self.journal = Journal.open(directory)
        self.outbox = JournaledOutbox(
            "trader", SESSION, journal=self.journal, sender=Published(), clock=self.clock
        )
        books = Bookkeeper(self.state, self.outbox, market_clock)
        claims = TradingClaims(books, self.clock)
        sight = Sight(
            state=self.state,
            claims=claims,
            data=self.data,
            reference=reference(),
            clock=self.clock,
            market_clock=market_clock,
            zone=ZoneInfo("America/New_York"),
        )
        self.desk = Desk(
            session=self.outbox.session,
            books=books,
            sight=sight,
            access=self._access(),
            clock=self.clock,
            market_clock=market_clock,
            # Nobody enters thousands of windows in a minute, except here.
            limits=RiskLimits(max_orders_per_minute=1_000_000),
            gate=_gate(books, claims),
        )
        self.agent = Agent(
            name=AGENT,
            strategy=build("capture_99c", {}),
            capital_usdc=200_000_000,
            series=frozenset(),
        )
        self.data.watch([MARKET])
        self.data.accept(StreamFrame("market", 0, book_frame()))
        self._kept = dict(self.state.orders)

    def enter(self) -> int:
        """Take one frame through to a signed request and return the nanoseconds until it is sent.

        The sync that production makes before it sends is left to `sync`: it is the disk's own time,
        and would leave the processor's caches cold for whatever is timed after it.
        """
        self._clear()
        frame = StreamFrame("market", 0, ENTERS)
        begin = perf_counter_ns()
        self.data.accept(frame)
        self.desk.decide(self.agent, MARKET)
        self.desk.send()
        return self.wire.sent_ns - begin

    def sync(self) -> int:
        """Make what was recorded durable and return the nanoseconds that took."""
        begin = perf_counter_ns()
        self.outbox.commit()
        return perf_counter_ns() - begin

    def enter_durably(self, market: Market = MARKET) -> int:
        """Do both in production's order: nothing is sent before its record is on disk."""
        self._clear()
        frame = StreamFrame("market", 0, ENTERS)
        begin = perf_counter_ns()
        self.data.accept(frame)
        self.desk.decide(self.agent, market)
        self.outbox.commit()
        self.desk.send()
        return self.wire.sent_ns - begin

    def request(self) -> HttpCall:
        """Return the one request of the last entry."""
        (call,) = self.wire.calls
        return call

    def close(self) -> None:
        """Let go of the journal."""
        self.journal.close()

    def _access(self) -> Access:
        signer = OrderSigner(PRIVATE_KEY)
        gateway = ClobGateway(
            RequestSigner(signer.address, API),
            orders=self.wire,
            reads=self.reads,
            snapshots=lambda *_: None,
            clock=self.clock,
            wake=lambda: None,
        )
        wallet = WalletOrderSigner(signer, funder="", signature_type=0, owner=API.api_key)
        return Access(gateway, wallet)

    def _clear(self) -> None:
        self._entries += 1
        if self._entries % SYNC_EVERY == 0:
            self.outbox.commit()
        self.wire.calls.clear()
        self.data.accept(StreamFrame("market", 0, WAITS))
        self.state.orders.clear()
        self.state.orders.update(self._kept)
        self.agent.summary(MARKET.slug)
        self.agent.restore(MARKET.slug, MEMORY)
