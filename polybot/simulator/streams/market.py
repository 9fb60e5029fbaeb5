"""The market websocket: books, trades and ticks of the tokens a client subscribes to."""

from aiohttp import web

from polybot.domain.market import Outcome
from polybot.errors import ProtocolError
from polybot.exchange.wire_codec import decode
from polybot.exchange.wire_market_stream import MarketSubscription
from polybot.simulator.api.desk import Desk
from polybot.simulator.engine.window_book import WindowBook
from polybot.simulator.feeds.market_feed import MarketSubscriber
from polybot.simulator.streams.socket_session import (
    PING,
    POLICY_VIOLATION,
    PONG,
    connection,
    texts_of,
)

INVALID_SUBSCRIPTION = b"invalid subscription payload"
UNSUBSCRIBE = "unsubscribe"


class MarketStream:
    """Serves /ws/market: nothing but a subscription may come first, and it gets whole books."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def serve(self, request: web.Request) -> web.WebSocketResponse:
        """Serve one connection."""
        subscribers = self._desk.hub.market.subscribers
        async with connection(self._desk, request) as (socket, queue):
            subscriber = MarketSubscriber(queue)
            try:
                async for text in texts_of(socket):
                    if text == PING and subscriber in subscribers:
                        queue.say(PONG)
                    elif not self._take(subscriber, text):
                        await socket.close(code=POLICY_VIOLATION, message=INVALID_SUBSCRIPTION)
                        break
            finally:
                subscribers.discard(subscriber)
        return socket

    def _take(self, subscriber: MarketSubscriber, text: str) -> bool:
        """Carry out one frame of a client; return whether it was a subscription at all."""
        try:
            wanted = decode(text, MarketSubscription)
        except ProtocolError as error:
            self._desk.refuse_frame("market", error)
            # A bad frame on a connection that works is ignored, a bad first one is not.
            return subscriber in self._desk.hub.market.subscribers
        if wanted.operation == UNSUBSCRIBE:
            subscriber.tokens.difference_update(wanted.assets_ids)
        else:
            self._subscribe(subscriber, wanted)
        return True

    def _subscribe(self, subscriber: MarketSubscriber, wanted: MarketSubscription) -> None:
        world, feed = self._desk.world, self._desk.hub.market
        # Everybody gets what is pending before the new one is added: its books show it already.
        now_ns = world.catch_up()
        world.commit()
        added = [token for token in wanted.assets_ids if token not in subscriber.tokens]
        subscriber.tokens.update(added)
        subscriber.extras = subscriber.extras or wanted.custom_feature_enabled
        feed.subscribers.add(subscriber)
        books = [found for token in added if (found := self._book(token)) is not None]
        if wanted.initial_dump and books:
            subscriber.queue.put(feed.snapshots(books, now_ns))

    def _book(self, token_id: str) -> tuple[WindowBook, Outcome] | None:
        window = self._desk.ledger.window_of_token(token_id)
        book = self._desk.exchange.book(window.slug) if window else None
        if window is None or book is None:
            return None
        return book, window.market.outcome_of(token_id)
