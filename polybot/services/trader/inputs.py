"""The trader's inputs of one turn, taped as they are consumed."""

from dataclasses import dataclass
from typing import Any

import msgspec

from polybot.messages.envelope import Envelope
from polybot.ports import (
    BookReply,
    BookSource,
    Clock,
    ExchangeAccess,
    GatewayAnswer,
    Inbox,
    MarketClock,
    Stream,
    StreamFrame,
    Tape,
)

# Kinds of tape records; a number is never used for something else later.
TAPE_STREAMS = {"market": 1, "user": 2, "price": 3, "rtds": 7, "binance": 8, "coinbase": 9}
TAPE_CONNECTION = 4
TAPE_BUS = 5
TAPE_ANSWER = 6
TAPE_BOOK = 10


@dataclass(slots=True)
class Inputs:
    """Takes from every port once a turn, in a fixed order, and tapes what it took.

    `prices` are the price feeds in their order of preference.
    """

    inbox: Inbox
    access: ExchangeAccess
    market: Stream
    user: Stream
    prices: tuple[Stream, ...]
    book_source: BookSource
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
            data = frame.data
            if frame.state:
                data = f"{frame.stream} {frame.quiet_ns} {frame.state}".encode()
            self.tape.record(kind, frame.mono_ns, self.market_clock.now_ns(), data)
        return taken

    def book_replies(self) -> list[BookReply]:
        """Return the books that were asked for."""
        taken = self.book_source.take()
        for reply in taken:
            data = reply.body if reply.error is None else str(reply.error).encode()
            self._tape(TAPE_BOOK, reply.token_id.encode() + b" " + data)
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
