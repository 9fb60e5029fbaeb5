"""Builds the reflector process."""

import asyncio
from zoneinfo import ZoneInfo

from polybot.adapters.storage.patient_reader import PatientReader
from polybot.bootstrap.foundation import Foundation, open_foundation, payloads_after, run_service
from polybot.bootstrap.http import make_market_clock
from polybot.bootstrap.wake import ThreadWake
from polybot.config.load import LoadedConfig
from polybot.config.schema import ReflectorConfig
from polybot.domain.triggers import TriggerRules
from polybot.ports import Analyst
from polybot.runtime.logs import SecretMask
from polybot.services.reflector.needs import NullAnalyst, ReflectorPorts, ReflectorSettings
from polybot.services.reflector.restore import SCHEMA, restore
from polybot.services.reflector.service import ReflectorService

DAY_NS = 86_400_000_000_000


def run(loaded: LoadedConfig, mask: SecretMask) -> int:
    """Run the reflector until it is asked to stop."""
    foundation = open_foundation(
        "reflector", loaded, mask, schema=SCHEMA, hears=("tracker", "simulator")
    )
    durable, config = foundation.durable, loaded.config.reflector
    checkpoint = durable.checkpoint
    restored = restore(
        checkpoint.seq if checkpoint else 0,
        checkpoint.state if checkpoint else None,
        payloads_after(durable.journal, durable.replay_from_seq - 1),
    )
    event = asyncio.Event()
    wake = foundation.thread_wake(event)
    history = PatientReader(loaded.locations.ledger_path)
    foundation.on_stop.append(history.close)
    ports = ReflectorPorts(
        wake=event,
        history=history,
        inbox=foundation.inbox,
        outbox=foundation.outbox,
        checkpoints=durable.checkpoints,
        analyst=_analyst(foundation, config, wake),
        clock=foundation.clock,
        market_clock=make_market_clock(loaded.config, foundation.clock),
    )
    settings = ReflectorSettings(
        rules=TriggerRules(
            losses_in_a_row=config.losses_in_a_row,
            trades_between=config.trades_between,
            end_of_day=config.end_of_day,
        ),
        zone=ZoneInfo(loaded.config.trading_zone),
        lookback_ns=config.lookback_days * DAY_NS,
    )
    return run_service(foundation, ReflectorService(ports, settings, restored))


def _analyst(foundation: Foundation, config: ReflectorConfig, wake: ThreadWake) -> Analyst:
    if config.analyst == "none":
        return NullAnalyst()
    # Only a reflector with an analyst needs this module; the OpenAI package loads in its child.
    from polybot.adapters.openai_analyst import AnalystSettings, OpenAiAnalyst  # noqa: PLC0415

    foundation.mask.add(config.openai_api_key)
    settings = AnalystSettings(
        model=config.openai_model,
        api_key=config.openai_api_key,
        base_url=config.openai_base_url,
        timeout_s=config.openai_timeout_s,
    )
    return OpenAiAnalyst(settings, wake=wake)
