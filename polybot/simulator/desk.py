"""What every route of the simulated exchange works with, and how its answers are written."""

import logging
from collections.abc import Callable
from typing import TypeVar

import msgspec
from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from polybot.domain.refusals import Refusals
from polybot.errors import PolybotError, ProtocolError
from polybot.exchange import error_texts as texts
from polybot.exchange.l2_auth import SignedRequest
from polybot.exchange.wire_account import ErrorAnswer
from polybot.exchange.wire_codec import decode, encode
from polybot.ports import Clock
from polybot.simulator.accounts import AccountRow, WindowRow
from polybot.simulator.engine import SimulatedExchange
from polybot.simulator.heartbeats import HeartbeatWatch
from polybot.simulator.hub import Hub
from polybot.simulator.keyring import KeyRing
from polybot.simulator.ledger import Ledger
from polybot.simulator.world import World

logger = logging.getLogger(__name__)

OK = 200
BAD_REQUEST = 400
UNAUTHORIZED = 401
NOT_FOUND = 404
SERVER_ERROR = 500

Wire = TypeVar("Wire")


class Desk(msgspec.Struct, frozen=True):
    """The exchange in motion, its clients, its keys, and the wall clock.

    `poke` makes the player look at the clock again: something is due earlier than it was.
    """

    world: World
    hub: Hub
    keys: KeyRing
    heartbeats: HeartbeatWatch
    clock: Clock
    poke: Callable[[], None]
    refusals: Refusals = msgspec.field(default_factory=Refusals)

    @property
    def exchange(self) -> SimulatedExchange:
        """The engine."""
        return self.world.exchange

    @property
    def ledger(self) -> Ledger:
        """The books."""
        return self.world.exchange.ledger

    def wall_s(self) -> int:
        """Return wall time in UTC seconds."""
        return self.clock.now_ns() // 1_000_000_000

    async def signed_by(self, request: web.Request) -> AccountRow:
        """Return the account that signed a request (L2), or refuse it."""
        signed = SignedRequest(request.method, request.path, request.headers, await request.read())
        account = self.keys.account_of_request(signed, now_s=self.wall_s())
        if account is None:
            raise Refused(UNAUTHORIZED, texts.UNAUTHORIZED)
        return account

    def refuse_frame(self, channel: str, error: ProtocolError) -> None:
        """Count a client's websocket frame that cannot be read; say so now and then."""
        line = self.refusals.note(f"{channel}: {error}", self.clock.monotonic_ns())
        if line:
            logger.warning("websocket frames that could not be read: %s", line)

    def window_of_token(self, token_id: str) -> WindowRow:
        """Return the window of a token, or refuse: there is no such order book."""
        window = self.ledger.window_of_token(token_id)
        if window is None:
            raise Refused(NOT_FOUND, texts.NO_ORDERBOOK)
        return window


class Refused(PolybotError):
    """A request is answered with an error of the exchange instead of what it asked for."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.text = text


def answer(value: object, status: int = OK) -> web.Response:
    """Write a value as JSON."""
    return web.Response(body=encode(value), status=status, content_type="application/json")


def body_of(data: bytes, wanted: type[Wire]) -> Wire:
    """Read a request's body, or refuse it."""
    try:
        return decode(data, wanted)
    except ProtocolError as error:
        raise Refused(BAD_REQUEST, texts.INVALID_ORDER_PAYLOAD) from error


def make_middleware(desk: Desk) -> Middleware:
    """Return what stands around every route: refusals in the exchange's words, durable answers."""

    @web.middleware
    async def around(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            response = await handler(request)
        except Refused as refusal:
            response = answer(ErrorAnswer(error=refusal.text), refusal.status)
        try:
            # Whatever the answer shows must survive a kill before anybody sees it.
            await desk.world.durable()
        except PolybotError:
            return answer(ErrorAnswer(error=texts.INTERNAL_ERROR), SERVER_ERROR)
        return response

    return around
