"""Puts a simulated exchange together from its configuration and what a former life left behind."""

import hashlib
from pathlib import Path

import msgspec

from polybot.config.schema import SimulatorConfig
from polybot.domain.market import FeeSchedule
from polybot.domain.money import parse_price, parse_shares, parse_usdc
from polybot.ports import Clock, RecordLog
from polybot.simulator.api.keyring import KeyRing
from polybot.simulator.books.ledger import Ledger
from polybot.simulator.drivers.driver import Driver
from polybot.simulator.drivers.driver_mirror import MirrorDriver, Upstream
from polybot.simulator.drivers.driver_recorded import RecordedDriver
from polybot.simulator.drivers.driver_synthetic import (
    SyntheticDriver,
    SyntheticTerms,
    first_start_ns,
)
from polybot.simulator.drivers.recorded_window import RecordedTerms
from polybot.simulator.engine.engine import SimulatedExchange
from polybot.simulator.engine.timers import NS_PER_MS, NS_PER_S, ExchangeRules
from polybot.simulator.engine.window_book import WindowBook
from polybot.simulator.faults.actions import ExchangeActions
from polybot.simulator.faults.injector import FaultInjector
from polybot.simulator.faults.plan import FaultPlan, read_plan
from polybot.simulator.faults.timed import TimedFaults
from polybot.simulator.feeds.hub import Hub
from polybot.simulator.market_clock import SegmentedClock
from polybot.simulator.recovery import check_source, replay_market, restore_ledger
from polybot.simulator.world import World

STARTING = "starting"
JOURNAL_NAME = "the simulated exchange's journal"


class SavedState(msgspec.Struct, frozen=True):
    """A checkpoint: the ledger as JSON, with the newest journal seq it covers."""

    seq: int
    state: bytes


class Assembly(msgspec.Struct, frozen=True):
    """The parts that work together; the clock is held for STARTING."""

    world: World
    hub: Hub
    keys: KeyRing
    replayed: int
    timed: TimedFaults


def assemble(
    config: SimulatorConfig,
    *,
    clock: Clock,
    log: RecordLog,
    saved: SavedState | None,
    upstream: Upstream | None = None,
) -> Assembly:
    """Restore the books, rebuild the market, and put the exchange together.

    With an `upstream` its market is mirrored, whatever else the configuration names.
    Raises ConfigError when the journal belongs to another market, RecordingError for a directory
    that cannot be played, JournalError or CheckpointError for a damaged state.
    """
    plan = read_plan(Path(config.faults)) if config.faults else FaultPlan()
    covered = saved.seq if saved else 0
    records = log.records_after(covered)
    ledger = restore_ledger(saved.state if saved else None, (payload for _, payload in records))
    driver = mirror_of(upstream, ledger) if upstream else make_driver(config, ledger, clock)
    check_source(ledger, driver, JOURNAL_NAME)
    books: dict[str, WindowBook] = {}
    faults = FaultInjector()
    hub = Hub(ledger, books, faults)
    exchange = SimulatedExchange(ledger, _rules(config), hub, books)
    replay_market(exchange, driver)
    state = ledger.state
    market_clock = SegmentedClock(
        clock.monotonic_ns,
        start_ns=max(state.now_ns, state.lease_ns, driver.start_ns, _wall_start(config, clock)),
        speed=config.speed,
        held=STARTING,
    )
    world = World(clock=market_clock, driver=driver, exchange=exchange, log=log, outlet=hub)
    world.last_seq = max((seq for seq, _ in records), default=covered)
    keys = KeyRing(
        exchange,
        secret=hashlib.sha256(f"simulated exchange {config.seed}".encode()).digest(),
        opening_balance_usdc=parse_usdc(str(config.opening_balance_usdc)),
    )
    faults.use(plan, market_clock.now_ns())
    timed = TimedFaults(faults, ExchangeActions(exchange))
    return Assembly(world, hub, keys, len(records), timed)


def mirror_of(upstream: Upstream, ledger: Ledger) -> MirrorDriver:
    """Return the mirror of another exchange, which goes on with what the books wait for."""
    waiting = [window for window in ledger.state.windows.values() if not window.resolved_ns]
    return MirrorDriver(
        upstream,
        unsettled=[window.market for window in waiting],
        closed=[window.slug for window in waiting if not window.accepts_orders],
    )


def _wall_start(config: SimulatorConfig, clock: Clock) -> int:
    """Return wall time where market time has to be it; what was due before then happens at once."""
    return clock.now_ns() if config.start == "now" else 0


def make_driver(config: SimulatorConfig, ledger: Ledger, clock: Clock) -> Driver:
    """Return the market to play: a recordings directory, or the synthetic one."""
    fee = FeeSchedule(rate_bps=parse_price(str(config.fee_rate)))
    resolve_after_ns = int(config.resolve_after_s * NS_PER_S)
    if config.recordings:
        terms = RecordedTerms(
            fee=fee,
            unknown_depth_shares=parse_shares(str(config.unknown_depth_shares)),
            resolve_after_ns=resolve_after_ns,
        )
        return RecordedDriver(Path(config.recordings), terms)
    synthetic = SyntheticTerms(
        seed=config.seed,
        series=config.series,
        fee=fee,
        resolve_after_ns=resolve_after_ns,
        protocol=config.protocol,
    )
    # A market continued after a restart begins where it began, not where the wall clock is now.
    start_ns = ledger.state.start_ns or first_start_ns(clock.now_ns())
    return SyntheticDriver(synthetic, start_ns)


def _rules(config: SimulatorConfig) -> ExchangeRules:
    return ExchangeRules(
        seed=config.seed,
        taker_delay_ns=config.taker_delay_ms * NS_PER_MS,
        redeem_after_ns=int(config.redeem_after_s * NS_PER_S),
    )
