"""The trader's work loop: take what arrived, decide once per touched market, send what was decided."""

import asyncio
import logging
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from polybot.domain.market import Market
from polybot.domain.order import OrderStatus, OrderTrigger
from polybot.domain.risk_limits import RiskLimits
from polybot.domain.trading_state import OPERATOR, TradingState
from polybot.domain.window import Series
from polybot.errors import ProtocolError, Unauthorized
from polybot.messages.commands import Done, HaltTrading, ResumeTrading, StopEntries
from polybot.messages.lifecycle import Heartbeat, MarketTimeChanged
from polybot.messages.tracking import WindowSettled
from polybot.messages.trading import FeedStateChanged, WindowDiscovered
from polybot.ports import (
    AccountSnapshot,
    CancelAnswer,
    CheckpointStore,
    Clock,
    ExchangeAccess,
    Inbox,
    MarketCatalog,
    MarketClock,
    Outbox,
    PostAnswer,
    Stream,
    StreamFrame,
    Tape,
    Vitals,
)
from polybot.services.trader.agents import Agent
from polybot.services.trader.bookkeeping import Bookkeeper
from polybot.services.trader.claims import TradingClaims
from polybot.services.trader.dead_man import DeadMan
from polybot.services.trader.desk import Desk
from polybot.services.trader.inputs import Inputs, PriceReader
from polybot.services.trader.market_data import MarketData
from polybot.services.trader.order_answers import OrderAnswers
from polybot.services.trader.reconcile import Reconciler, ReconcileSettings
from polybot.services.trader.reference import ReferenceBook
from polybot.services.trader.restore import Restored, give_memories
from polybot.services.trader.sight import Sight
from polybot.services.trader.state import SCHEMA
from polybot.services.trader.windows import LINGER_NS, WindowSchedule
from polybot.services.trader.windows_over import Settler

logger = logging.getLogger(__name__)

SECOND_NS = 1_000_000_000
# A loop that stood still this long may have missed anything: recover before any order.
STALL_NS = 2 * SECOND_NS
BEAT_NS = 5 * SECOND_NS
WARM_NS = 20 * SECOND_NS
FORGET_NS = 60 * SECOND_NS
# Looks per market second when no book changes: timers (time decay, T-0 exits) need them.
LOOKS_PER_SECOND = 2
SHORTEST_SLEEP_S = 0.005
LONGEST_SLEEP_S = 0.25


@dataclass(frozen=True, slots=True, kw_only=True)
class TraderPorts:
    """Everything outside the trader; adapters set `wake` when something is there to take."""

    wake: asyncio.Event
    outbox: Outbox
    inbox: Inbox
    checkpoints: CheckpointStore
    catalog: MarketCatalog
    access: ExchangeAccess
    market: Stream
    user: Stream
    price: Stream
    tape: Tape
    clock: Clock
    market_clock: MarketClock


@dataclass(frozen=True, slots=True, kw_only=True)
class TraderSettings:
    """The trader's configuration in integers; durations are wall time."""

    series: tuple[Series, ...]
    limits: RiskLimits
    zone: ZoneInfo
    sweep_ns: int
    unknown_grace_ns: int
    checkpoint_ns: int
    max_api_errors: int
    exchange_heartbeat: bool


class TraderService:
    """One turn: bus, streams, answers, windows, reconcile, brakes, decisions, commit, send."""

    name = "trader"

    def __init__(
        self,
        settings: TraderSettings,
        ports: TraderPorts,
        agents: tuple[Agent, ...],
        restored: Restored,
    ) -> None:
        self.wake = ports.wake
        self.restored = (restored.checkpoint_seq, restored.replayed)
        self._settings = settings
        self._ports = ports
        self._agents = agents
        self._memories = restored.memories
        self._state = restored.state
        self._books = Bookkeeper(self._state, ports.outbox, ports.market_clock)
        self._claims = TradingClaims(self._books, ports.clock)
        self._data = MarketData()
        self._reference = ReferenceBook()
        self._prices = PriceReader()
        self._inputs = Inputs(
            inbox=ports.inbox,
            access=ports.access,
            market=ports.market,
            user=ports.user,
            price=ports.price,
            tape=ports.tape,
            clock=ports.clock,
            market_clock=ports.market_clock,
        )
        self._schedule = WindowSchedule(settings.series, ports.catalog)
        self._answers = OrderAnswers(self._books, ports.access)
        self._reconciler = Reconciler(
            books=self._books,
            answers=self._answers,
            claims=self._claims,
            access=ports.access,
            clock=ports.clock,
            market_clock=ports.market_clock,
            settings=ReconcileSettings(settings.sweep_ns, settings.unknown_grace_ns),
        )
        sight = Sight(
            state=self._state,
            claims=self._claims,
            data=self._data,
            reference=self._reference,
            clock=ports.clock,
            market_clock=ports.market_clock,
        )
        self._desk = Desk(
            session=ports.outbox.session,
            books=self._books,
            sight=sight,
            access=ports.access,
            clock=ports.clock,
            market_clock=ports.market_clock,
            limits=settings.limits,
        )
        self._settler = Settler(
            self._books,
            self._claims,
            ports.clock,
            settings.zone,
            settings.limits.max_daily_loss_usdc,
        )
        now = ports.clock.monotonic_ns()
        self._dead_man = DeadMan(self._claims, self._answers, settings.max_api_errors, now)
        self._user_connected = False
        self._last_turn_ns = now
        self._next_checkpoint_ns = now + settings.checkpoint_ns
        self._next_beat_ns = self._next_warm_ns = self._next_forget_ns = now
        self._last_second: dict[str, int] = {}
        self._decisions = 0

    async def start(self) -> None:
        """Take over the restored state; orders that were being sent have an unknown outcome now."""
        give_memories(self._agents, self._memories)
        self._ports.inbox.resume_from(self._state.inbox)
        self._claims.claim("reconcile", TradingState.RECONCILING, "starting: not reconciled yet")
        for order in self._state.open_orders():
            if order.status is OrderStatus.SUBMITTED:
                self._books.move(order, OrderTrigger.LOSE_ANSWER, code="restart")
        self._ports.price.subscribe(
            sorted({f"{series.asset}usd" for series in self._settings.series})
        )
        for stream in (self._ports.market, self._ports.user, self._ports.price):
            await stream.start()

    def turn(self) -> None:
        """Do one pass of work."""
        now = self._ports.clock.monotonic_ns()
        self._notice_stall(now)
        self._take_bus(now)
        self._take_frames()
        self._take_answers(now)
        if self._ports.market_clock.ready():
            self._follow_windows(now)
            self._reconcile(now)
            self._dead_man.turn(now)
            self._decide()
        self._inputs.end()
        self._ports.outbox.commit()
        if self._ports.access.ready():
            self._decisions += self._desk.send()
        self._upkeep(now)

    def next_wake_s(self) -> float:
        """Return the time to the next look in wall seconds."""
        speed = self._ports.market_clock.speed()
        if speed <= 0:
            return LONGEST_SLEEP_S
        return min(max(1 / (LOOKS_PER_SECOND * speed), SHORTEST_SLEEP_S), LONGEST_SLEEP_S)

    def status(self) -> str:
        """Say what is traded, what is open, and how old the book is."""
        if not self._ports.market_clock.ready():
            return "waiting for market time (is the simulator running?)"
        if not self._ports.access.ready():
            return "logging in at the exchange"
        live = self._open_markets()
        names = ", ".join(market.slug for market in live) or "no open window"
        age = self._ports.market.age_s()
        book = "no book yet" if age is None else f"book {age:.1f} s old"
        orders = len(self._state.open_orders())
        return f"{self._claims.describe()}; {names}; {orders} orders open, {book}"

    def vitals(self) -> Vitals:
        """Return what the heartbeat carries."""
        age = self._ports.market.age_s()
        market_ns = self._ports.market_clock.now_ns()
        reference = self._reference.age_s(market_ns)
        return Vitals(
            progress=self._data.events + self._decisions,
            trading_state=self._claims.state.value,
            ages_s={"market": -1.0 if age is None else age, "reference": reference},
            market_ns=market_ns,
        )

    def handle(self, request_type: str, body: Any) -> msgspec.Struct:
        """Carry out a command of the operator or the watchdog."""
        if isinstance(body, StopEntries):
            self._claims.claim(body.source, TradingState.REDUCING, body.reason)
        elif isinstance(body, HaltTrading):
            self._claims.claim(body.source, TradingState.HALTED, body.reason)
        elif isinstance(body, ResumeTrading):
            changed = self._claims.clear(body.source)
            if body.source == OPERATOR:
                logger.warning("resumed by the operator: %s", body.reason)
            if not changed:
                return Done(detail=f"nothing to resume; trading is {self._claims.describe()}")
        else:
            raise ProtocolError(f"expected a command for the trader, was {request_type}")
        self._ports.outbox.commit()
        self.wake.set()
        return Done(detail=f"trading is {self._claims.describe()}")

    async def stop(self) -> None:
        """Write a last checkpoint and close the streams; resting orders stay where they are."""
        self._ports.outbox.commit()
        self._checkpoint()
        for stream in (self._ports.market, self._ports.user, self._ports.price):
            await stream.stop()
        self._ports.tape.close()

    def _notice_stall(self, now: int) -> None:
        stood_still = now - self._last_turn_ns
        self._last_turn_ns = now
        if stood_still > STALL_NS and self._reconciler.done_once:
            logger.warning("the loop stood still for %.1f s: reconciling", stood_still / 1e9)
            self._reconciler.require("stalled loop")

    def _take_bus(self, now: int) -> None:
        for envelope, body in self._inputs.bus():
            if isinstance(body, MarketTimeChanged):
                self._ports.market_clock.accept(body)
            elif isinstance(body, Heartbeat):
                self._dead_man.heard(body.process, now)
            elif isinstance(body, WindowSettled):
                self._settler.settle(body)
            if envelope.durable:
                self._state.inbox[envelope.source] = envelope.seq

    def _take_frames(self) -> None:
        for frame in self._inputs.frames(self._ports.market):
            if frame.state:
                self._say_feed(frame)
            self._data.accept(frame)
        for frame in self._inputs.frames(self._ports.user):
            if frame.state:
                self._say_feed(frame)
                self._user_connected = frame.state == "connected"
                if self._user_connected and self._reconciler.done_once:
                    self._reconciler.require("user stream")
            else:
                self._answers.stream_frame(frame)
        for frame in self._inputs.frames(self._ports.price):
            if frame.state:
                self._say_feed(frame)
                continue
            for tick in self._prices.read(frame):
                self._reference.accept(tick)

    def _say_feed(self, frame: StreamFrame) -> None:
        connected = frame.state == "connected"
        self._books.record(
            FeedStateChanged(feed=frame.stream, connected=connected, detail=frame.state)
        )

    def _take_answers(self, now: int) -> None:
        for answer in self._inputs.answers():
            if isinstance(answer, PostAnswer):
                self._answers.posted(answer)
            elif isinstance(answer, CancelAnswer):
                self._answers.canceled(answer)
            elif isinstance(answer, AccountSnapshot):
                if isinstance(answer.error, Unauthorized):
                    self._ports.access.renew()
                self._reconciler.accept(answer, now)
            elif self._answers.looked_up(answer):
                self._reconciler.absent(answer.venue_order_id, now)

    def _follow_windows(self, now: int) -> None:
        market_ns = self._ports.market_clock.now_ns()
        self._schedule.ask(market_ns, now)
        for answer in self._ports.catalog.take():
            if answer.error is not None:
                logger.warning("looking up %s: %s", answer.slug, answer.error)
            market = self._schedule.accept(answer)
            if market is not None:
                self._learn(market)
        for slug, tick_bps in self._data.ticks.items():
            market = self._schedule.known.get(slug)
            if market is not None and market.tick_bps != tick_bps:
                self._schedule.replace(msgspec.structs.replace(market, tick_bps=tick_bps))
                self._learn(self._schedule.known[slug])
        self._data.ticks.clear()
        self._ports.market.subscribe(self._data.watch(self._schedule.live(market_ns)))
        self._finish_windows(market_ns)

    def _learn(self, market: Market) -> None:
        if self._state.markets.get(market.slug) != market:
            self._books.record(WindowDiscovered(market=market))

    def _finish_windows(self, market_ns: int) -> None:
        for slug, market in self._state.markets.items():
            if market.close_ns + LINGER_NS > market_ns:
                continue
            for agent in self._agents:
                if agent.follows(market) and (agent.name, slug) not in self._state.summarized:
                    self._books.record(agent.summary(slug))
                    self._desk.forget(slug)
                    self._last_second.pop(slug, None)
        self._settler.new_day(market_ns)

    def _reconcile(self, now: int) -> None:
        if self._ports.access.ready() and self._user_connected:
            self._reconciler.turn(now)

    def _open_markets(self) -> list[Market]:
        now = self._ports.market_clock.now_ns()
        return [
            market
            for market in self._schedule.known.values()
            if market.open_ns <= now < market.close_ns
        ]

    def _decide(self) -> None:
        if self._claims.state is TradingState.RECONCILING or not self._ports.access.ready():
            return
        second = self._ports.market_clock.now_ns() * LOOKS_PER_SECOND // SECOND_NS
        for market in self._open_markets():
            touched = market.slug in self._data.touched
            if not touched and self._last_second.get(market.slug) == second:
                continue
            self._last_second[market.slug] = second
            current = self._state.markets[market.slug]
            for agent in self._agents:
                if agent.follows(current):
                    self._desk.decide(agent, current)
        self._data.touched.clear()

    def _upkeep(self, now: int) -> None:
        """Do what is due by the wall clock: heartbeat, warm connections, checkpoint, forgetting."""
        if self._ports.access.ready():
            if now >= self._next_beat_ns and self._settings.exchange_heartbeat:
                self._next_beat_ns = now + BEAT_NS
                self._ports.access.gateway.beat()
            if now >= self._next_warm_ns:
                self._next_warm_ns = now + WARM_NS
                self._ports.access.gateway.keep_warm()
        if now >= self._next_checkpoint_ns:
            self._next_checkpoint_ns = now + self._settings.checkpoint_ns
            self._checkpoint()
        if now >= self._next_forget_ns:
            self._next_forget_ns = now + FORGET_NS
            market_ns = self._ports.market_clock.now_ns()
            self._state.forget_before(market_ns)
            self._schedule.forget_before(market_ns)

    def _checkpoint(self) -> None:
        memories = {
            f"{agent.name}/{slug}": memory
            for agent in self._agents
            for slug, memory in agent.memories().items()
        }
        state = msgspec.json.encode(self._state.to_snapshot(memories))
        self._ports.checkpoints.save_in_background(self._ports.outbox.last_seq(), state, SCHEMA)
