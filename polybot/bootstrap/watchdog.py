"""Builds the watchdog process."""

import asyncio
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from polybot.adapters.chat_messenger import ChatMessenger
from polybot.adapters.clock import BootClock
from polybot.adapters.exchange_time import ExchangeTime
from polybot.adapters.fence_files import FenceFile
from polybot.adapters.host import LocalHost
from polybot.adapters.http_transport import HttpTransport
from polybot.adapters.order_sweeper import Account, ThreadedSweeper
from polybot.adapters.process_killer import LinuxProcessKiller
from polybot.adapters.steady_clock import ConfirmedTime
from polybot.adapters.storage.patient_reader import PatientReader
from polybot.bootstrap.chaos.conditions import machine_clock
from polybot.bootstrap.crash_loop import loops_of
from polybot.bootstrap.endpoints import Endpoints
from polybot.bootstrap.foundation import (
    Foundation,
    open_foundation,
    payloads_after,
    run_service,
)
from polybot.bootstrap.http import make_market_clock, make_transport
from polybot.bootstrap.journaled_orders import JournaledOrders
from polybot.config.alerts import chats_of
from polybot.config.load import LoadedConfig
from polybot.config.locations import PROCESSES
from polybot.config.schema import SIMULATED_MODES, WatchdogConfig
from polybot.domain.alarms import AlarmRules
from polybot.domain.liveness import LivenessRules
from polybot.runtime.command_sender import BusCommandSender
from polybot.runtime.logs import SecretMask
from polybot.services.watchdog.needs import FenceTools, WatchdogPorts, WatchdogSettings
from polybot.services.watchdog.service import WatchdogService
from polybot.services.watchdog.state import SCHEMA, restore

if TYPE_CHECKING:
    from polybot.extras.chat import Channel, Delivery

SECOND_NS = 1_000_000_000


def run(loaded: LoadedConfig, mask: SecretMask) -> int:
    """Run the watchdog until it is asked to stop."""
    processes = floor_of(loaded)
    peers = tuple(process for process in processes if process != "watchdog")
    foundation = open_foundation("watchdog", loaded, mask, schema=SCHEMA, hears=peers)
    durable, clock = foundation.durable, foundation.clock
    checkpoint = durable.checkpoint
    restored = restore(
        checkpoint.seq if checkpoint else 0,
        checkpoint.state if checkpoint else None,
        payloads_after(durable.journal, durable.replay_from_seq - 1),
    )
    time_transport = make_transport("time", Endpoints(loaded), "clob_url", loaded.config, 1)
    storage = PatientReader(loaded.locations.ledger_path)
    foundation.on_stop.extend((time_transport.close, storage.close))
    wake = asyncio.Event()
    ports = WatchdogPorts(
        wake=wake,
        inbox=foundation.inbox,
        outbox=foundation.outbox,
        commands=BusCommandSender("watchdog", foundation.outbox.session, foundation.caller),
        host=LocalHost(loaded.locations.state_dir, loaded.locations.ledger_path),
        exchange_time=_exchange_time(loaded, time_transport),
        storage=storage,
        fence=_fence(foundation, time_transport, wake),
        checkpoints=durable.checkpoints,
        clock=clock,
        market_clock=make_market_clock(loaded.config, clock),
        messenger=_messenger(foundation, wake),
        wall_jump_s=clock.jump_s,
        crash_loops=loops_of(loaded, processes),
    )
    settings = WatchdogSettings(
        processes=processes,
        pid=os.getpid(),
        liveness=_liveness(loaded.config.watchdog),
        alarms=_alarms(loaded.config.watchdog),
        fence_ns=int(loaded.config.watchdog.fence_s * SECOND_NS),
        signature=f"polybot {loaded.config.mode} on {socket.gethostname()}",
    )
    return run_service(foundation, WatchdogService(ports, settings, restored))


def _fence(foundation: Foundation, transport: HttpTransport, wake: asyncio.Event) -> FenceTools:
    loaded = foundation.loaded
    locations = loaded.locations
    trader_dir = locations.process_dir("trader")

    @contextmanager
    def open_account() -> Iterator[Account]:
        # What orders are made of costs a start 20 ms, and most watchdogs never cancel one.
        from polybot.adapters.account_client import AccountClient  # noqa: PLC0415
        from polybot.bootstrap.account import credentials_of  # noqa: PLC0415
        from polybot.exchange.l2_auth import RequestSigner  # noqa: PLC0415

        known = credentials_of(loaded)
        signer = RequestSigner(known.address, known.api)
        yield AccountClient(transport, signer, foundation.clock, known.signature_type)

    return FenceTools(
        store=FenceFile(locations.state_dir),
        killer=LinuxProcessKiller(trader_dir / "journal.lock"),
        sweeper=ThreadedSweeper(
            open_account,
            JournaledOrders(locations.ledger_path, trader_dir),
            foundation.thread_wake(wake),
        ),
    )


def _messenger(foundation: Foundation, wake: asyncio.Event) -> ChatMessenger:
    def deliver(channel: "Channel", text: str) -> "Delivery":
        from polybot.extras.chat import deliver  # noqa: PLC0415

        return deliver(channel, text)

    chats = chats_of(foundation.loaded.config.alerts)
    return ChatMessenger(chats, foundation.thread_wake(wake), deliver)


def _exchange_time(loaded: LoadedConfig, transport: HttpTransport) -> ExchangeTime:
    """Compare the machine's own clock, and let every process know when the exchange agrees."""
    confirmed = ConfirmedTime(loaded.locations.confirmed_time_path, BootClock().boot)
    return ExchangeTime(
        transport,
        machine_clock("watchdog", os.environ),
        max_skew_s=loaded.config.watchdog.max_clock_skew_s,
        agrees=confirmed.confirm,
    )


def floor_of(loaded: LoadedConfig) -> tuple[str, ...]:
    """Return the processes of a floor: the simulator only where the exchange is simulated."""
    simulated = loaded.config.mode in SIMULATED_MODES
    return tuple(process for process in PROCESSES if simulated or process != "simulator")


def _liveness(config: WatchdogConfig) -> LivenessRules:
    return LivenessRules(
        late_s=config.late_s,
        dead_s=config.dead_s,
        stalled_s=config.stalled_s,
        flapping_restarts=config.flapping_restarts,
        flapping_s=config.flapping_s,
    )


def _alarms(config: WatchdogConfig) -> AlarmRules:
    return AlarmRules(
        feed_age_s=config.feed_age_s,
        min_disk_mb=config.min_disk_mb,
        max_rss_mb=config.max_rss_mb,
        max_clock_skew_s=config.max_clock_skew_s,
        max_commit_age_s=config.max_commit_age_s,
    )
