"""Public price websockets: the legacy channel (RTDS), and trades and tickers of other exchanges."""

from collections.abc import Callable
from itertools import count
from typing import Final

import msgspec
from aiohttp import web

from polybot.domain.settlement import PriceSource
from polybot.errors import ProtocolError
from polybot.exchange.wire_binance import TRADE, BinanceRequest
from polybot.exchange.wire_codec import decode, encode
from polybot.exchange.wire_coinbase import TICKER, CoinbaseRequest
from polybot.exchange.wire_rtds import RtdsRequest, RtdsSubscription
from polybot.simulator.api.desk import Desk
from polybot.simulator.feeds.client_queue import ClientQueue
from polybot.simulator.feeds.public_price_feed import (
    SOURCES,
    PublicSubscriber,
    binance_trade,
    coinbase_ticker,
    legacy_history,
    legacy_symbol,
    legacy_update,
    topic_of,
)
from polybot.simulator.happenings import TellPrice
from polybot.simulator.streams.socket_session import PING, PONG, connection, texts_of

Take = Callable[[str], None]
_USDT: Final = "USDT"
_USD: Final = "-USD"


class RtdsStream:
    """Serves /ws/rtds: topics with filters, a minute or two of the past first, then updates."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def serve(self, request: web.Request) -> web.WebSocketResponse:
        """Serve one connection."""
        # Symbols wanted of each topic; None is all of them.
        wanted: dict[str, set[str] | None] = {}

        def speak(price: TellPrice) -> bytes | None:
            topic = topic_of(price)
            if topic not in wanted or not _is_in(legacy_symbol(price.asset, topic), wanted[topic]):
                return None
            return legacy_update(price)

        def open_for(queue: ClientQueue) -> tuple[PublicSubscriber, Take]:
            def take(text: str) -> None:
                self._take(queue, wanted, text)

            return PublicSubscriber(queue, speak), take

        return await _serve(self._desk, request, open_for)

    def _take(self, queue: ClientQueue, wanted: dict[str, set[str] | None], text: str) -> None:
        told = decode(text, RtdsRequest)
        for subscription in told.subscriptions:
            if subscription.topic not in SOURCES:
                continue
            if told.action == "unsubscribe":
                wanted.pop(subscription.topic, None)
            elif told.action == "subscribe":
                self._subscribe(queue, wanted, subscription)

    def _subscribe(
        self, queue: ClientQueue, wanted: dict[str, set[str] | None], asked: RtdsSubscription
    ) -> None:
        symbols = _symbols(asked.filters)
        before = wanted.get(asked.topic, set())
        wanted[asked.topic] = None if symbols is None or before is None else before | symbols
        now_ns = self._desk.world.catch_up()
        self._desk.world.commit()
        for (asset, source), prices in self._desk.hub.price.recent().items():
            is_asked = _is_in(legacy_symbol(asset, asked.topic), symbols)
            if source is SOURCES[asked.topic] and is_asked and prices:
                queue.put(legacy_history(prices, asked.topic, now_ns))


class BinanceStream:
    """Serves /ws/binance and /ws/binance/<asset>usdt@trade: every new price as a trade."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def serve(self, request: web.Request) -> web.WebSocketResponse:
        """Serve one connection."""
        streams = set(filter(None, request.match_info.get("streams", "").split("/")))
        numbers = count(1)

        def speak(price: TellPrice) -> bytes | None:
            is_asked = f"{price.asset}{_USDT.lower()}@{TRADE}" in streams
            if price.source is not PriceSource.BINANCE or not is_asked:
                return None
            return binance_trade(price, next(numbers))

        def open_for(queue: ClientQueue) -> tuple[PublicSubscriber, Take]:
            def take(text: str) -> None:
                told = decode(text, BinanceRequest)
                if told.method == "SUBSCRIBE":
                    streams.update(told.params)
                elif told.method == "UNSUBSCRIBE":
                    streams.difference_update(told.params)
                queue.say(encode({"result": None, "id": told.id}))

            return PublicSubscriber(queue, speak), take

        return await _serve(self._desk, request, open_for)


class CoinbaseStream:
    """Serves /ws/coinbase: every new price of another exchange as a ticker."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def serve(self, request: web.Request) -> web.WebSocketResponse:
        """Serve one connection."""
        products: set[str] = set()
        numbers = count(1)

        def speak(price: TellPrice) -> bytes | None:
            is_asked = f"{price.asset.upper()}{_USD}" in products
            if price.source is not PriceSource.BINANCE or not is_asked:
                return None
            return coinbase_ticker(price, next(numbers))

        def open_for(queue: ClientQueue) -> tuple[PublicSubscriber, Take]:
            def take(text: str) -> None:
                told = decode(text, CoinbaseRequest)
                if TICKER in told.channels and told.type == "subscribe":
                    products.update(told.product_ids)
                elif told.type == "unsubscribe":
                    products.difference_update(told.product_ids)
                channel = {"name": TICKER, "product_ids": sorted(products), "account_ids": None}
                queue.say(encode({"type": "subscriptions", "channels": [channel]}))

            return PublicSubscriber(queue, speak), take

        return await _serve(self._desk, request, open_for)


async def _serve(
    desk: Desk,
    request: web.Request,
    open_for: Callable[[ClientQueue], tuple[PublicSubscriber, Take]],
) -> web.WebSocketResponse:
    subscribers = desk.hub.public.subscribers
    async with connection(desk, request) as (socket, queue):
        subscriber, take = open_for(queue)
        subscribers.add(subscriber)
        try:
            async for text in texts_of(socket):
                if text.upper() == PING:
                    queue.say(PONG)
                    continue
                try:
                    take(text)
                except ProtocolError as error:
                    desk.refuse_frame(request.path, error)
        finally:
            subscribers.discard(subscriber)
    return socket


def _symbols(filters: str) -> set[str] | None:
    """Read a filter: JSON with a symbol, names with commas, or nothing for all."""
    if not filters:
        return None
    try:
        told = msgspec.json.decode(filters)
    except msgspec.DecodeError:
        return {name.strip().lower() for name in filters.split(",")}
    if isinstance(told, dict) and isinstance(told.get("symbol"), str):
        return {told["symbol"].lower()}
    return {str(name).lower() for name in told} if isinstance(told, list) else None


def _is_in(symbol: str, wanted: set[str] | None) -> bool:
    return wanted is None or symbol in wanted
