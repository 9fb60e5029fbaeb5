"""Trades of Binance's public websocket: a price that stands in while no better one comes."""

from collections.abc import Sequence
from typing import Final

import msgspec

from polybot.domain.money import parse_reference
from polybot.exchange.reference_scale import NS_PER_MS
from polybot.exchange.wire_codec import FrameDecoder

TRADE: Final = "trade"
QUOTE: Final = "USDT"


class BinanceRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What a client sends: method "SUBSCRIBE" with streams such as "btcusdt@trade"."""

    method: str
    params: list[str]
    id: int = 1


class BinanceTrade(msgspec.Struct, frozen=True, kw_only=True):
    """One trade, by the single letters of the wire; `traded_ms` is the exchange's own time."""

    event: str = msgspec.field(name="e", default="")
    symbol: str = msgspec.field(name="s", default="")
    price: str = msgspec.field(name="p", default="")
    size: str = msgspec.field(name="q", default="")
    traded_ms: int = msgspec.field(name="T", default=0)

    @property
    def price_e8(self) -> int:
        """Return the price in 1e-8 dollars (of the quote coin); InvalidValue when it is none."""
        return parse_reference(self.price)

    @property
    def timestamp_ns(self) -> int:
        """Return when it was traded."""
        return self.traded_ms * NS_PER_MS


class BinanceFrame(BinanceTrade, frozen=True, kw_only=True):
    """A trade, or one wrapped with its stream's name as combined streams send it."""

    stream: str = ""
    data: BinanceTrade | None = None

    def trade(self) -> BinanceTrade | None:
        """Return the trade of the frame; answers to requests have none."""
        told = self if self.data is None else self.data
        return told if told.event == TRADE else None


def binance_request(assets: Sequence[str]) -> BinanceRequest:
    """Return the subscription of the trades of assets such as "btc"."""
    return BinanceRequest(
        method="SUBSCRIBE", params=[f"{asset}{QUOTE.lower()}@{TRADE}" for asset in assets]
    )


def binance_decoder() -> FrameDecoder[BinanceFrame]:
    """Return a decoder of trade frames with its own count of what it could not read."""
    return FrameDecoder(BinanceFrame)
