"""The service starts, tells market time, saves, and says what it is doing."""

import asyncio
import json
import os
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from polybot.adapters.clock import SystemClock
from polybot.config.schema import SimulatorConfig
from polybot.errors import ConfigError, DiskFull, FatalError, PolybotError, ProtocolError
from polybot.messages.lifecycle import MarketTimeChanged
from polybot.simulator.books.ledger import STATE_SCHEMA
from polybot.simulator.service import CHECKPOINT_NS, SimulatorPorts, SimulatorService
from tests.fakes import FakeOutbox
from tests.unit.simulator.recordings_sample import OPEN_S, price, window, write
from tests.unit.simulator.stand import MemoryLog

S = 1_000_000_000


class Checkpoints:
    def __init__(self) -> None:
        self.saved: list[tuple[int, bytes, int]] = []

    def save_in_background(self, seq: int, state: bytes, schema: int) -> None:
        self.saved.append((seq, state, schema))


class FillableLog(MemoryLog):
    full = False

    def append(self, payload: bytes) -> int:
        if self.full:
            raise DiskFull("no room")
        return super().append(payload)


class ShiftableClock(SystemClock):
    ahead_ns = 0

    def monotonic_ns(self) -> int:
        return super().monotonic_ns() + self.ahead_ns


async def fetch(url: str) -> Any:
    async with aiohttp.ClientSession() as session, session.get(url) as response:
        return await response.json()


class Made:
    """A service on fakes, with everything it touched."""

    def __init__(self, tmp_path: Path, **config: object) -> None:
        self.outbox = FakeOutbox("simulator")
        self.log = FillableLog()
        self.clock = ShiftableClock()
        self.checkpoints = Checkpoints()
        self.trimmed = 0
        self.path = tmp_path / "run" / "simulator.json"
        self.service = SimulatorService(
            SimulatorConfig(**{"speed": 50.0, **config}),  # type: ignore[arg-type]
            SimulatorPorts(
                clock=self.clock,
                log=self.log,
                checkpoints=self.checkpoints,
                trim=self._trim,
                outbox=self.outbox,
                endpoints_path=self.path,
            ),
        )

    def _trim(self) -> None:
        self.trimmed += 1

    async def turns(self, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        while loop.time() < end:
            self.service.turn()
            await asyncio.sleep(max(0.002, min(self.service.next_wake_s(), 0.05)))


async def test_it_tells_where_it_listens_and_what_time_it_is(tmp_path: Path) -> None:
    made = Made(tmp_path)
    assert made.service.status() == "starting"
    assert made.service.vitals().progress == 0
    await made.service.start()
    await made.turns(0.6)
    told = json.loads(made.path.read_text())
    assert told["pid"] == os.getpid()
    assert {**made.service.endpoints(), "pid": os.getpid()} == told
    market_ns = (await fetch(told["url"] + "/simulator/time"))["market_ns"]
    changes = [change for change in made.outbox.said if isinstance(change, MarketTimeChanged)]
    assert changes[0].speed == 0
    assert changes[-1].speed == 50
    elapsed = SystemClock().monotonic_ns() - changes[-1].origin_mono_ns
    assert abs(changes[-1].origin_market_ns + elapsed * 50 - market_ns) < 5 * S
    vitals = made.service.vitals()
    assert vitals.progress > 0
    assert vitals.market_ns >= market_ns
    assert made.service.status().endswith("windows open, synthetic market, seed 7")
    assert made.service.restored == (0, 0)
    await made.service.stop()
    (saved,) = made.checkpoints.saved
    assert (saved[0], saved[2]) == (len(made.log.payloads), STATE_SCHEMA)
    assert made.trimmed == 1


async def test_at_the_end_of_the_recordings_it_stays_up_idle(tmp_path: Path) -> None:
    directory = tmp_path / "recordings"
    directory.mkdir()
    write(directory, [(window(), [price(1, "chainlink", 70_000, 0)])])
    made = Made(tmp_path, recordings=str(directory))
    await made.service.start()
    await made.turns(0.4)
    assert made.service.status().startswith("idle: every recorded window was played")
    assert made.outbox.said[-1].idle
    url = made.service.endpoints()["url"]
    assert (await fetch(f"{url}/events/slug/btc-updown-5m-{OPEN_S}"))["closed"] is True
    await made.service.stop()


async def test_a_disk_that_refuses_ends_the_process(tmp_path: Path) -> None:
    made = Made(tmp_path)
    await made.service.start()
    await made.turns(0.2)
    made.log.full = True
    with pytest.raises(PolybotError, match="no room"):
        await made.turns(5)
    with pytest.raises(FatalError, match="no room"):
        await made.turns(5)
    assert made.service.status() == "stopped: no room"
    await made.service.stop()
    assert made.checkpoints.saved == []


def test_a_listen_address_of_another_machine_is_refused_before_anything_is_opened(
    tmp_path: Path,
) -> None:
    with pytest.raises(ConfigError, match=r"simulator\.listen"):
        Made(tmp_path, listen="0.0.0.0:0")


async def test_commands_are_refused_and_turns_before_the_start_do_nothing(tmp_path: Path) -> None:
    made = Made(tmp_path)
    with pytest.raises(ProtocolError, match="was StopEntries"):
        made.service.handle("StopEntries", None)
    made.service.turn()
    await made.service.stop()
    assert made.outbox.said == []


async def test_a_checkpoint_is_saved_every_few_seconds(tmp_path: Path) -> None:
    made = Made(tmp_path)
    await made.service.start()
    made.clock.ahead_ns += CHECKPOINT_NS
    await made.turns(0.3)
    assert len(made.checkpoints.saved) == 1
    await made.service.stop()
