"""Builds the watchdog process."""

import asyncio
import os

from polybot.adapters.exchange_time import ExchangeTime
from polybot.adapters.host import LocalHost
from polybot.adapters.storage.patient_reader import PatientReader
from polybot.bootstrap.endpoints import Endpoints
from polybot.bootstrap.foundation import open_foundation, payloads_after, run_service
from polybot.bootstrap.http import make_market_clock, make_transport
from polybot.config.load import LoadedConfig
from polybot.config.locations import PROCESSES
from polybot.config.schema import SIMULATED_MODES, WatchdogConfig
from polybot.domain.alarms import AlarmRules
from polybot.domain.liveness import LivenessRules
from polybot.runtime.command_sender import BusCommandSender
from polybot.runtime.logs import SecretMask
from polybot.services.watchdog.needs import WatchdogPorts, WatchdogSettings
from polybot.services.watchdog.service import WatchdogService
from polybot.services.watchdog.state import SCHEMA, restore


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
    ports = WatchdogPorts(
        wake=asyncio.Event(),
        inbox=foundation.inbox,
        outbox=foundation.outbox,
        commands=BusCommandSender("watchdog", foundation.outbox.session, foundation.caller),
        host=LocalHost(loaded.locations.state_dir, loaded.locations.ledger_path),
        exchange_time=ExchangeTime(time_transport, clock),
        storage=storage,
        checkpoints=durable.checkpoints,
        clock=clock,
        market_clock=make_market_clock(loaded.config, clock),
    )
    settings = WatchdogSettings(
        processes=processes,
        pid=os.getpid(),
        liveness=_liveness(loaded.config.watchdog),
        alarms=_alarms(loaded.config.watchdog),
    )
    return run_service(foundation, WatchdogService(ports, settings, restored))


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
