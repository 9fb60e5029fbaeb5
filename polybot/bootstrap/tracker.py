"""Builds the tracker process."""

import asyncio
from pathlib import Path

from polybot.adapters.audit_child import ChildAuditRunner
from polybot.adapters.clob_outcomes import ClobOutcomes
from polybot.adapters.data_activity import DataApiActivity
from polybot.adapters.gamma_catalog import GammaCatalog, outcome_only
from polybot.adapters.storage.rescue import LedgerRescue
from polybot.bootstrap.account import funder_of
from polybot.bootstrap.audit import CHILD_TIMEOUT_S, child_command
from polybot.bootstrap.endpoints import Endpoints
from polybot.bootstrap.foundation import Foundation, open_foundation, run_service
from polybot.bootstrap.http import make_market_clock, make_transport
from polybot.config.load import LoadedConfig
from polybot.runtime.event_history import FiledEvents
from polybot.runtime.logs import SecretMask
from polybot.runtime.own_events import JournaledEvents
from polybot.services.tracker.needs import TrackerPorts, TrackerSettings
from polybot.services.tracker.restore import SCHEMA, restore
from polybot.services.tracker.service import TrackerService

SECOND_NS = 1_000_000_000
# Everybody else's durable events are stored; the tracker's own come from its journal.
SOURCES = ("trader", "watchdog", "reflector", "simulator")
# A process that said this much before was heard by a tracker.
MANY_EVENTS = 500


def run(loaded: LoadedConfig, mask: SecretMask) -> int:
    """Run the tracker until it is asked to stop."""
    foundation = open_foundation("tracker", loaded, mask, schema=SCHEMA, hears=SOURCES)
    config, clock = loaded.config, foundation.clock
    event = asyncio.Event()
    wake = foundation.thread_wake(event)
    gamma = make_transport("gamma", Endpoints(loaded), "gamma_url", config, 2)
    data = make_transport("data", Endpoints(loaded), "data_url", config, 1)
    clob = make_transport("clob", Endpoints(loaded), "clob_url", config, 1)
    foundation.on_stop.extend((gamma.close, data.close, clob.close))
    rescue = LedgerRescue(loaded.locations.ledger_path, clock)
    ports = TrackerPorts(
        wake=event,
        ledger=rescue.open(had_events=_had_events(foundation)),
        inbox=foundation.inbox,
        outbox=foundation.outbox,
        own=JournaledEvents(foundation.durable.journal),
        catalog=GammaCatalog(gamma, wake=wake, read=outcome_only),
        auditor=ChildAuditRunner(child_command(), timeout_s=CHILD_TIMEOUT_S, wake=wake),
        checkpoints=foundation.durable.checkpoints,
        clock=clock,
        market_clock=make_market_clock(config, clock),
        activity=DataApiActivity(data, funder_of(loaded), wake),
        outcomes=ClobOutcomes(clob, wake=wake),
        history=FiledEvents(_journals(loaded)),
        rescue=rescue,
    )
    tracker = config.tracker
    settings = TrackerSettings(
        sources=SOURCES,
        settle_first_ns=int(tracker.settle_first_s * SECOND_NS),
        settle_retry_ns=int(tracker.settle_retry_s * SECOND_NS),
        settle_slow_ns=int(tracker.settle_slow_s * SECOND_NS),
        audit_ns=int(tracker.audit_interval_s * SECOND_NS) if tracker.audit_enabled else 0,
        activity_ns=int(tracker.activity_interval_s * SECOND_NS),
    )
    checkpoint = foundation.durable.checkpoint
    restored = restore(
        checkpoint.seq if checkpoint else 0, checkpoint.state if checkpoint else None
    )
    return run_service(foundation, TrackerService(ports, settings, restored))


def _journals(loaded: LoadedConfig) -> dict[str, Path]:
    return {name: loaded.locations.process_dir(name) for name in (*SOURCES, "tracker")}


def _had_events(foundation: Foundation) -> bool:
    """Return whether there must have been a database: we, or a process we store, ran for a while.

    A first start of a whole floor is not such a case: then nobody has said much yet.
    """
    if foundation.durable.journal.last_seq:
        return True
    checkpoints = (
        path.stem.removeprefix("checkpoint-")
        for directory in _journals(foundation.loaded).values()
        for path in directory.glob("checkpoint-*.json")
    )
    return any(seq.isdecimal() and int(seq) >= MANY_EVENTS for seq in checkpoints)
