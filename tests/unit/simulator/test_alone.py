"""A simulator without a floor: one line of JSON when it is ready, and a clean end."""

import asyncio
import json
from pathlib import Path

from polybot.simulator.alone import run_alone
from tests.unit.simulator.stand import until
from tests.unit.simulator.test_service import Made


async def test_it_announces_itself_once_and_stops_when_asked(tmp_path: Path) -> None:
    made = Made(tmp_path)
    lines: list[str] = []
    stop = asyncio.Event()
    running = asyncio.create_task(run_alone(made.service, stop=stop, announce=lines.append))
    await until(lambda: bool(lines))
    await until(lambda: len(made.outbox.said) > 2)
    assert set(json.loads(lines[0])) == {
        *("url", "ws_market_url", "ws_user_url", "ws_price_url", "gamma_url", "data_url"),
    }
    stop.set()
    await asyncio.wait_for(running, 5)
    assert len(lines) == 1
    assert made.checkpoints.saved
