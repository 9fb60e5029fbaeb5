"""The trader's streams: each frame goes where it belongs, each change of connection is said."""

from dataclasses import dataclass, field

from polybot.domain.trading_state import TradingState
from polybot.messages.trading import FeedStateChanged
from polybot.ports import Stream, StreamFrame
from polybot.services.trader.bookkeeping import Bookkeeper
from polybot.services.trader.claims import TradingClaims
from polybot.services.trader.inputs import Inputs, PriceReader
from polybot.services.trader.market_data import MarketData
from polybot.services.trader.order_answers import OrderAnswers
from polybot.services.trader.reconcile import Reconciler
from polybot.services.trader.reference import ReferenceBook

USER_STREAM = "user_stream"


@dataclass(slots=True)
class Feeds:
    """Gives books, orders and reference prices what the streams brought.

    While the user stream is away nobody tells us of fills: entries stop, and when it is back the
    books are reconciled before anything else is sent.
    """

    inputs: Inputs
    books: Bookkeeper
    claims: TradingClaims
    data: MarketData
    answers: OrderAnswers
    reconciler: Reconciler
    reference: ReferenceBook
    user_connected: bool = False
    _prices: PriceReader = field(default_factory=PriceReader)

    async def start(self, symbols: list[str]) -> None:
        """Begin to connect; prices are subscribed for good, books window by window."""
        self.inputs.price.subscribe(symbols)
        for stream in self._streams():
            await stream.start()

    async def stop(self) -> None:
        """Close every connection."""
        for stream in self._streams():
            await stream.stop()

    def take(self) -> None:
        """Apply everything that arrived."""
        for frame in self.inputs.frames(self.inputs.market):
            self._say(frame)
            self.data.accept(frame)
        for frame in self.inputs.frames(self.inputs.user):
            self._say(frame)
            if frame.state:
                self._user_changed(frame.state)
            else:
                self.answers.stream_frame(frame)
        for frame in self.inputs.frames(self.inputs.price):
            self._say(frame)
            for tick in [] if frame.state else self._prices.read(frame):
                self.reference.accept(tick)

    def _streams(self) -> tuple[Stream, ...]:
        return (self.inputs.market, self.inputs.user, self.inputs.price)

    def _user_changed(self, state: str) -> None:
        self.user_connected = state == "connected"
        if not self.user_connected:
            self.claims.claim(USER_STREAM, TradingState.REDUCING, f"user stream {state}")
            return
        if self.reconciler.done_once:
            self.reconciler.require("user stream")
        self.claims.clear(USER_STREAM)

    def _say(self, frame: StreamFrame) -> None:
        if frame.state:
            connected = frame.state == "connected"
            self.books.record(
                FeedStateChanged(feed=frame.stream, connected=connected, detail=frame.state)
            )
