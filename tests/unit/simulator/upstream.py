"""A mirrored exchange in a test's hands: its catalog, its streams, its time."""

import asyncio
import json
from collections.abc import Sequence
from typing import Any

from polybot.exchange.price_readers import PolyBoltReader
from polybot.ports import CatalogAnswer, MarketMoment, StreamFrame
from polybot.simulator.drivers.driver_mirror import MirrorDriver, Upstream
from polybot.simulator.drivers.mirror_prices import PriceFeedSource
from tests.fakes import FakeCatalog, FakeClock
from tests.unit.simulator.samples import MARKET, SLUG, START, S

SERIES = "btc-updown-5m"
CONNECTED = "connected"


class FakeStream:
    """A stream that a test fills; `subscribed` is what was asked for last."""

    def __init__(self, name: str, clock: FakeClock) -> None:
        self.name = name
        self.clock = clock
        self.frames: list[StreamFrame] = []
        self.subscribed: tuple[str, ...] = ()
        self.running = False

    def subscribe(self, subjects: Sequence[str]) -> None:
        self.subscribed = tuple(subjects)

    def take(self) -> list[StreamFrame]:
        taken, self.frames = self.frames, []
        return taken

    def age_s(self) -> float | None:
        return None

    async def start(self) -> None:
        self.running = True

    async def stop(self) -> None:
        self.running = False

    def put(self, *events: Any, state: str = "") -> None:
        data = b"" if state else json.dumps(list(events)).encode()
        self.frames.append(StreamFrame(self.name, self.clock.mono_ns, data=data, state=state))


class FakeTime:
    """Market time of a mirrored exchange, at a speed, from the market's start; None is unknown."""

    def __init__(self, clock: FakeClock, *, speed: float = 1.0) -> None:
        self.newest: MarketMoment | None = MarketMoment(clock.mono_ns, START, speed)

    def moment(self) -> MarketMoment | None:
        return self.newest


class Mirrored:
    """An exchange with one window that opens at START, and a mirror of it."""

    def __init__(self, **given: Any) -> None:
        self.clock = FakeClock(START)
        self.catalog = FakeCatalog()
        self.catalog.known[SLUG] = CatalogAnswer(SLUG, MARKET)
        self.market = FakeStream("market", self.clock)
        self.price = FakeStream("price", self.clock)
        self.time = FakeTime(self.clock)
        self.upstream = Upstream(
            name="example.org",
            series=(SERIES,),
            catalog=self.catalog,
            market=self.market,
            prices=[PriceFeedSource(self.price, PolyBoltReader())],
            time=self.time,
            clock=self.clock,
            wake=asyncio.Event(),
            silent_s=30,
        )
        self.driver = MirrorDriver(self.upstream, **given)

    @property
    def now_ns(self) -> int:
        return START + self.clock.mono_ns - FakeClock().mono_ns

    def take(self, seconds: float = 0) -> list[Any]:
        """Let wall and market time pass, and return what the driver tells then."""
        self.clock.advance(seconds)
        return self.driver.take_until(self.now_ns)

    async def follow(self) -> list[Any]:
        """Start, list the window, connect and show a book; return everything told."""
        await self.driver.start()
        told = self.take() + self.take(0.1)
        self.market.put(state=CONNECTED)
        self.market.put(book())
        return told + self.take(0.1)


def book(token: str = MARKET.token_up, *, ts_ns: int = START, **sides: Any) -> dict[str, Any]:
    """Return a whole book: bid 0.50 x 100, ask 0.52 x 50."""
    return {
        "event_type": "book",
        "market": MARKET.condition_id,
        "asset_id": token,
        "timestamp": str(ts_ns // 1_000_000),
        "bids": [{"price": "0.49", "size": "200"}, {"price": "0.5", "size": "100"}],
        "asks": [{"price": "0.53", "size": "80"}, {"price": "0.52", "size": "50"}],
    } | sides


def change(price: str, size: str, side: str, *, ts_ns: int = START) -> dict[str, Any]:
    """Return one changed level, mirrored for both tokens as the exchange does."""
    other = f"{1 - float(price):.3f}"
    mirrored = {"BUY": "SELL", "SELL": "BUY"}[side]
    return {
        "event_type": "price_change",
        "market": MARKET.condition_id,
        "timestamp": str(ts_ns // 1_000_000),
        "price_changes": [
            {"asset_id": MARKET.token_up, "price": price, "size": size, "side": side},
            {"asset_id": MARKET.token_down, "price": other, "size": size, "side": mirrored},
        ],
    }


def at(seconds: float) -> int:
    """Return a market time after the start."""
    return START + int(seconds * S)
