"""The price websocket (PolyBolt): authentication, subscriptions, then numbered price frames."""

from aiohttp import web

from polybot.errors import ProtocolError
from polybot.exchange.wire_codec import decode, encode
from polybot.exchange.wire_price_stream import (
    AUTH_CLOSE_CODE,
    DRAIN_CLOSE_CODE,
    POLICY_CLOSE_CODE,
    SLOW_CONSUMER_CLOSE_CODE,
    SPOT_CHANNEL,
    TWAP_CHANNEL,
    PriceFrame,
    PriceRequest,
    PriceSubscription,
)
from polybot.simulator.api.desk import Desk
from polybot.simulator.feeds.price_feed import PriceSubscriber, Topic, topic_of
from polybot.simulator.streams.socket_session import PING, PONG, connection, texts_of

MOST_SUBSCRIPTIONS = 64
# Frames that subscribe, in any second of the wall clock.
MOST_FRAMES = 20
PING_S = 25.0
UNKNOWN_CHANNEL = "unknown channel or filter"
# Codes polymarket-client knows; it takes no notice of an error without one.
BAD_CHANNEL, BAD_FILTER = "bad_channel", "bad_filter"


class PriceStream:
    """Serves /ws/price: channels price.crypto and price.crypto.twap."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def serve(self, request: web.Request) -> web.WebSocketResponse:
        """Serve one connection."""
        subscribers = self._desk.hub.price.subscribers
        async with connection(
            self._desk,
            request,
            code=SLOW_CONSUMER_CLOSE_CODE,
            ping_s=PING_S,
            leave_code=DRAIN_CLOSE_CODE,
        ) as (socket, queue):
            subscriber = PriceSubscriber(queue)
            try:
                async for text in texts_of(socket):
                    if text == PING:
                        queue.say(PONG)
                        continue
                    code = self._take(subscriber, text)
                    if code:
                        await socket.close(code=code)
                        break
            finally:
                subscribers.discard(subscriber)
        return socket

    def _take(self, subscriber: PriceSubscriber, text: str) -> int:
        """Carry out one frame of a client; return the code to close with, 0 to go on."""
        try:
            wanted = decode(text, PriceRequest)
        except ProtocolError as error:
            self._desk.refuse_frame("price", error)
            return POLICY_CLOSE_CODE
        if wanted.op == "auth":
            return self._authenticate(subscriber, wanted)
        if wanted.op == "subscribe":
            return self._subscribe_all(subscriber, wanted)
        if wanted.op == "unsubscribe":
            return self._unsubscribe_all(subscriber, wanted)
        if wanted.op == "ping":
            subscriber.queue.say(encode(PriceFrame(op="pong", rid=wanted.rid)))
        return 0

    def _authenticate(self, subscriber: PriceSubscriber, wanted: PriceRequest) -> int:
        if wanted.auth is None or self._desk.keys.account_of_key(wanted.auth) is None:
            return AUTH_CLOSE_CODE
        self._desk.hub.price.subscribers.add(subscriber)
        subscriber.queue.say(encode(PriceFrame(op="authed", rid=wanted.rid)))
        return 0

    def _subscribe_all(self, subscriber: PriceSubscriber, wanted: PriceRequest) -> int:
        if subscriber not in self._desk.hub.price.subscribers:
            return AUTH_CLOSE_CODE
        is_too_much = len(subscriber.topics) + len(wanted.subscriptions) > MOST_SUBSCRIPTIONS
        if is_too_much or subscriber.asks_too_often(self._desk.clock.monotonic_ns(), MOST_FRAMES):
            return POLICY_CLOSE_CODE
        world = self._desk.world
        now_ns = world.catch_up()
        world.commit()
        for subscription in wanted.subscriptions:
            topic = topic_of(subscription)
            subscriber.queue.say(encode(_acknowledged(wanted.rid, subscription, topic)))
            if topic is not None:
                self._desk.hub.price.subscribe(subscriber, topic, now_ns)
        return 0

    def _unsubscribe_all(self, subscriber: PriceSubscriber, wanted: PriceRequest) -> int:
        for subscription in wanted.subscriptions:
            topic = topic_of(subscription)
            if topic is not None:
                subscriber.topics.discard(topic)
            told = PriceFrame(op="unsubscribed", rid=wanted.rid, channel=subscription.channel)
            subscriber.queue.say(encode(told))
        return 0


def _acknowledged(rid: str, subscription: PriceSubscription, topic: Topic | None) -> PriceFrame:
    channel = subscription.channel
    if topic is not None:
        return PriceFrame(op="subscribed", rid=rid, channel=channel)
    code = BAD_FILTER if channel in (SPOT_CHANNEL, TWAP_CHANNEL) else BAD_CHANNEL
    return PriceFrame(op="error", rid=rid, channel=channel, code=code, error=UNKNOWN_CHANNEL)
