"""Every price feed of the simulated exchange, read by the trader's own streams and readers."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from polybot.adapters.channel_dialects import BinanceDialect, CoinbaseDialect, RtdsDialect
from polybot.adapters.clock import SystemClock
from polybot.adapters.websocket_stream import Dialect, WebsocketStream
from polybot.domain.reference_price import PriceKind, ReferencePrice
from polybot.exchange.price_readers import PRICE_READERS
from tests.integration.simulator_process import SimulatorProcess

PATIENCE_S = 20.0
ENOUGH = 5


async def heard(dialect: Dialect, url: str) -> list[ReferencePrice]:
    """Return the first prices of a feed."""
    wake = asyncio.Event()
    stream = WebsocketStream(
        dialect, lambda: url, wake=wake, clock=SystemClock(), seed=1, stale_s=PATIENCE_S
    )
    reader = PRICE_READERS[dialect.name]()
    prices: list[ReferencePrice] = []
    stream.subscribe(["btcusd"])
    await stream.start()
    async with asyncio.timeout(PATIENCE_S):
        while len(prices) < ENOUGH or len({price.is_average for price in prices}) < _kinds(dialect):
            await wake.wait()
            wake.clear()
            for frame in stream.take():
                prices += reader.read(frame.data, 0) if frame.data else []
    await stream.stop()
    assert reader.refused == 0, reader.last_refusal
    return prices


def _kinds(dialect: Dialect) -> int:
    return 2 if isinstance(dialect, RtdsDialect) else 1


@pytest.mark.parametrize(
    ("dialect", "kinds"),
    [
        (RtdsDialect, {PriceKind.SPOT, PriceKind.TWAP}),
        (BinanceDialect, {PriceKind.STAND_IN}),
        (CoinbaseDialect, {PriceKind.STAND_IN}),
    ],
)
async def test_a_public_feed_of_the_simulator_is_read(
    dialect: Callable[[], Dialect], kinds: set[PriceKind], tmp_path: Path
) -> None:
    simulator = SimulatorProcess(tmp_path / "simulator", speed=20)
    simulator.start()
    try:
        spoken = dialect()
        prices = await heard(spoken, simulator.urls[f"ws_{spoken.name}_url"])
    finally:
        simulator.stop()
    assert {price.kind for price in prices} == kinds
    assert {price.asset for price in prices} == {"btc"}
    by_kind = [[p.price_ns for p in prices if p.kind is kind] for kind in kinds]
    assert all(times == sorted(times) for times in by_kind)
