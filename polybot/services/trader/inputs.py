"""The trader's inputs of one turn, taped as they are consumed."""

import logging
from dataclasses import dataclass
from typing import Any

import msgspec

from polybot.domain.refusals import Refusals
from polybot.errors import InvalidValue
from polybot.exchange.wire_codec import FrameDecoder
from polybot.exchange.wire_price_stream import TWAP_CHANNEL, PriceFrame, PricePoint, price_decoder
from polybot.messages.envelope import Envelope
from polybot.ports import (
    Clock,
    ExchangeAccess,
    GatewayAnswer,
    Inbox,
    MarketClock,
    Stream,
    StreamFrame,
    Tape,
)
from polybot.services.trader.reference import PriceTick

logger = logging.getLogger(__name__)

# Kinds of tape records; a number is never used for something else later.
TAPE_STREAMS = {"market": 1, "user": 2, "price": 3}
TAPE_CONNECTION = 4
TAPE_BUS = 5
TAPE_ANSWER = 6


@dataclass(slots=True)
class Inputs:
    """Takes from every port once a turn, in a fixed order, and tapes what it took."""

    inbox: Inbox
    access: ExchangeAccess
    market: Stream
    user: Stream
    price: Stream
    tape: Tape
    clock: Clock
    market_clock: MarketClock

    def bus(self) -> list[tuple[Envelope, Any]]:
        """Return what other processes said."""
        taken = self.inbox.take()
        for envelope, _ in taken:
            self._tape(TAPE_BUS, msgspec.json.encode(envelope))
        return taken

    def frames(self, stream: Stream) -> list[StreamFrame]:
        """Return one stream's frames."""
        taken = stream.take()
        for frame in taken:
            kind = TAPE_CONNECTION if frame.state else TAPE_STREAMS[frame.stream]
            data = f"{frame.stream} {frame.state}".encode() if frame.state else frame.data
            self.tape.record(kind, frame.mono_ns, self.market_clock.now_ns(), data)
        return taken

    def answers(self) -> list[GatewayAnswer]:
        """Return the exchange's answers."""
        if not self.access.ready():
            return []
        taken = self.access.gateway.take()
        for answer in taken:
            self._tape(TAPE_ANSWER, repr(answer).encode())
        return taken

    def end(self) -> None:
        """Mark the end of the turn on the tape."""
        self.tape.end_batch(self.clock.monotonic_ns(), self.market_clock.now_ns())

    def _tape(self, kind: int, data: bytes) -> None:
        self.tape.record(kind, self.clock.monotonic_ns(), self.market_clock.now_ns(), data)


class PriceReader:
    """Reads frames of the price stream into ticks; what cannot be read is counted."""

    def __init__(self) -> None:
        self._decoder: FrameDecoder[PriceFrame] = price_decoder()
        self._refusals = Refusals()

    def read(self, frame: StreamFrame) -> list[PriceTick]:
        """Return the prices of a frame, oldest first; control frames have none."""
        ticks = []
        before = self._decoder.refused
        events = self._decoder.decode(frame.data)
        if self._decoder.refused > before:
            self._refuse(self._decoder.last_refusal, frame.mono_ns)
        for told in events:
            if told.error:
                self._refuse(told.error, frame.mono_ns)
            for point in told.points():
                tick = _tick(told, point)
                if tick is not None:
                    ticks.append(tick)
        return ticks

    def _refuse(self, reason: str, mono_ns: int) -> None:
        line = self._refusals.note(reason, mono_ns)
        if line:
            logger.warning("price events that could not be read: %s", line)


def _tick(told: PriceFrame, point: PricePoint) -> PriceTick | None:
    try:
        price = point.price_e8
        price_ns = int(point.timestamp) * 1_000_000
    except (InvalidValue, ValueError):
        return None
    if price is None or not point.symbol:
        return None
    return PriceTick(
        asset=point.symbol.lower().removesuffix("usd").rstrip("/"),
        source=point.source,
        twap=told.channel == TWAP_CHANNEL,
        price_ns=price_ns,
        price_e8=price,
    )
