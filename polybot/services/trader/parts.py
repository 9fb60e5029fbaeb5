"""The trader's parts, and how they hang together."""

import asyncio
from datetime import tzinfo

import msgspec

from polybot.domain.risk_limits import RiskLimits
from polybot.domain.window import Series
from polybot.ports import (
    CheckpointStore,
    Clock,
    ExchangeAccess,
    Inbox,
    MarketCatalog,
    MarketClock,
    Outbox,
    Stream,
    Tape,
)
from polybot.services.trader.agents import Agent
from polybot.services.trader.bookkeeping import Bookkeeper
from polybot.services.trader.cash_check import CashCheck
from polybot.services.trader.claims import TradingClaims
from polybot.services.trader.dead_man import DeadMan
from polybot.services.trader.desk import Desk
from polybot.services.trader.feeds import Feeds
from polybot.services.trader.inputs import Inputs
from polybot.services.trader.look_ups import LookUps
from polybot.services.trader.market_data import MarketData
from polybot.services.trader.market_watch import MarketWatch
from polybot.services.trader.order_answers import OrderAnswers
from polybot.services.trader.reconcile import Reconciler
from polybot.services.trader.reference import ReferenceBook
from polybot.services.trader.sight import Sight
from polybot.services.trader.state import TraderState
from polybot.services.trader.upkeep import Upkeep
from polybot.services.trader.windows import WindowSchedule
from polybot.services.trader.windows_over import Settler


class TraderPorts(msgspec.Struct, frozen=True, kw_only=True):
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


class TraderSettings(msgspec.Struct, frozen=True, kw_only=True):
    """The trader's configuration in integers; durations are wall time."""

    series: tuple[Series, ...]
    limits: RiskLimits
    zone: tzinfo
    sweep_ns: int
    unknown_grace_ns: int
    checkpoint_ns: int
    max_api_errors: int
    exchange_heartbeat: bool


class Ledger(msgspec.Struct, frozen=True):
    """What every part that books something shares."""

    state: TraderState
    books: Bookkeeper
    claims: TradingClaims
    answers: OrderAnswers


class TraderParts(msgspec.Struct, frozen=True):
    """One object a noun; the service says in which order they take their turn."""

    ledger: Ledger
    inputs: Inputs
    feeds: Feeds
    watch: MarketWatch
    reconciler: Reconciler
    desk: Desk
    settler: Settler
    dead_man: DeadMan
    upkeep: Upkeep


def assemble(
    settings: TraderSettings, ports: TraderPorts, agents: tuple[Agent, ...], state: TraderState
) -> TraderParts:
    """Make every part around one state."""
    books = Bookkeeper(state, ports.outbox, ports.market_clock)
    claims = TradingClaims(books, ports.clock)
    ledger = Ledger(state, books, claims, OrderAnswers(books, ports.access))
    data, reference = MarketData(), ReferenceBook()
    schedule = WindowSchedule(settings.series, ports.catalog)
    inputs = _inputs(ports)
    reconciler = _reconciler(settings, ports, ledger)
    return TraderParts(
        ledger=ledger,
        inputs=inputs,
        feeds=Feeds(inputs, books, claims, data, ledger.answers, reconciler, reference),
        watch=MarketWatch(schedule, ports.catalog, ports.market, data, books, agents),
        reconciler=reconciler,
        desk=_desk(settings, ports, ledger, data, reference),
        settler=Settler(
            books, claims, ports.clock, settings.zone, settings.limits.max_daily_loss_usdc
        ),
        dead_man=DeadMan(
            claims, ledger.answers, settings.max_api_errors, ports.clock.monotonic_ns()
        ),
        upkeep=_upkeep(settings, ports, agents, state, schedule),
    )


def _inputs(ports: TraderPorts) -> Inputs:
    return Inputs(
        inbox=ports.inbox,
        access=ports.access,
        market=ports.market,
        user=ports.user,
        price=ports.price,
        tape=ports.tape,
        clock=ports.clock,
        market_clock=ports.market_clock,
    )


def _reconciler(settings: TraderSettings, ports: TraderPorts, ledger: Ledger) -> Reconciler:
    books, answers = ledger.books, ledger.answers
    return Reconciler(
        books=books,
        answers=answers,
        claims=ledger.claims,
        access=ports.access,
        market_clock=ports.market_clock,
        look_ups=LookUps(books, answers, ports.access, settings.unknown_grace_ns),
        cash=CashCheck(books, answers, ports.market_clock),
        sweep_ns=settings.sweep_ns,
    )


def _desk(
    settings: TraderSettings,
    ports: TraderPorts,
    ledger: Ledger,
    data: MarketData,
    reference: ReferenceBook,
) -> Desk:
    sight = Sight(
        state=ledger.state,
        claims=ledger.claims,
        data=data,
        reference=reference,
        clock=ports.clock,
        market_clock=ports.market_clock,
        zone=settings.zone,
    )
    return Desk(
        session=ports.outbox.session,
        books=ledger.books,
        sight=sight,
        access=ports.access,
        clock=ports.clock,
        market_clock=ports.market_clock,
        limits=settings.limits,
    )


def _upkeep(
    settings: TraderSettings,
    ports: TraderPorts,
    agents: tuple[Agent, ...],
    state: TraderState,
    schedule: WindowSchedule,
) -> Upkeep:
    return Upkeep(
        state=state,
        schedule=schedule,
        agents=agents,
        access=ports.access,
        outbox=ports.outbox,
        checkpoints=ports.checkpoints,
        market_clock=ports.market_clock,
        checkpoint_ns=settings.checkpoint_ns,
        exchange_heartbeat=settings.exchange_heartbeat,
    )
