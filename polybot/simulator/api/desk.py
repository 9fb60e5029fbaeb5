"""What every route of the simulated exchange works with, and how its answers are written."""

import logging
from collections.abc import Callable, Mapping
from typing import Final, TypeVar

import msgspec
from aiohttp import web

from polybot.domain.refusals import Refusals
from polybot.errors import PolybotError, ProtocolError
from polybot.exchange import error_texts as texts
from polybot.exchange.l2_auth import SignedRequest
from polybot.exchange.wire_codec import decode, encode
from polybot.ports import Clock
from polybot.simulator.api.heartbeats import HeartbeatWatch
from polybot.simulator.api.keyring import KeyRing
from polybot.simulator.api.rate_limits import Bucket, RateLimits
from polybot.simulator.api.request_log import RequestLog
from polybot.simulator.books.accounts import AccountRow, WindowRow
from polybot.simulator.books.ledger import Ledger
from polybot.simulator.engine.engine import SimulatedExchange
from polybot.simulator.faults.actions import NullActions
from polybot.simulator.faults.injector import FaultInjector
from polybot.simulator.faults.plan import Fault
from polybot.simulator.faults.timed import TimedFaults
from polybot.simulator.feeds.hub import Hub
from polybot.simulator.world import World

logger = logging.getLogger(__name__)

OK = 200
BAD_REQUEST = 400
UNAUTHORIZED = 401
NOT_FOUND = 404
TOO_MANY = 429
SERVER_ERROR = 500

RESPONSE_HEADERS: Final = web.RequestKey("response_headers", Mapping)
EARLY_STATUS: Final = web.RequestKey("early_status", str)
_NS_PER_S: Final = 1_000_000_000

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
    timed: TimedFaults = msgspec.field(
        default_factory=lambda: TimedFaults(FaultInjector(), NullActions())
    )
    limits: RateLimits = msgspec.field(default_factory=RateLimits)
    deposit_wallets_only: bool = False
    requests: RequestLog | None = None

    @property
    def exchange(self) -> SimulatedExchange:
        """The engine."""
        return self.world.exchange

    @property
    def ledger(self) -> Ledger:
        """The books."""
        return self.world.exchange.ledger

    @property
    def faults(self) -> FaultInjector:
        """The faults in force."""
        return self.timed.injector

    def wall_s(self) -> int:
        """Return wall time in UTC seconds as the exchange knows it: a fault may skew it."""
        skewed = self.timed.active(Fault.CLOCK_SKEW, self.exchange.now_ns)
        return self.clock.now_ns() // _NS_PER_S + (skewed.skew_s if skewed else 0)

    def limit(self, request: web.Request, signer: str, bucket: Bucket, cost: int) -> None:
        """Count a request against its signer's limits, or refuse it."""
        admission = self.limits.take(
            signer,
            bucket,
            cost,
            mono_ns=self.clock.monotonic_ns(),
            wall_ns=self.clock.now_ns(),
        )
        if not admission.admitted:
            raise Refused(TOO_MANY, texts.TOO_MANY_REQUESTS, headers=admission.headers)
        request[RESPONSE_HEADERS] = admission.headers

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

    def __init__(
        self,
        status: int,
        text: str,
        *,
        code: str = "",
        retry_after_s: int = 0,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(text)
        self.status = status
        self.text = text
        self.code = code
        self.retry_after_s = retry_after_s
        self.headers = headers or {}


def answer(value: object, status: int = OK) -> web.Response:
    """Write a value as JSON."""
    return web.Response(body=encode(value), status=status, content_type="application/json")


def body_of(data: bytes, wanted: type[Wire]) -> Wire:
    """Read a request's body, or refuse it."""
    try:
        return decode(data, wanted)
    except ProtocolError as error:
        raise Refused(BAD_REQUEST, texts.INVALID_ORDER_PAYLOAD) from error
