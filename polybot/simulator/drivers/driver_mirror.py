"""Another exchange's market as a driver: its windows, books, trades and prices as they arrive.

Only the market is mirrored. Orders meet its books here, under the rules of a simulated exchange,
and the other exchange never hears of them. What was missed while it was away is lost: books come
back whole, trades do not.
"""

import asyncio
import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import msgspec

from polybot.domain.market import Market
from polybot.domain.window import parse_series
from polybot.ports import (
    Clock,
    MarketCatalog,
    NullOutcomeSource,
    OutcomeSource,
    Stream,
    UpstreamTime,
)
from polybot.simulator.drivers.driver import IsSettled
from polybot.simulator.drivers.mirror_books import MirrorBooks
from polybot.simulator.drivers.mirror_prices import MirrorPrices, PriceFeedSource
from polybot.simulator.drivers.mirror_windows import MirrorWindows
from polybot.simulator.happenings import Happening

logger = logging.getLogger(__name__)

NS_PER_S = 1_000_000_000
# Silence shorter than this is a reconnect, which the stream tells of by itself.
AWAY_NS = 5 * NS_PER_S
SAY_EVERY_NS = 60 * NS_PER_S


@dataclass(frozen=True, slots=True, kw_only=True)
class Upstream:
    """The exchange that is mirrored, as ports; `wake` is set when something arrived.

    `name` is what a person calls it. `prices` are in the order of preference. `silent_s` (wall
    seconds) is how long an open window may say nothing before its book counts as frozen.
    """

    name: str
    series: tuple[str, ...]
    catalog: MarketCatalog
    market: Stream
    prices: Sequence[PriceFeedSource]
    time: UpstreamTime
    clock: Clock
    wake: asyncio.Event
    silent_s: float
    outcomes: OutcomeSource = field(default_factory=NullOutcomeSource)


class MirrorDriver:
    """Tells what another exchange's market does, a moment after it did.

    Until `start` it has nothing to tell, and asks nobody anything.
    """

    endless = True

    def __init__(
        self, upstream: Upstream, *, unsettled: Iterable[Market] = (), closed: Iterable[str] = ()
    ) -> None:
        self.source = f"mirror of {upstream.name}"
        moment = upstream.time.moment()
        # Most exchanges live by the wall, so that is the best guess of a time nobody tells.
        wall_ns = upstream.clock.now_ns()
        self.start_ns = wall_ns if moment is None else moment.at(upstream.clock.monotonic_ns())
        self._upstream = upstream
        self._clock = upstream.clock
        series = tuple(parse_series(name) for name in upstream.series)
        self.windows = MirrorWindows(series, upstream.catalog, upstream.outcomes)
        self.windows.resume(unsettled, closed)
        self.books = MirrorBooks(upstream.market, int(upstream.silent_s * NS_PER_S))
        assets = tuple(sorted({each.asset for each in series}))
        self.prices = MirrorPrices(upstream.prices, assets)
        self._given_ns = 0
        self._started_ns: int | None = None
        self._connected_ns = 0
        self._said_ns: int | None = None

    async def start(self) -> None:
        """Begin to connect; returns at once, however long the other exchange takes."""
        self._started_ns = self._connected_ns = self._clock.monotonic_ns()
        await self._upstream.market.start()
        for feed in self.prices.feeds:
            await feed.stream.start()

    async def stop(self) -> None:
        """Close every connection."""
        self._started_ns = None
        await self._upstream.market.stop()
        for feed in self.prices.feeds:
            await feed.stream.stop()

    def seek(self, played_ns: int, is_settled: IsSettled) -> None:
        """Go on after a market time: nothing from before can be told again."""
        del is_settled
        self._given_ns = played_ns

    def peek(self) -> Happening | None:
        """Return None: what comes next is not known before it comes."""
        return None

    def take_until(self, until_ns: int) -> list[Happening]:
        """Take what arrived, in its order, as of market time `until_ns` at the latest."""
        if self._started_ns is None or self._upstream.time.moment() is None:
            return []
        mono_ns = self._clock.monotonic_ns()
        self.windows.ask(until_ns, mono_ns)
        told = self.windows.take(until_ns)
        self.books.watch(self.windows.open_markets(), mono_ns)
        told += self.books.take(until_ns)
        told += self.books.drop_frozen(until_ns, mono_ns)
        self.prices.choose(mono_ns)
        told += self.prices.take(until_ns, mono_ns)
        while self.books.resolved:
            self.windows.hint_resolved(self.books.resolved.pop())
        self._say_away(mono_ns)
        return self._in_order(told, until_ns)

    def describe(self) -> str:
        """Say in a few words what is mirrored; first what of it is missing, for a short line."""
        words = []
        if not self.books.connected:
            words.append("feed is away")
        if self.windows.failing:
            words.append("catalog fails")
        if self.prices.is_stand_in:
            words.append(f"stand-in prices: {self.prices.active}")
        elif not self.prices.active:
            words.append("no prices")
        return ", ".join([*words, self.source])

    def _in_order(self, told: list[Happening], until_ns: int) -> list[Happening]:
        """Sort by time, which never goes back behind what was told before."""
        first_ns = min(self._given_ns, until_ns)
        timed = [(min(max(each.ts_ns, first_ns), until_ns), each) for each in told]
        timed.sort(key=lambda pair: pair[0])
        self._given_ns = until_ns
        return [
            each if each.ts_ns == ts_ns else msgspec.structs.replace(each, ts_ns=ts_ns)
            for ts_ns, each in timed
        ]

    def _say_away(self, mono_ns: int) -> None:
        """Say once a minute that nothing can be filled, and once that it can again."""
        if self.books.connected or not self.windows.open_markets():
            self._connected_ns = mono_ns
            if self._said_ns is not None and self.books.connected:
                self._said_ns = None
                logger.info("%s: connected again", self.source)
            return
        away_ns = mono_ns - self._connected_ns
        said = self._said_ns
        if away_ns < AWAY_NS or (said is not None and mono_ns - said < SAY_EVERY_NS):
            return
        self._said_ns = mono_ns
        logger.warning(
            "%s: nothing was heard for %d s; its books are empty here, so nothing fills",
            self.source,
            away_ns // NS_PER_S,
        )
