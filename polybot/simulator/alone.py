"""Runs a simulated exchange without a floor: for `polybot simulator`, scripts and tests."""

import asyncio
import contextlib
import json
from collections.abc import Callable

from polybot.simulator.service import SimulatorService


async def run_alone(
    service: SimulatorService, *, stop: asyncio.Event, announce: Callable[[str], None]
) -> None:
    """Run a simulator without a floor until `stop` is set.

    `announce` gets one line of JSON with the URLs when the exchange takes requests.
    """
    await service.start()
    try:
        announce(json.dumps(service.endpoints()))
        while not stop.is_set():
            service.wake.clear()
            service.turn()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(service.next_wake_s()):
                    await _either(service.wake, stop)
    finally:
        await service.stop()


async def _either(first: asyncio.Event, second: asyncio.Event) -> None:
    waits = [asyncio.ensure_future(event.wait()) for event in (first, second)]
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()
