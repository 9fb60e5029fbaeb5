"""Frames of every price feed as reference prices: one reader a feed, all with the same face.

A reader never raises: what cannot be read is left out and counted, so that one bad frame of a
stranger's server costs one price.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Final, Generic, NamedTuple, Protocol, TypeVar

from polybot.domain.reference_price import (
    BINANCE,
    COINBASE,
    POLYBOLT,
    RTDS,
    ReferencePrice,
)
from polybot.errors import InvalidValue
from polybot.exchange import wire_binance, wire_coinbase, wire_price_stream, wire_rtds
from polybot.exchange.wire_codec import FrameDecoder

CHAINLINK: Final = "chainlink"

Frame = TypeVar("Frame")


class _Point(Protocol):
    @property
    def price_e8(self) -> int | None: ...

    @property
    def timestamp_ns(self) -> int: ...


class _Heard(NamedTuple):
    asset: str
    source: str
    point: _Point
    is_average: bool = False
    is_stand_in: bool = False


class PriceReader(ABC, Generic[Frame]):
    """Reads one feed's frames; a new connection is told by `begin`.

    `refused` counts what could not be read, `last_refusal` says of the newest why; `missed` counts
    prices that the feed itself shows to be missing.
    """

    feed = ""

    def __init__(self, decoder: FrameDecoder[Frame]) -> None:
        self._decoder = decoder
        self.refused = 0
        self.last_refusal = ""
        self.missed = 0

    def begin(self) -> None:
        """Forget what counts within one connection only; most feeds have nothing of the kind."""

    def read(self, data: bytes, received_ns: int) -> list[ReferencePrice]:
        """Return the prices of a frame, oldest first; control frames have none."""
        prices = []
        before = self._decoder.refused
        for frame in self._decoder.decode(data):
            for heard in self._heard(frame):
                price = self._price(heard, received_ns)
                if price is not None:
                    prices.append(price)
        if self._decoder.refused > before:
            self._refuse(self._decoder.last_refusal)
        return prices

    @abstractmethod
    def _heard(self, frame: Frame) -> Iterator[_Heard]:
        """Yield what a frame tells of prices."""

    def _price(self, heard: _Heard, received_ns: int) -> ReferencePrice | None:
        try:
            price_e8, price_ns = heard.point.price_e8, heard.point.timestamp_ns
        except InvalidValue as error:
            self._refuse(str(error))
            return None
        if not price_e8 or not heard.asset:
            return None
        return ReferencePrice(
            asset=heard.asset,
            feed=self.feed,
            source=heard.source,
            is_average=heard.is_average,
            is_stand_in=heard.is_stand_in,
            price_ns=price_ns,
            price_e8=price_e8,
            received_ns=received_ns,
        )

    def _refuse(self, reason: str) -> None:
        self.refused += 1
        self.last_refusal = reason


class PolyBoltReader(PriceReader[wire_price_stream.PriceFrame]):
    """PolyBolt: frames are numbered by channel and connection, and say what was dropped."""

    feed = POLYBOLT

    def __init__(self) -> None:
        super().__init__(wire_price_stream.price_decoder())
        self._seq: dict[str, int] = {}

    def begin(self) -> None:
        """Expect the numbers to begin anew."""
        self._seq.clear()

    def _heard(self, frame: wire_price_stream.PriceFrame) -> Iterator[_Heard]:
        if frame.error:
            self._refuse(str(frame.error))
        self._count(frame)
        for point in frame.points():
            asset = point.symbol.lower().removesuffix("usd").rstrip("/")
            source = point.source or CHAINLINK
            is_average = frame.channel == wire_price_stream.TWAP_CHANNEL
            # An average over another look-back is another price than the one that settles.
            usual = point.window_seconds in (0, wire_price_stream.TWAP_SECONDS)
            is_stand_in = source != CHAINLINK or (is_average and not usual)
            yield _Heard(asset, source, point, is_average, is_stand_in)

    def _count(self, frame: wire_price_stream.PriceFrame) -> None:
        self.missed += frame.dropped
        if not frame.seq:
            return
        last = self._seq.get(frame.channel)
        if last is not None and frame.seq > last:
            # What the server says it dropped may or may not have had numbers: counted once.
            self.missed += max(0, frame.seq - last - 1 - frame.dropped)
        self._seq[frame.channel] = max(frame.seq, last or 0)


class RtdsReader(PriceReader[wire_rtds.RtdsFrame]):
    """The legacy stream; history under a topic that does not say which price it is, is left out."""

    feed = RTDS

    def __init__(self) -> None:
        super().__init__(wire_rtds.rtds_decoder())

    def _heard(self, frame: wire_rtds.RtdsFrame) -> Iterator[_Heard]:
        if frame.topic not in (wire_rtds.CHAINLINK_TOPIC, wire_rtds.TWAP_TOPIC):
            return
        for point in frame.points():
            asset, _, quote = point.symbol.lower().partition("/")
            if quote == "usd":
                is_average = frame.topic == wire_rtds.TWAP_TOPIC
                yield _Heard(asset, CHAINLINK, point, is_average)


class BinanceReader(PriceReader[wire_binance.BinanceFrame]):
    """Trades against USDT: near the settlement price, and not it."""

    feed = BINANCE

    def __init__(self) -> None:
        super().__init__(wire_binance.binance_decoder())

    def _heard(self, frame: wire_binance.BinanceFrame) -> Iterator[_Heard]:
        trade = frame.trade()
        if trade is not None and trade.symbol.endswith(wire_binance.QUOTE):
            asset = trade.symbol.removesuffix(wire_binance.QUOTE).lower()
            yield _Heard(asset, BINANCE, trade, is_stand_in=True)


class CoinbaseReader(PriceReader[wire_coinbase.CoinbaseFrame]):
    """Trades against dollars on one exchange: near the settlement price, and not it."""

    feed = COINBASE

    def __init__(self) -> None:
        super().__init__(wire_coinbase.coinbase_decoder())

    def _heard(self, frame: wire_coinbase.CoinbaseFrame) -> Iterator[_Heard]:
        if frame.type == wire_coinbase.TICKER and frame.product_id.endswith(wire_coinbase.QUOTE):
            asset = frame.product_id.removesuffix(wire_coinbase.QUOTE).lower()
            yield _Heard(asset, COINBASE, frame, is_stand_in=True)


AnyPriceReader = PolyBoltReader | RtdsReader | BinanceReader | CoinbaseReader

# By the name of the stream that brings a feed's frames.
PRICE_READERS: Final[dict[str, type[AnyPriceReader]]] = {
    "price": PolyBoltReader,
    "rtds": RtdsReader,
    "binance": BinanceReader,
    "coinbase": CoinbaseReader,
}
