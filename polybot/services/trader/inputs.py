"""The trader's inputs of one turn, taped as they are consumed."""

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
from polybot.services.trader.tape_records import (
    TAPE_ANSWER,
    TAPE_BOOK,
    TAPE_BUS,
    TAPE_CONNECTION,
    TAPE_STREAMS,
    encode_answer,
    encode_book,
    encode_connection,
)


class Inputs(msgspec.Struct):
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
        if not taken:
            return taken
        record, market_ns = self.tape.record, self.market_clock.now_ns()
        for frame in taken:
            if frame.state:
                record(TAPE_CONNECTION, frame.mono_ns, market_ns, encode_connection(frame))
            else:
                record(TAPE_STREAMS[frame.stream], frame.mono_ns, market_ns, frame.data)
        return taken

    def book_replies(self) -> list[BookReply]:
        """Return the books that were asked for."""
        taken = self.book_source.take()
        for reply in taken:
            self._tape(TAPE_BOOK, encode_book(reply))
        return taken

    def answers(self) -> list[GatewayAnswer]:
        """Return the exchange's answers."""
        if not self.access.ready():
            return []
        taken = self.access.gateway.take()
        for answer in taken:
            self._tape(TAPE_ANSWER, encode_answer(answer))
        return taken

    def _tape(self, kind: int, data: bytes) -> None:
        self.tape.record(kind, self.clock.monotonic_ns(), self.market_clock.now_ns(), data)
