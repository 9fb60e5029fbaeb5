"""The ticker of Coinbase's public websocket: a price that stands in while no better one comes."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec

from polybot.domain.money import parse_reference
from polybot.errors import InvalidValue
from polybot.exchange.wire_codec import FrameDecoder

TICKER: Final = "ticker"
QUOTE: Final = "-USD"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


class CoinbaseRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What a client sends: type "subscribe" with products such as "BTC-USD"."""

    type: str
    product_ids: list[str]
    channels: list[str]


class CoinbaseFrame(msgspec.Struct, frozen=True, kw_only=True):
    """A ticker, or the acknowledgment of a subscription; `time` is ISO 8601 in UTC."""

    type: str = ""
    product_id: str = ""
    price: str = ""
    time: str = ""
    sequence: int = 0

    @property
    def price_e8(self) -> int:
        """Return the price in 1e-8 dollars; InvalidValue when it is none."""
        return parse_reference(self.price)

    @property
    def timestamp_ns(self) -> int:
        """Return the exchange's own time; InvalidValue when it is not one."""
        try:
            moment = datetime.fromisoformat(self.time)
        except ValueError as error:
            raise InvalidValue(f"expected an ISO time, was {self.time!r}") from error
        if moment.tzinfo is None:
            raise InvalidValue(f"expected a time with a zone, was {self.time!r}")
        return (moment - _EPOCH) // _MICROSECOND * 1_000


def coinbase_request(assets: Sequence[str]) -> CoinbaseRequest:
    """Return the subscription of the ticker of assets such as "btc"."""
    return CoinbaseRequest(
        type="subscribe",
        product_ids=[f"{asset.upper()}{QUOTE}" for asset in assets],
        channels=[TICKER],
    )


def coinbase_decoder() -> FrameDecoder[CoinbaseFrame]:
    """Return a decoder of ticker frames with its own count of what it could not read."""
    return FrameDecoder(CoinbaseFrame)
