"""What the price channel sends: the last two minutes at first, then prices as they arrive."""

from collections import deque
from dataclasses import dataclass, field
from decimal import Decimal

from polybot.domain.money import REFERENCE_ONE_E8, format_reference
from polybot.domain.settlement import PriceSource
from polybot.exchange.wire_codec import encode
from polybot.exchange.wire_price_stream import (
    SPOT_CHANNEL,
    TWAP_CHANNEL,
    PriceFrame,
    PricePoint,
    PriceSubscription,
)
from polybot.simulator.faults.injector import FaultInjector
from polybot.simulator.faults.plan import Fault
from polybot.simulator.feeds.client_queue import ClientQueue
from polybot.simulator.happenings import TellPrice

SNAPSHOT_NS = 120_000_000_000
NS_PER_MS = 1_000_000
NS_PER_S = 1_000_000_000
TWAP_SECONDS = 60
FRAME_VERSION = 1
DEFAULT_PROVIDER = "chainlink"
# What a mirror names the source of a price that only stands in for the exchange's own.
STAND_IN = "stand-in"
_SPOT_PROVIDERS = {
    "chainlink": PriceSource.CHAINLINK,
    "binance": PriceSource.BINANCE,
}

Topic = tuple[str, PriceSource]
"""An asset and a source, such as ("btc", PriceSource.BINANCE)."""


@dataclass(slots=True, eq=False)
class PriceSubscriber:
    """One connection: its topics, how many frames each channel had, and how many were dropped."""

    queue: ClientQueue
    topics: set[Topic] = field(default_factory=set)
    sent: dict[str, int] = field(default_factory=dict)
    dropped: dict[str, int] = field(default_factory=dict)
    asked_ns: deque[int] = field(default_factory=deque)

    def asks_too_often(self, mono_ns: int, most: int) -> bool:
        """Note a request, and say whether there were more than `most` in the last second."""
        self.asked_ns.append(mono_ns)
        while self.asked_ns[0] <= mono_ns - NS_PER_S:
            self.asked_ns.popleft()
        return len(self.asked_ns) > most


def topic_of(subscription: PriceSubscription) -> Topic | None:
    """Return what a subscription asks for, None when there is no such price."""
    wanted = subscription.filter
    asset = wanted.symbol.removesuffix("usd")
    if not asset or asset == wanted.symbol:
        return None
    if subscription.channel == TWAP_CHANNEL:
        seconds = wanted.window_seconds or TWAP_SECONDS
        return (asset, PriceSource.CHAINLINK_TWAP) if seconds == TWAP_SECONDS else None
    source = _SPOT_PROVIDERS.get(wanted.provider or DEFAULT_PROVIDER)
    is_spot = subscription.channel == SPOT_CHANNEL and source is not None
    return (asset, source) if is_spot and source is not None else None


class PriceFeed:
    """Keeps two minutes of each price and sends every new one to those who asked for it."""

    def __init__(self, faults: FaultInjector | None = None) -> None:
        self.subscribers: set[PriceSubscriber] = set()
        self._faults = faults or FaultInjector()
        self._recent: dict[Topic, deque[TellPrice]] = {}
        self._pending: list[TellPrice] = []

    def on_price(self, price: TellPrice) -> bool:
        """Take a price that arrived, and say whether it is news: not when older than the newest."""
        recent = self._recent.setdefault((price.asset, price.source), deque())
        if recent and price.price_ns <= recent[-1].price_ns:
            return False
        recent.append(price)
        while recent[0].price_ns < price.price_ns - SNAPSHOT_NS:
            recent.popleft()
        self._pending.append(price)
        return True

    def recent(self) -> dict[Topic, list[TellPrice]]:
        """Return the last two minutes of every price, oldest first, without stand-ins."""
        return {
            topic: real
            for topic, prices in self._recent.items()
            if (real := [price for price in prices if not price.stand_in])
        }

    def subscribe(self, subscriber: PriceSubscriber, topic: Topic, now_ns: int) -> None:
        """Add a topic to a connection and send what is known of it."""
        subscriber.topics.add(topic)
        recent = list(self._recent.get(topic, ()))
        points = [_point(price) for price in recent if price.ts_ns <= now_ns]
        if not points:
            return
        first = PricePoint(
            symbol=points[0].symbol,
            source=points[0].source,
            window_seconds=points[0].window_seconds,
            data=points,
        )
        self._put(subscriber, topic[1], now_ns, first, snapshot=True)

    def flush(self) -> None:
        """Hand every connection the prices since the last flush."""
        pending, self._pending = self._pending, []
        for price in pending:
            topic = (price.asset, price.source)
            for subscriber in self.subscribers:
                if topic in subscriber.topics:
                    self._put(subscriber, price.source, price.ts_ns, _point(price))

    def _put(
        self,
        subscriber: PriceSubscriber,
        source: PriceSource,
        ts_ns: int,
        point: PricePoint,
        *,
        snapshot: bool = False,
    ) -> None:
        is_twap = source is PriceSource.CHAINLINK_TWAP
        channel = TWAP_CHANNEL if is_twap else SPOT_CHANNEL
        seq = subscriber.sent.get(channel, 0) + 1
        subscriber.sent[channel] = seq
        if self._faults.frames and self._faults.frame("price", ts_ns, (Fault.DROP,)):
            subscriber.dropped[channel] = subscriber.dropped.get(channel, 0) + 1
            return
        frame = PriceFrame(
            v=FRAME_VERSION,
            channel=channel,
            seq=seq,
            ts=ts_ns // NS_PER_MS,
            snapshot=snapshot,
            dropped=subscriber.dropped.pop(channel, 0),
            payload=point,
        )
        subscriber.queue.put(encode(frame))


def _point(price: TellPrice) -> PricePoint:
    is_twap = price.source is PriceSource.CHAINLINK_TWAP
    return PricePoint(
        symbol=f"{price.asset}usd",
        value=Decimal(price.price_e8) / REFERENCE_ONE_E8,
        full_accuracy_value=format_reference(price.price_e8),
        timestamp=price.price_ns // NS_PER_MS,
        source=_source_name(price),
        window_seconds=TWAP_SECONDS if is_twap else 0,
    )


def _source_name(price: TellPrice) -> str:
    if price.stand_in:
        return STAND_IN
    return "binance" if price.source is PriceSource.BINANCE else "chainlink"
