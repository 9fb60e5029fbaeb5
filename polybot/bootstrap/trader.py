"""Builds the trader process."""

import asyncio
import logging
from collections.abc import Callable
from zoneinfo import ZoneInfo

import msgspec

from polybot import __version__
from polybot.adapters.arming_files import ArmingFile
from polybot.adapters.clock import SystemTurnClock
from polybot.adapters.exchange_login import ExchangeLogin
from polybot.adapters.fence_files import FenceWatch
from polybot.adapters.gamma_catalog import GammaCatalog
from polybot.adapters.http_transport import HttpTransport
from polybot.adapters.preflight import ExchangePreflight, PreflightWays
from polybot.adapters.rest_books import RestBooks
from polybot.adapters.wallet_files import WalletFiles
from polybot.adapters.wallet_lock import hold_wallet
from polybot.bootstrap.access import WalletAccess
from polybot.bootstrap.endpoints import Endpoints
from polybot.bootstrap.foundation import (
    Foundation,
    open_foundation,
    payloads_after,
    run_service,
)
from polybot.bootstrap.http import make_market_clock, make_order_transport, make_transport
from polybot.bootstrap.own_orders import doctor_orders
from polybot.bootstrap.standing import standing_leave, standing_stops
from polybot.bootstrap.streams import StreamMaker
from polybot.config.load import LoadedConfig
from polybot.config.schema import SIMULATED_MODES, Config, WalletConfig
from polybot.domain.arming import ArmingState, ArmingVerdict, judge
from polybot.domain.money import parse_price, parse_usdc
from polybot.domain.risk_limits import RiskLimits
from polybot.domain.window import parse_series
from polybot.errors import StorageError
from polybot.exchange.signing import OrderSigner
from polybot.exchange.wallet_addresses import owns_wallet
from polybot.ports import Tape, WalletHolder
from polybot.runtime.logs import SecretMask
from polybot.runtime.tape import NullTape, TapeSettings, TapeWriter
from polybot.services.trader.agents import Agent
from polybot.services.trader.parts import TraderPorts, TraderSettings
from polybot.services.trader.restore import Restored, restore
from polybot.services.trader.service import TraderService
from polybot.services.trader.state import SCHEMA
from polybot.services.trader.taped_session import (
    SEGMENTS,
    WALL,
    AgentRecord,
    SessionRecord,
    tape_session,
)
from polybot.strategies.registry import build, effective_parameters

logger = logging.getLogger(__name__)

SECOND_NS = 1_000_000_000
MEBIBYTE = 1 << 20
LIVE = "live"


def run(loaded: LoadedConfig, mask: SecretMask, crash_loop: str = "") -> int:
    """Run the trader until it is asked to stop; StartRefused when another trades its wallet.

    `crash_loop` says how often it crashed of late when that is too often to enter anything.
    """
    key = _wallet_key(loaded, mask)
    wallet = _wallet(loaded.config).funder or key.address
    held = hold_wallet(wallet, _holder(loaded))
    try:
        return _run(loaded, mask, key, wallet, crash_loop)
    finally:
        held.release()


def _run(
    loaded: LoadedConfig, mask: SecretMask, key: OrderSigner, wallet: str, crash_loop: str
) -> int:
    foundation = open_foundation(
        "trader", loaded, mask, schema=SCHEMA, hears=("simulator", "tracker", "watchdog")
    )
    restored = _restore(foundation)
    service = _build(foundation, key, restored, crash_loop)
    standing = standing_stops(
        restored.state,
        limits_of(loaded.config),
        [agent.name for agent in loaded.config.agents],
        now_ns=foundation.clock.now_ns(),
    )
    if loaded.config.mode == LIVE:
        standing = (standing_leave(_leave(foundation, wallet, key.address)), *standing)
    return run_service(foundation, service, wallet=wallet, standing=standing)


def _holder(loaded: LoadedConfig) -> WalletHolder:
    return WalletHolder(
        mode=loaded.config.mode,
        state_dir=str(loaded.locations.state_dir),
        runtime_dir=str(loaded.locations.runtime_dir),
    )


def _leave(foundation: Foundation, wallet: str, address: str) -> ArmingVerdict:
    """Return what the arming is worth at this start."""
    loaded = foundation.loaded
    try:
        arming = ArmingFile(loaded.locations.state_dir).read()
    except StorageError as error:
        return ArmingVerdict(state=ArmingState.REFUSED, detail=str(error))
    return judge(
        arming,
        funder=wallet,
        signature_type=loaded.config.wallet.signature_type,
        now_ns=foundation.clock.now_ns(),
        wallet_problem=wallet_problem(loaded.config, address),
    )


def _wallet_key(loaded: LoadedConfig, mask: SecretMask) -> OrderSigner:
    # A real key has no business on a simulated exchange, even when the environment holds one.
    simulated = loaded.config.mode in SIMULATED_MODES
    text = _wallet_files(loaded).play_key() if simulated else loaded.config.wallet.private_key
    mask.add(text)
    return OrderSigner(text)


def _wallet(config: Config) -> WalletConfig:
    """Return the configured wallet, or on a simulated exchange the play wallet's plain settings."""
    return WalletConfig() if config.mode in SIMULATED_MODES else config.wallet


def _wallet_files(loaded: LoadedConfig) -> WalletFiles:
    return WalletFiles(loaded.locations.state_dir / "wallet")


def _restore(foundation: Foundation) -> Restored:
    durable = foundation.durable
    checkpoint = durable.checkpoint
    return restore(
        checkpoint.seq if checkpoint else 0,
        checkpoint.state if checkpoint else None,
        payloads_after(durable.journal, durable.replay_from_seq - 1),
    )


def _build(
    foundation: Foundation, key: OrderSigner, restored: Restored, crash_loop: str
) -> TraderService:
    loaded, clock = foundation.loaded, foundation.clock
    config = loaded.config
    endpoints = Endpoints(loaded)
    event = asyncio.Event()
    wake = foundation.thread_wake(event)
    fence = FenceWatch(loaded.locations.state_dir, clock)
    # Behind the banner, which says first what still stops trading.
    foundation.on_start.append(
        lambda: logger.info("this session begins under fence epoch %d", fence.epoch)
    )
    orders = make_order_transport(endpoints, config)
    reads = make_transport("reads", endpoints, "clob_url", config, 2)
    gamma = make_transport("gamma", endpoints, "gamma_url", config, 2)
    foundation.on_stop.extend(transport.close for transport in (orders, reads, gamma))
    login = ExchangeLogin(key, reads=reads, clock=clock, chain_id=config.exchange.chain_id)
    access = WalletAccess(
        key,
        funder=_wallet(config).funder,
        signature_type=_wallet(config).signature_type,
        files=_wallet_files(loaded),
        login=login,
        orders=orders,
        reads=reads,
        clock=clock,
        wake=wake,
        mask=foundation.mask,
        fence=fence,
    )
    streams = StreamMaker(config, endpoints, access, clock, event)
    # What a turn decides, it decides and journals at one moment, which a replay can repeat.
    turns = SystemTurnClock(clock)
    foundation.outbox.keep_time_by(turns)
    own_orders = doctor_orders(loaded.locations.state_dir)
    settings = msgspec.structs.replace(
        settings_of(config, key), own_orders=own_orders, crash_loop=crash_loop
    )
    ports = TraderPorts(
        wake=event,
        outbox=foundation.outbox,
        inbox=foundation.inbox,
        checkpoints=foundation.durable.checkpoints,
        catalog=GammaCatalog(gamma, wake=wake),
        preflight=_preflight(foundation, endpoints, reads, access, wake),
        access=access,
        market=streams.market(),
        user=streams.user(),
        prices=streams.prices(),
        book_source=RestBooks(reads, wake=wake),
        tape=_tape(foundation),
        clock=turns,
        market_clock=make_market_clock(config, turns),
        arming=ArmingFile(loaded.locations.state_dir) if config.mode == LIVE else None,
        fence=fence,
    )
    tape_session(ports.tape, _session_record(foundation, settings, ports), restored)
    return TraderService(settings, ports, _agents(config), restored)


def _preflight(
    foundation: Foundation,
    endpoints: Endpoints,
    reads: HttpTransport,
    access: WalletAccess,
    wake: Callable[[], None],
) -> ExchangePreflight:
    region = None
    if foundation.loaded.config.mode == LIVE:
        region = make_transport("region", endpoints, "geoblock_url", foundation.loaded.config, 1)
        foundation.on_stop.append(region.close)
    return ExchangePreflight(
        PreflightWays(
            reads=reads,
            region=region,
            region_url=endpoints.resolver("geoblock_url"),
            signer=access.request_signer,
            signature_type=access.signature_type,
            clock=foundation.clock,
            wake=wake,
        )
    )


def _tape(foundation: Foundation) -> Tape:
    config = foundation.loaded.config.trader
    if not config.tape_enabled:
        return NullTape()
    directory = foundation.loaded.locations.process_dir("trader") / "tape"
    settings = TapeSettings(total_bytes=config.tape_cap_mb * MEBIBYTE)
    return TapeWriter(directory, foundation.outbox.session, settings)


def _session_record(
    foundation: Foundation, settings: TraderSettings, ports: TraderPorts
) -> SessionRecord:
    config = foundation.loaded.config
    return SessionRecord(
        program=__version__,
        session=foundation.outbox.session,
        mono_ns=ports.clock.monotonic_ns(),
        wall_ns=ports.clock.now_ns(),
        last_seq=foundation.outbox.last_seq(),
        market_time=SEGMENTS if config.mode in SIMULATED_MODES else WALL,
        settings=settings,
        agents=tuple(
            AgentRecord(
                name=agent.name,
                strategy=agent.strategy,
                parameters=effective_parameters(agent.strategy, agent.parameters),
                capital_usdc=parse_usdc(str(agent.capital_usdc)),
                series=tuple(agent.series),
            )
            for agent in config.agents
            if agent.enabled
        ),
        prices=tuple(stream.name for stream in ports.prices),
        needs_arming=config.mode == LIVE,
    )


def settings_of(config: Config, key: OrderSigner) -> TraderSettings:
    """Return the configuration in the trader's units."""
    return TraderSettings(
        series=tuple(parse_series(name) for name in config.trader.series),
        limits=limits_of(config),
        zone=ZoneInfo(config.trading_zone),
        sweep_ns=int(config.trader.reconcile_s * SECOND_NS),
        unknown_grace_ns=int(config.trader.unknown_grace_s * SECOND_NS),
        checkpoint_ns=int(config.trader.checkpoint_s * SECOND_NS),
        max_api_errors=config.risk.max_consecutive_api_errors,
        exchange_heartbeat=config.trader.exchange_heartbeat,
        orders_per_second=config.exchange.orders_per_second,
        cancels_per_second=config.exchange.cancels_per_second,
        max_skew_s=config.watchdog.max_clock_skew_s,
        funder=_wallet(config).funder or key.address,
        signature_type=_wallet(config).signature_type,
        wallet_problem=wallet_problem(config, key.address),
        quiet_ns=int(config.crash_loop.quiet_s * SECOND_NS),
    )


def wallet_problem(config: Config, address: str) -> str:
    """Return why the key of an address cannot sign for the configured wallet, "" when it can."""
    wallet = _wallet(config)
    funder = wallet.funder or address
    if owns_wallet(address, wallet.signature_type, funder):
        return ""
    return (
        f"the wallet {funder} (type {wallet.signature_type}) is not one of the key of {address}; "
        "run: polybot init"
    )


def limits_of(config: Config) -> RiskLimits:
    """Return the configured limits in integers; an agent's capital is set per agent."""
    risk = config.risk
    return RiskLimits(
        min_buy_bps=parse_price(str(risk.min_buy_price)),
        max_buy_bps=parse_price(str(risk.max_buy_price)),
        max_order_usdc=parse_usdc(str(risk.max_order_usdc)),
        max_window_usdc=parse_usdc(str(risk.max_window_usdc)),
        max_deployed_usdc=parse_usdc(str(risk.max_deployed_usdc)),
        max_daily_loss_usdc=parse_usdc(str(risk.max_daily_loss_usdc)),
        max_open_orders=risk.max_open_orders,
        max_orders_per_minute=risk.max_orders_per_minute,
        max_consecutive_losses=risk.max_consecutive_losses,
        pause_ns=int(risk.pause_s * SECOND_NS),
    )


def _agents(config: Config) -> tuple[Agent, ...]:
    return tuple(
        Agent(
            name=agent.name,
            strategy=build(agent.strategy, agent.parameters),
            capital_usdc=parse_usdc(str(agent.capital_usdc)),
            series=frozenset(agent.series),
        )
        for agent in config.agents
        if agent.enabled
    )
