"""Reference-price websocket frames (PolyBolt): spot and time-weighted prices of Chainlink."""

from decimal import Decimal
from typing import Any, Final

import msgspec

from polybot.exchange.l2_auth import ApiCredentials
from polybot.exchange.reference_scale import milliseconds_ns, reference_e8
from polybot.exchange.wire_codec import FrameDecoder

SPOT_CHANNEL: Final = "price.crypto"
TWAP_CHANNEL: Final = "price.crypto.twap"
# The look-back of the average that settles, in seconds.
TWAP_SECONDS: Final = 60

AUTH_CLOSE_CODE: Final = 4001
SLOW_CONSUMER_CLOSE_CODE: Final = 4002
DRAIN_CLOSE_CODE: Final = 4003
POLICY_CLOSE_CODE: Final = 4008


class PriceFilter(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What to subscribe to: a symbol such as "btcusd", and the window of an average."""

    symbol: str = ""
    window_seconds: int = 0
    provider: str = ""


class PriceSubscription(msgspec.Struct, frozen=True, kw_only=True):
    """One channel with its filter."""

    channel: str
    filter: PriceFilter = PriceFilter()


class PriceRequest(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a client sends: op "auth" with credentials, "subscribe" with subscriptions, "ping"."""

    op: str
    rid: str = ""
    auth: ApiCredentials | None = None
    subscriptions: list[PriceSubscription] = []


class PricePoint(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A price at a time, in milliseconds; a snapshot's points stand in `data` of the first one."""

    symbol: str = ""
    value: Decimal | None = None
    full_accuracy_value: str = ""
    timestamp: int | str = 0
    source: str = ""
    window_seconds: int = 0
    data: list["PricePoint"] = []

    @property
    def price_e8(self) -> int | None:
        """Return the price in 1e-8 dollars, None when the point has none."""
        return reference_e8(self.full_accuracy_value, self.value)

    @property
    def timestamp_ns(self) -> int:
        """Return the source's own time; InvalidValue when it is not a number of milliseconds."""
        return milliseconds_ns(self.timestamp)


class PriceFrame(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the server sends: an `op` that answers a request, or a price.

    `seq` counts per channel and connection, `dropped` what the server left out; an `op` of error
    has a `code`, the shape of `error` is not documented.
    """

    op: str = ""
    rid: str = ""
    v: int = 0
    channel: str = ""
    seq: int = 0
    ts: int = 0
    snapshot: bool = False
    dropped: int = 0
    code: str = ""
    error: Any = None
    payload: PricePoint | None = None

    def points(self) -> list[PricePoint]:
        """Return the prices of the frame, oldest first, each with its symbol."""
        if self.payload is None:
            return []
        if not self.payload.data:
            return [self.payload]
        symbol, window = self.payload.symbol, self.payload.window_seconds
        return [
            msgspec.structs.replace(
                point,
                symbol=point.symbol or symbol,
                source=point.source or self.payload.source,
                window_seconds=point.window_seconds or window,
            )
            for point in self.payload.data
        ]


def price_decoder() -> FrameDecoder[PriceFrame]:
    """Return a decoder of price frames with its own count of what it could not read."""
    return FrameDecoder(PriceFrame)
