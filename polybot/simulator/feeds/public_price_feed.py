"""What the public price channels send: the legacy one (RTDS), and those of two other exchanges."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

from polybot.domain.money import REFERENCE_ONE_E8, format_reference
from polybot.domain.settlement import PriceSource
from polybot.exchange.wire_binance import TRADE
from polybot.exchange.wire_codec import encode
from polybot.exchange.wire_coinbase import TICKER
from polybot.exchange.wire_rtds import BINANCE_TOPIC, CHAINLINK_TOPIC, TWAP_TOPIC
from polybot.simulator.feeds.client_queue import ClientQueue
from polybot.simulator.happenings import TellPrice

NS_PER_MS: Final = 1_000_000
SOURCES: Final = {
    BINANCE_TOPIC: PriceSource.BINANCE,
    CHAINLINK_TOPIC: PriceSource.CHAINLINK,
    TWAP_TOPIC: PriceSource.CHAINLINK_TWAP,
}
_TOPICS: Final = {source: topic for topic, source in SOURCES.items()}
# Chainlink's own prices are whole numbers of 1e-18 dollars on this channel.
_TO_E18: Final = 10**10


@dataclass(slots=True, eq=False)
class PublicSubscriber:
    """One connection; `speak` returns the frame that tells it of a price, None for no news."""

    queue: ClientQueue
    speak: Callable[[TellPrice], bytes | None]


class PublicPriceFeed:
    """Hands every new price to those who hear of it in their own words."""

    def __init__(self) -> None:
        self.subscribers: set[PublicSubscriber] = set()
        self._pending: list[TellPrice] = []

    def on_price(self, price: TellPrice) -> None:
        """Take a price that is news."""
        self._pending.append(price)

    def flush(self) -> None:
        """Hand every connection the prices since the last flush."""
        pending, self._pending = self._pending, []
        for price in pending:
            for subscriber in self.subscribers:
                frame = subscriber.speak(price)
                if frame is not None:
                    subscriber.queue.put(frame)


def topic_of(price: TellPrice) -> str:
    """Return the legacy topic of a price, "" when it has none."""
    return _TOPICS.get(price.source, "")


def legacy_symbol(asset: str, topic: str) -> str:
    """Return an asset's name on a legacy topic: "btcusdt" or "btc/usd"."""
    return f"{asset}usdt" if topic == BINANCE_TOPIC else f"{asset}/usd"


def legacy_update(price: TellPrice) -> bytes:
    """Return one price as the legacy channel tells it."""
    topic = topic_of(price)
    exact = (
        format_reference(price.price_e8)
        if topic == BINANCE_TOPIC
        else str(price.price_e8 * _TO_E18)
    )
    return encode(
        {
            "payload": {
                "full_accuracy_value": exact,
                "symbol": legacy_symbol(price.asset, topic),
                **_point(price),
            },
            "timestamp": price.ts_ns // NS_PER_MS,
            "topic": topic,
            "type": "update",
        }
    )


def legacy_history(prices: list[TellPrice], topic: str, now_ns: int) -> bytes:
    """Return the past of one asset, as the first frame after a subscription.

    The history of Chainlink's spot price arrives under the topic of Binance's; the symbol tells
    which it is (seen in recorded sessions).
    """
    told = BINANCE_TOPIC if topic == CHAINLINK_TOPIC else topic
    return encode(
        {
            "payload": {
                "data": [_point(price) for price in prices],
                "symbol": legacy_symbol(prices[0].asset, topic),
            },
            "timestamp": now_ns // NS_PER_MS,
            "topic": told,
            "type": "subscribe",
        }
    )


def binance_trade(price: TellPrice, number: int) -> bytes:
    """Return a price as a trade on Binance's channel."""
    told_ms, traded_ms = price.ts_ns // NS_PER_MS, price.price_ns // NS_PER_MS
    return encode(
        {
            "e": TRADE,
            "E": told_ms,
            "s": f"{price.asset.upper()}USDT",
            "t": number,
            "p": f"{_dollars(price):.8f}",
            "q": "0.00100000",
            "T": traded_ms,
            "m": False,
            "M": True,
        }
    )


def coinbase_ticker(price: TellPrice, number: int) -> bytes:
    """Return a price as a ticker on Coinbase's channel."""
    moment = datetime.fromtimestamp(price.price_ns // 1_000_000_000, tz=UTC)
    micros = price.price_ns % 1_000_000_000 // 1000
    text = f"{_dollars(price):.2f}"
    return encode(
        {
            "type": TICKER,
            "sequence": number,
            "product_id": f"{price.asset.upper()}-USD",
            "price": text,
            "best_bid": text,
            "best_ask": text,
            "side": "buy",
            "time": f"{moment:%Y-%m-%dT%H:%M:%S}.{micros:06d}Z",
            "trade_id": number,
            "last_size": "0.001",
        }
    )


def _point(price: TellPrice) -> dict[str, Any]:
    return {"timestamp": price.price_ns // NS_PER_MS, "value": _dollars(price)}


def _dollars(price: TellPrice) -> Decimal:
    return Decimal(price.price_e8) / REFERENCE_ONE_E8
