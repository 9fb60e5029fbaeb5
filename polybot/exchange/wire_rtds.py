"""Frames of the exchange's legacy price stream (RTDS): topics, updates and a minute of history."""

import json
from collections.abc import Sequence
from decimal import Decimal
from typing import Final

import msgspec

from polybot.exchange.reference_scale import milliseconds_ns, reference_e8
from polybot.exchange.wire_codec import FrameDecoder

BINANCE_TOPIC: Final = "crypto_prices"
CHAINLINK_TOPIC: Final = "crypto_prices_chainlink"
TWAP_TOPIC: Final = "crypto_prices_twap_sixty"


class RtdsSubscription(msgspec.Struct, frozen=True, kw_only=True):
    """One topic: `type` "*" or "update"; `filters` is text, for these topics JSON of its own."""

    topic: str
    type: str = "*"
    filters: str = ""


class RtdsRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What a client sends: action "subscribe" or "unsubscribe"."""

    action: str
    subscriptions: list[RtdsSubscription] = []


class RtdsPoint(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A price at a time, in milliseconds; history stands in `data` of the first frame."""

    symbol: str = ""
    value: Decimal | None = None
    full_accuracy_value: str = ""
    timestamp: int | str = 0
    data: list["RtdsPoint"] = []

    @property
    def price_e8(self) -> int | None:
        """Return the price in 1e-8 dollars, None when the point has none."""
        return reference_e8(self.full_accuracy_value, self.value)

    @property
    def timestamp_ns(self) -> int:
        """Return the source's own time; InvalidValue when it is not a number of milliseconds."""
        return milliseconds_ns(self.timestamp)


class RtdsFrame(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the server sends: `type` "subscribe" brings history, "update" one price."""

    topic: str = ""
    type: str = ""
    timestamp: int = 0
    payload: RtdsPoint | None = None

    def points(self) -> list[RtdsPoint]:
        """Return the prices of the frame, oldest first, each with its symbol."""
        if self.payload is None:
            return []
        if not self.payload.data:
            return [self.payload]
        symbol = self.payload.symbol
        return [
            msgspec.structs.replace(point, symbol=point.symbol or symbol)
            for point in self.payload.data
        ]


def rtds_request(assets: Sequence[str]) -> RtdsRequest:
    """Return the subscription of both settlement prices of assets such as "btc"."""
    return RtdsRequest(
        action="subscribe",
        subscriptions=[
            RtdsSubscription(topic=topic, filters=json.dumps({"symbol": f"{asset}/usd"}))
            for asset in assets
            for topic in (CHAINLINK_TOPIC, TWAP_TOPIC)
        ],
    )


def rtds_decoder() -> FrameDecoder[RtdsFrame]:
    """Return a decoder of legacy price frames with its own count of what it could not read."""
    return FrameDecoder(RtdsFrame)
