"""The user websocket: the orders and trades of the account whose credentials come first."""

from aiohttp import web

from polybot.errors import ProtocolError
from polybot.exchange.wire_codec import decode
from polybot.exchange.wire_user_stream import UserSubscription
from polybot.simulator.api.desk import Desk
from polybot.simulator.feeds.client_queue import ClientQueue
from polybot.simulator.feeds.user_feed import UserSubscriber
from polybot.simulator.streams.socket_session import (
    PING,
    POLICY_VIOLATION,
    PONG,
    connection,
    texts_of,
)

UNAUTHORIZED = b"unauthorized"


class UserStream:
    """Serves /ws/user: credentials first, nothing is sent on success, nothing is replayed."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def serve(self, request: web.Request) -> web.WebSocketResponse:
        """Serve one connection."""
        subscribers = self._desk.hub.user.subscribers
        subscriber: UserSubscriber | None = None
        async with connection(self._desk, request) as (socket, queue):
            try:
                async for text in texts_of(socket):
                    if subscriber is None:
                        subscriber = self._authenticate(queue, text)
                        if subscriber is None:
                            await socket.close(code=POLICY_VIOLATION, message=UNAUTHORIZED)
                            break
                        subscribers.add(subscriber)
                    elif text == PING:
                        queue.say(PONG)
            finally:
                if subscriber is not None:
                    subscribers.discard(subscriber)
        return socket

    def _authenticate(self, queue: ClientQueue, text: str) -> UserSubscriber | None:
        try:
            wanted = decode(text, UserSubscription)
        except ProtocolError as error:
            self._desk.refuse_frame("user", error)
            return None
        account = self._desk.keys.account_of_key(wanted.auth) if wanted.auth else None
        if account is None:
            return None
        # What happened before this connection is not replayed to it.
        self._desk.world.catch_up()
        self._desk.world.commit()
        return UserSubscriber(queue, account.address, frozenset(wanted.markets))
