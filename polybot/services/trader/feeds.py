"""The trader's streams: each frame goes where it belongs, each change of connection is said."""

import msgspec

from polybot.domain.trading_state import TradingState
from polybot.ports import Stream
from polybot.services.trader.book_repair import BookRepair
from polybot.services.trader.claims import TradingClaims
from polybot.services.trader.feed_gaps import CONNECTED, FeedGaps
from polybot.services.trader.inputs import Inputs
from polybot.services.trader.market_data import MarketData
from polybot.services.trader.order_answers import OrderAnswers
from polybot.services.trader.price_feeds import PriceFeeds
from polybot.services.trader.reconcile import Reconciler
from polybot.services.trader.reference import ReferenceBook

USER_STREAM = "user_stream"


class Feeds(msgspec.Struct):
    """Gives books, orders and reference prices what the streams brought.

    While the user stream is away nobody tells us of fills: entries stop, and when it is back the
    books are reconciled before anything else is sent.
    """

    inputs: Inputs
    claims: TradingClaims
    gaps: FeedGaps
    repair: BookRepair
    prices: PriceFeeds
    answers: OrderAnswers
    reconciler: Reconciler
    user_connected: bool = False

    @property
    def data(self) -> MarketData:
        """The books."""
        return self.repair.data

    @property
    def reference(self) -> ReferenceBook:
        """The reference prices."""
        return self.prices.reference

    async def start(self, symbols: list[str]) -> None:
        """Begin to connect; prices are subscribed for good, books window by window."""
        for stream in (self.inputs.market, self.inputs.user):
            await stream.start()
        await self.prices.start(symbols)

    async def stop(self) -> None:
        """Close every connection."""
        for stream in (self.inputs.market, self.inputs.user):
            await stream.stop()
        await self.prices.stop()

    def take(self) -> None:
        """Apply everything that arrived, and ask for what is missing."""
        data = self.repair.data
        for frame in self.inputs.frames(self.inputs.market):
            if frame.state:
                self.gaps.note(frame)
            data.accept(frame)
        for frame in self.inputs.frames(self.inputs.user):
            if frame.state:
                self.gaps.note(frame)
                self._user_changed(frame.state)
            else:
                self.answers.stream_frame(frame)
        for stream in self.inputs.prices:
            self._take_prices(stream)
        self.repair.turn(self.inputs.book_replies())
        self.prices.turn()

    def describe(self) -> str:
        """Return which streams are away, and where prices come from."""
        return "; ".join(words for words in (self.gaps.describe(), self.prices.describe()) if words)

    def _take_prices(self, stream: Stream) -> None:
        for frame in self.inputs.frames(stream):
            if frame.state and (frame.state == CONNECTED or self.prices.is_wanted(stream)):
                self.gaps.note(frame)
            self.prices.accept(frame)

    def _user_changed(self, state: str) -> None:
        self.user_connected = state == CONNECTED
        self.reconciler.look_ups.stream_changed(connected=self.user_connected)
        if not self.user_connected:
            self.claims.claim(USER_STREAM, TradingState.REDUCING, f"user stream {state}")
            return
        if self.reconciler.done_once:
            self.reconciler.require("user stream")
        self.claims.clear(USER_STREAM)
