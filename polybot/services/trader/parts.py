"""The trader's parts, and how they hang together."""

import asyncio
from datetime import tzinfo

import msgspec

from polybot.domain.risk_limits import RiskLimits
from polybot.domain.window import Series
from polybot.ports import (
    ArmingStore,
    BookSource,
    CheckpointStore,
    ExchangeAccess,
    Inbox,
    MarketCatalog,
    MarketClock,
    Outbox,
    Preflight,
    Stream,
    Tape,
    TurnClock,
)
from polybot.ports.fence import NO_FENCE, Fence
from polybot.services.trader.agents import Agent
from polybot.services.trader.arming import ArmingWatch, Leave, NoLeaveNeeded
from polybot.services.trader.book_repair import BookRepair
from polybot.services.trader.bookkeeping import Bookkeeper
from polybot.services.trader.cash_check import CashCheck
from polybot.services.trader.claims import TradingClaims
from polybot.services.trader.crash_brake import CrashBrake
from polybot.services.trader.dead_man import DeadMan
from polybot.services.trader.desk import Desk
from polybot.services.trader.feed_gaps import FeedGaps
from polybot.services.trader.feeds import Feeds
from polybot.services.trader.fence_watch import FenceWatch
from polybot.services.trader.flatten import Flattener
from polybot.services.trader.holdings_check import HoldingsCheck
from polybot.services.trader.inputs import Inputs
from polybot.services.trader.look_ups import LookUps
from polybot.services.trader.market_data import MarketData
from polybot.services.trader.market_watch import MarketWatch
from polybot.services.trader.operator_orders import OperatorOrders
from polybot.services.trader.order_answers import OrderAnswers
from polybot.services.trader.order_gate import OrderGate, bucket_of
from polybot.services.trader.preflight import WindowChecks
from polybot.services.trader.price_feeds import PriceFeeds
from polybot.services.trader.reconcile import Reconciler
from polybot.services.trader.reference import ReferenceBook
from polybot.services.trader.refusal_actions import RefusalActions
from polybot.services.trader.sight import Sight
from polybot.services.trader.state import TraderState
from polybot.services.trader.strangers import Strangers
from polybot.services.trader.upkeep import Upkeep
from polybot.services.trader.windows import WindowSchedule
from polybot.services.trader.windows_over import Settler


class TraderPorts(msgspec.Struct, frozen=True, kw_only=True):
    """Everything outside the trader; adapters set `wake` when something is there to take.

    `arming` is None where the exchange is simulated: nothing real can be ordered there. `prices`
    are the price feeds in order of preference, at least one.
    """

    wake: asyncio.Event
    outbox: Outbox
    inbox: Inbox
    checkpoints: CheckpointStore
    catalog: MarketCatalog
    preflight: Preflight
    access: ExchangeAccess
    market: Stream
    user: Stream
    prices: tuple[Stream, ...]
    book_source: BookSource
    tape: Tape
    clock: TurnClock
    market_clock: MarketClock
    arming: ArmingStore | None = None
    fence: Fence = NO_FENCE


class TraderSettings(msgspec.Struct, frozen=True, kw_only=True):
    """The trader's configuration in integers; durations are wall time.

    `funder` and `signature_type` are the wallet's whose arming counts; `wallet_problem` says why
    the key cannot sign for it, "" when it can. The rates are those at which we send at most;
    `max_skew_s` is how far our clock may be from the exchange's; `own_orders` are ids of orders
    that this installation sent and no journal has: the doctor's. `crash_loop` says how often the
    process crashed before this start, "" when not too often: it enters nothing for `quiet_ns` then.
    """

    series: tuple[Series, ...]
    limits: RiskLimits
    zone: tzinfo
    sweep_ns: int
    unknown_grace_ns: int
    checkpoint_ns: int
    max_api_errors: int
    exchange_heartbeat: bool
    funder: str = ""
    signature_type: int = 0
    wallet_problem: str = ""
    orders_per_second: float = 30.0
    cancels_per_second: float = 60.0
    max_skew_s: float = 5.0
    own_orders: tuple[str, ...] = ()
    crash_loop: str = ""
    quiet_ns: int = 300_000_000_000


class Ledger(msgspec.Struct, frozen=True):
    """What every part that books something shares."""

    state: TraderState
    books: Bookkeeper
    claims: TradingClaims
    answers: OrderAnswers
    strangers: Strangers


class TraderParts(msgspec.Struct, frozen=True):
    """One object a noun; the service says in which order they take their turn."""

    ledger: Ledger
    inputs: Inputs
    feeds: Feeds
    watch: MarketWatch
    checks: WindowChecks
    refusals: RefusalActions
    reconciler: Reconciler
    desk: Desk
    settler: Settler
    dead_man: DeadMan
    leave: Leave
    upkeep: Upkeep
    flattener: Flattener
    operator: OperatorOrders
    fence: FenceWatch
    crash_brake: CrashBrake


def assemble(
    settings: TraderSettings, ports: TraderPorts, agents: tuple[Agent, ...], state: TraderState
) -> TraderParts:
    """Make every part around one state."""
    books = Bookkeeper(state, ports.outbox, ports.market_clock)
    claims = TradingClaims(books, ports.clock)
    strangers = Strangers(books, claims, frozenset(settings.own_orders))
    ledger = Ledger(state, books, claims, OrderAnswers(books, ports.access), strangers)
    reconciler = _reconciler(settings, ports, ledger)
    inputs = _inputs(ports)
    feeds = _feeds(ports, ledger, inputs, reconciler)
    data, reference = feeds.data, feeds.reference
    schedule = WindowSchedule(settings.series, ports.catalog)
    checks = WindowChecks(books, claims, ports.preflight, schedule, settings.max_skew_s)
    gate = OrderGate(
        bucket_of(settings.orders_per_second), bucket_of(settings.cancels_per_second), checks
    )
    desk = _desk(settings, ports, _sight(settings, ports, ledger, data, reference), books, gate)
    flattener = Flattener(books, desk, data, agents, ports.market_clock)
    return TraderParts(
        ledger=ledger,
        inputs=inputs,
        feeds=feeds,
        watch=MarketWatch(schedule, ports.catalog, ports.market, data, books, agents, checks),
        checks=checks,
        refusals=RefusalActions(
            ledger.answers, claims, ports.access, gate, checks, ports.preflight
        ),
        reconciler=reconciler,
        desk=desk,
        settler=Settler(
            books, claims, ports.clock, settings.zone, settings.limits.max_daily_loss_usdc
        ),
        dead_man=DeadMan(
            claims, ledger.answers, settings.max_api_errors, ports.clock.monotonic_ns()
        ),
        leave=_leave(settings, ports, books, claims),
        upkeep=_upkeep(settings, ports, agents, state, schedule),
        flattener=flattener,
        operator=OperatorOrders(books, claims, desk, flattener),
        fence=FenceWatch(ports.fence, claims),
        crash_brake=CrashBrake(claims, settings.crash_loop, settings.quiet_ns),
    )


def _leave(
    settings: TraderSettings, ports: TraderPorts, books: Bookkeeper, claims: TradingClaims
) -> Leave:
    if ports.arming is None:
        return NoLeaveNeeded()
    return ArmingWatch(
        ports.arming,
        books,
        claims,
        ports.clock,
        funder=settings.funder,
        signature_type=settings.signature_type,
        wallet_problem=settings.wallet_problem,
    )


def _inputs(ports: TraderPorts) -> Inputs:
    return Inputs(
        inbox=ports.inbox,
        access=ports.access,
        market=ports.market,
        user=ports.user,
        prices=ports.prices,
        book_source=ports.book_source,
        tape=ports.tape,
        clock=ports.clock,
        market_clock=ports.market_clock,
    )


def _feeds(ports: TraderPorts, ledger: Ledger, inputs: Inputs, reconciler: Reconciler) -> Feeds:
    return Feeds(
        inputs=inputs,
        claims=ledger.claims,
        gaps=FeedGaps(ledger.books, ports.market_clock),
        repair=BookRepair(MarketData(), ports.book_source, ledger.books, ports.clock),
        prices=PriceFeeds(
            ports.prices, ReferenceBook(), ledger.books, ports.clock, ports.market_clock
        ),
        answers=ledger.answers,
        reconciler=reconciler,
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
        holdings=HoldingsCheck(books, answers, ports.market_clock),
        strangers=ledger.strangers,
        sweep_ns=settings.sweep_ns,
    )


def _sight(
    settings: TraderSettings,
    ports: TraderPorts,
    ledger: Ledger,
    data: MarketData,
    reference: ReferenceBook,
) -> Sight:
    return Sight(
        state=ledger.state,
        claims=ledger.claims,
        data=data,
        reference=reference,
        clock=ports.clock,
        market_clock=ports.market_clock,
        zone=settings.zone,
        foreign_orders=lambda: ledger.strangers.resting,
    )


def _desk(
    settings: TraderSettings, ports: TraderPorts, sight: Sight, books: Bookkeeper, gate: OrderGate
) -> Desk:
    return Desk(
        session=ports.outbox.session,
        books=books,
        sight=sight,
        access=ports.access,
        clock=ports.clock,
        market_clock=ports.market_clock,
        limits=settings.limits,
        gate=gate,
        fence=ports.fence,
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
