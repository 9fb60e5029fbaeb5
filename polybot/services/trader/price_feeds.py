"""The trader's price feeds: which are connected, what they tell, and which one is believed."""

import logging
from dataclasses import dataclass, field

from polybot.domain.reference_price import SECOND_NS, ReferencePrice
from polybot.domain.refusals import Refusals
from polybot.exchange.price_readers import PRICE_READERS, AnyPriceReader
from polybot.messages.trading import PriceSourceChanged
from polybot.ports import Clock, MarketClock, Stream, StreamFrame
from polybot.services.trader.bookkeeping import Bookkeeper
from polybot.services.trader.reference import ReferenceBook

logger = logging.getLogger(__name__)

# A feed that says nothing for this long (wall time) does not keep the next one waiting.
SILENT_S = 15.0
# The next one stays for this long after a better one came back: feeds flap.
LINGER_NS = 60 * SECOND_NS
# Nobody to believe is a fact only once it has lasted this long (wall time).
NOBODY_NS = 5 * SECOND_NS
# The same change of who is believed is one line in this time (wall time), however often it comes.
SAY_AGAIN_NS = 60 * SECOND_NS


@dataclass(slots=True)
class PriceFeeds:
    """Reads the price streams, given in order of preference, into the reference book.

    Only the first is always connected. Each of the others is, while all before it are silent; that
    another feed is believed than before is an event.
    """

    streams: tuple[Stream, ...]
    reference: ReferenceBook
    books: Bookkeeper
    clock: Clock
    market_clock: MarketClock
    missed: int = 0
    _symbols: tuple[str, ...] = ()
    _readers: dict[str, AnyPriceReader] = field(default_factory=dict)
    _refusals: Refusals = field(default_factory=Refusals)
    _losses: Refusals = field(default_factory=Refusals)
    _started_ns: int = 0
    _wanted_until_ns: dict[str, int] = field(default_factory=dict)
    _believed: dict[tuple[str, str], str] = field(default_factory=dict)
    _nobody_since_ns: dict[tuple[str, str], int] = field(default_factory=dict)
    _said_ns: dict[str, int] = field(default_factory=dict)
    _heard_ns: dict[str, int] = field(default_factory=dict)
    _looked_s: int = 0

    def __post_init__(self) -> None:
        self._readers = {stream.name: PRICE_READERS[stream.name]() for stream in self.streams}

    async def start(self, symbols: list[str]) -> None:
        """Begin to connect: the first feed at once, the others when they are needed."""
        self._symbols = tuple(symbols)
        self._started_ns = self.clock.monotonic_ns()
        for stream in self.streams[:1]:
            stream.subscribe(self._symbols)
        for stream in self.streams:
            await stream.start()

    async def stop(self) -> None:
        """Close every connection."""
        for stream in self.streams:
            await stream.stop()

    def is_wanted(self, stream: Stream) -> bool:
        """Return whether a stream's absence is a gap: nobody misses what was not asked for."""
        return stream is self.streams[0] or stream.name in self._wanted_until_ns

    def accept(self, frame: StreamFrame) -> None:
        """Take one frame of a price stream."""
        reader = self._readers[frame.stream]
        if frame.state:
            reader.begin()
            return
        self._heard_ns[frame.stream] = frame.mono_ns
        refused, missed = reader.refused, reader.missed
        for price in reader.read(frame.data, self.market_clock.now_ns()):
            self.reference.accept(price)
        if reader.refused > refused:
            reason = f"{reader.feed}: {reader.last_refusal}"
            self._say(self._refusals, "price events that could not be read", reason, frame.mono_ns)
        if reader.missed > missed:
            self.missed += reader.missed - missed
            reason = f"{reader.feed}: {reader.missed - missed} by its own numbers"
            self._say(self._losses, "price events lost on the way", reason, frame.mono_ns)

    def turn(self) -> None:
        """Connect what is needed, and note once a market second which feeds are believed."""
        self._choose_streams()
        if not self.market_clock.ready():
            return
        now_ns = self.market_clock.now_ns()
        # While market time stands still ages do too, so the last speed goes on to count.
        self.reference.pace = self.market_clock.speed() or self.reference.pace
        if now_ns // SECOND_NS != self._looked_s:
            self._looked_s = now_ns // SECOND_NS
            self._note_all_believed(now_ns)

    def describe(self) -> str:
        """Return which feed each asset's instant price comes from, "" without any."""
        now_ns = self.market_clock.now_ns()
        words = []
        for asset in self.reference.assets():
            price = self.reference.spot(asset, now_ns)
            if price is not None:
                age_s = price.age_ns(now_ns) / 1e9 / max(1.0, self.reference.pace)
                words.append(f"{asset} {price.kind.value} price of {price.feed} {age_s:.1f} s old")
        return ", ".join(words)

    def _choose_streams(self) -> None:
        now_ns = self.clock.monotonic_ns()
        all_silent = True
        for stream in self.streams:
            if stream is not self.streams[0]:
                self._choose(stream, now_ns, needed=all_silent)
            all_silent = all_silent and self._is_silent(stream, now_ns)

    def _choose(self, stream: Stream, now_ns: int, *, needed: bool) -> None:
        until_ns = self._wanted_until_ns.get(stream.name)
        if needed:
            self._wanted_until_ns[stream.name] = now_ns + LINGER_NS
            if until_ns is None:
                logger.info("asking %s for prices: those before it are silent", stream.name)
                stream.subscribe(self._symbols)
        elif until_ns is not None and now_ns >= until_ns:
            del self._wanted_until_ns[stream.name]
            stream.subscribe(())

    def _is_silent(self, stream: Stream, now_ns: int) -> bool:
        # By the frames that were taken, not by the stream's own clock: so it can be replayed.
        heard_ns = self._heard_ns.get(stream.name, self._started_ns)
        return (now_ns - heard_ns) / 1e9 > SILENT_S

    def _note_all_believed(self, now_ns: int) -> None:
        changed: dict[str, list[str]] = {}
        for asset in self.reference.assets():
            for use, newest in (
                ("spot", self.reference.spot),
                ("settlement", self.reference.settlement),
            ):
                words = self._note_believed(asset, use, newest(asset, now_ns))
                if words:
                    changed.setdefault(f"price for {use}: {words}", []).append(asset)
        mono_ns = self.clock.monotonic_ns()
        for words, assets in changed.items():
            said_ns = self._said_ns.get(words)
            if said_ns is None or mono_ns - said_ns >= SAY_AGAIN_NS:
                self._said_ns[words] = mono_ns
                logger.warning("%s (%s)", words, ", ".join(assets))

    def _note_believed(self, asset: str, use: str, price: ReferencePrice | None) -> str:
        """Record who is believed now when that changed; returns it in words, "" when not."""
        key = (asset, use)
        feed = "" if price is None else price.feed
        was = self._believed.get(key, "")
        if feed:
            self._nobody_since_ns.pop(key, None)
        if feed == was or not (feed or self._is_nobody_for_long(key)):
            return ""
        self._believed[key] = feed
        kind = "" if price is None else price.kind.value
        source = "" if price is None else price.source
        self.books.record(
            PriceSourceChanged(asset=asset, use=use, feed=feed, kind=kind, source=source, was=was)
        )
        if not was:
            return ""
        return f"{feed} ({kind} of {source}) instead of {was}" if feed else f"none, was {was}"

    def _is_nobody_for_long(self, key: tuple[str, str]) -> bool:
        now_ns = self.clock.monotonic_ns()
        return now_ns - self._nobody_since_ns.setdefault(key, now_ns) >= NOBODY_NS

    def _say(self, counter: Refusals, what: str, reason: str, mono_ns: int) -> None:
        line = counter.note(reason, mono_ns)
        if line:
            logger.warning("%s: %s", what, line)
