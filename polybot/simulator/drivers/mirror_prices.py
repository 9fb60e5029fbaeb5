"""A mirror's reference prices: the best feed that speaks, and stand-ins that say what they are.

The exchange settles on its own price stream. Where that cannot be heard (it needs credentials),
other exchanges' prices stand in for it, and an average is computed from them; both are marked, and
no window is ever settled by them.
"""

import logging
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from msgspec.structs import replace

from polybot.domain.reference_price import ReferencePrice
from polybot.domain.settlement import PriceSource, twap_e8
from polybot.exchange.price_readers import AnyPriceReader
from polybot.ports import Stream
from polybot.simulator.happenings import TellPrice

logger = logging.getLogger(__name__)

NS_PER_S = 1_000_000_000
# A feed that said nothing for so long (wall time) gives way to the next one.
SILENT_NS = 10 * NS_PER_S
TWAP_NS = 60 * NS_PER_S
# Prices kept for an average: its own length, and what was there before it.
KEPT_NS = TWAP_NS + 30 * NS_PER_S
# Seconds without a price are filled with the last one, up to so many.
LONGEST_GAP_S = 60


@dataclass(slots=True)
class PriceFeedSource:
    """One feed: its stream, and what reads its frames.

    `heard_ns` and `tried_ns` are wall time: its newest price, and since when it is listened to.
    """

    stream: Stream
    reader: AnyPriceReader
    stand_in: bool = False
    heard_ns: int = 0
    tried_ns: int = 0

    @property
    def name(self) -> str:
        """What a person calls it."""
        return self.reader.feed

    def take(self, now_ns: int, mono_ns: int) -> list[ReferencePrice]:
        """Return the prices that arrived, oldest first."""
        prices: list[ReferencePrice] = []
        for frame in self.stream.take():
            if frame.state:
                self.reader.begin()
            else:
                prices += self.reader.read(frame.data, now_ns)
        if prices:
            self.heard_ns = mono_ns
            self.stand_in = prices[-1].is_stand_in
        return prices


@dataclass(slots=True)
class MirrorPrices:
    """Listens to the feeds in their order of preference, a lower one only while the higher fail."""

    feeds: Sequence[PriceFeedSource]
    assets: tuple[str, ...]
    active: str = ""
    _averages: dict[str, "_StandInAverage"] = field(default_factory=dict)
    _twap_ns: int = 0
    _active_ns: int = 0

    def choose(self, mono_ns: int) -> None:
        """Subscribe the feeds that should speak: each until one before it does."""
        needed = True
        for feed in self.feeds:
            subjects = [f"{asset}usd" for asset in self.assets] if needed else []
            if needed and not feed.tried_ns:
                feed.tried_ns = mono_ns
            if not needed:
                feed.tried_ns = 0
            feed.stream.subscribe(subjects)
            # The next one is tried when this one was silent for long enough.
            silent_since = max(feed.heard_ns, feed.tried_ns)
            needed = needed and mono_ns - silent_since >= SILENT_NS

    def take(self, until_ns: int, mono_ns: int) -> list[TellPrice]:
        """Return the prices of the best feed that speaks, at market time `until_ns`."""
        chosen: PriceFeedSource | None = None
        believed: list[ReferencePrice] = []
        for feed in self.feeds:
            prices = feed.take(until_ns, mono_ns)
            if chosen is None and feed.heard_ns and mono_ns - feed.heard_ns < SILENT_NS:
                chosen, believed = feed, prices
        self._note_active(chosen, mono_ns)
        return self._told(believed, until_ns, mono_ns)

    @property
    def is_stand_in(self) -> bool:
        """Whether what is published comes from another exchange's prices."""
        return any(feed.stand_in for feed in self.feeds if feed.name == self.active)

    def _told(self, prices: list[ReferencePrice], until_ns: int, mono_ns: int) -> list[TellPrice]:
        told: list[TellPrice] = []
        for price in prices:
            if price.is_average:
                self._twap_ns = mono_ns
                told.append(_tell(price, until_ns))
                continue
            if not price.is_stand_in:
                told.append(_tell(price, until_ns))
            told += self._stand_ins(price, until_ns, mono_ns)
        return told

    def _stand_ins(self, price: ReferencePrice, until_ns: int, mono_ns: int) -> list[TellPrice]:
        """Return what a price completes: stand-in seconds, and averages nobody else tells."""
        told: list[TellPrice] = []
        average = self._averages.setdefault(price.asset, _StandInAverage())
        # A feed's past comes price by price: its own averages may be in the next frame.
        silent_ns = mono_ns - max(self._twap_ns, self._active_ns)
        lacks_average = price.is_stand_in or silent_ns >= SILENT_NS
        for second_ns, price_e8 in average.add(price.price_ns, price.price_e8):
            stand_in = replace(price, price_ns=second_ns, price_e8=price_e8, is_stand_in=True)
            if price.is_stand_in:
                told.append(_tell(stand_in, until_ns))
            mean_e8 = average.at(second_ns) if lacks_average else None
            if mean_e8 is not None:
                told.append(_tell(replace(stand_in, price_e8=mean_e8, is_average=True), until_ns))
        return told

    def _note_active(self, chosen: PriceFeedSource | None, mono_ns: int) -> None:
        name = chosen.name if chosen else ""
        if name == self.active:
            return
        before, self.active = self.active, name
        self._active_ns = mono_ns
        if chosen is None:
            logger.warning("reference prices: %s went silent, and no other feed speaks", before)
        elif chosen.stand_in:
            logger.warning(
                "reference prices: %s stands in for the exchange's own; "
                "windows are settled by the official outcome",
                name,
            )
        else:
            logger.info("reference prices: %s", name)


class _StandInAverage:
    """Prices of one asset by the second, and the average of the 60 seconds before one."""

    def __init__(self) -> None:
        self._seconds: deque[tuple[int, int]] = deque()
        self._newest: tuple[int, int] | None = None

    def add(self, price_ns: int, price_e8: int) -> list[tuple[int, int]]:
        """Take a price; return the whole seconds it completes, each with the price it began with.

        A boundary's price is the last one at or before it, as a settlement needs it.
        """
        before = self._newest
        if before is not None and price_ns <= before[0]:
            return []
        self._newest = (price_ns, price_e8)
        if before is None:
            return []
        # A price right on a second is that second's own.
        first = -(-before[0] // NS_PER_S)
        end = -(-price_ns // NS_PER_S)
        done = [
            (second * NS_PER_S, before[1]) for second in range(max(first, end - LONGEST_GAP_S), end)
        ]
        self._seconds.extend(done)
        while self._seconds and self._seconds[0][0] < price_ns - KEPT_NS:
            self._seconds.popleft()
        return done

    def at(self, end_ns: int) -> int | None:
        """Return the average that ends at a second, None while too little is known."""
        return twap_e8(tuple(self._seconds), end_ns, TWAP_NS)


def _tell(price: ReferencePrice, ts_ns: int) -> TellPrice:
    source = PriceSource.CHAINLINK_TWAP if price.is_average else PriceSource.CHAINLINK
    return TellPrice(ts_ns, price.asset, source, price.price_ns, price.price_e8, price.is_stand_in)
