"""A simulated exchange behind a real loopback server, with clocks that move only when told to."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
from aiohttp import web
from aiohttp.test_utils import TestServer

from polybot.domain.market import Outcome
from polybot.domain.order import Side
from polybot.exchange.amounts import (
    OrderAmounts,
    OrderRules,
    limit_amounts,
    market_buy_amounts,
    market_sell_amounts,
)
from polybot.exchange.contracts import CTF_DOMAIN
from polybot.exchange.l1_auth import l1_headers
from polybot.exchange.l2_auth import ApiCredentials, RequestSigner
from polybot.exchange.order_hash import UnsignedOrder, WireSide
from polybot.exchange.signing import OrderSigner
from polybot.exchange.wire_codec import encode
from polybot.exchange.wire_orders import PostOrderBody, order_body
from polybot.simulator.api.desk import Desk
from polybot.simulator.api.heartbeats import HeartbeatWatch
from polybot.simulator.api.keyring import KeyRing
from polybot.simulator.api.rate_limits import LimitMode, RateLimits
from polybot.simulator.api.request_log import RequestLog
from polybot.simulator.books.ledger import Ledger
from polybot.simulator.drivers.driver import Act, IsSettled, Playlist
from polybot.simulator.engine.engine import SimulatedExchange
from polybot.simulator.engine.timers import ExchangeRules
from polybot.simulator.engine.window_book import WindowBook
from polybot.simulator.faults.actions import ExchangeActions
from polybot.simulator.faults.injector import FaultInjector
from polybot.simulator.faults.plan import make_plan
from polybot.simulator.faults.timed import TimedFaults
from polybot.simulator.feeds.hub import Hub
from polybot.simulator.happenings import Happening, ListWindow, SetBook
from polybot.simulator.market_clock import SegmentedClock
from polybot.simulator.recovery import replay_market, restore_ledger
from polybot.simulator.server import make_app
from polybot.simulator.world import World
from tests.fakes import FakeClock
from tests.unit.simulator.samples import (
    ASKS,
    BIDS,
    DOLLARS,
    MARKET,
    MINED_AFTER_2_S,
    SLUG,
    START,
)

KEY = "0x" + "11" * 32
OTHER_KEY = "0x" + "22" * 32


class MemoryLog:
    """A journal in memory; `synced` of its records would survive a kill."""

    def __init__(self, payloads: Iterable[bytes] = ()) -> None:
        self.payloads = list(payloads)
        self.synced = len(self.payloads)

    def append(self, payload: bytes) -> int:
        self.payloads.append(payload)
        return len(self.payloads)

    def sync(self) -> None:
        self.synced = len(self.payloads)

    def records_after(self, seq: int) -> Sequence[tuple[int, bytes]]:
        return list(enumerate(self.payloads, start=1))[seq:]


class ScriptedDriver:
    """A market that does what a test wrote down."""

    source = "a script"
    endless = False

    def __init__(self, happenings: Iterable[Happening], start_ns: int = START) -> None:
        self.start_ns = start_ns
        self._happenings = sorted(happenings, key=lambda happening: happening.ts_ns)
        self._playlist = Playlist(())
        self.seek(start_ns, lambda _: False)

    def seek(self, played_ns: int, is_settled: IsSettled) -> None:
        self._playlist = Playlist([Act(self.start_ns, lambda: iter(self._happenings))])

    def peek(self) -> Happening | None:
        return self._playlist.peek()

    def take_until(self, until_ns: int) -> list[Happening]:
        return self._playlist.take_until(until_ns)


def opening() -> list[Happening]:
    """One window, open and with a book, at the start."""
    return [ListWindow(START, MARKET), SetBook(START, SLUG, BIDS, ASKS)]


class Stand:
    """The parts of a simulator as its service puts them together, and HTTP clients of it."""

    def __init__(
        self,
        happenings: Iterable[Happening] = (),
        *,
        delay_ms: int = 0,
        log: MemoryLog | None = None,
        clock: FakeClock | None = None,
        faults: Sequence[dict[str, Any]] = (),
        limits: LimitMode = LimitMode.WARN,
        requests: RequestLog | None = None,
    ) -> None:
        self.clock = clock or FakeClock()
        self.log = log or MemoryLog()
        self.poked = 0
        driver = ScriptedDriver([*opening(), *happenings])
        ledger = restore_ledger(None, [payload for _, payload in self.log.records_after(0)])
        books: dict[str, WindowBook] = {}
        self.faults = FaultInjector(make_plan({"seed": 1, "rules": list(faults)}), START)
        self.hub = Hub(ledger, books, self.faults)
        rules = ExchangeRules(taker_delay_ns=delay_ms * 1_000_000, **MINED_AFTER_2_S)
        exchange = SimulatedExchange(ledger, rules, self.hub, books)
        replay_market(exchange, driver)
        market_clock = SegmentedClock(
            self.clock.monotonic_ns,
            start_ns=max(START, ledger.state.now_ns, ledger.state.lease_ns),
            speed=1.0,
        )
        self.world = World(
            clock=market_clock, driver=driver, exchange=exchange, log=self.log, outlet=self.hub
        )
        self.world.open()
        self.keys = KeyRing(exchange, secret=b"s", opening_balance_usdc=1000 * DOLLARS)
        self.heartbeats = HeartbeatWatch(exchange, self.clock.monotonic_ns())
        self.timed = TimedFaults(self.faults, ExchangeActions(exchange))
        self.desk = Desk(
            self.world,
            self.hub,
            self.keys,
            self.heartbeats,
            self.clock,
            self._poke,
            timed=self.timed,
            limits=RateLimits(limits),
            requests=requests,
        )
        self.url = ""
        self.session: aiohttp.ClientSession
        self.app: web.Application

    @property
    def ledger(self) -> Ledger:
        return self.world.exchange.ledger

    @property
    def market_ns(self) -> int:
        return self.world.exchange.now_ns

    def step(self, seconds: float = 0) -> None:
        """Let time pass and everything due happen, as the player does."""
        self.clock.advance(seconds)
        self.world.catch_up()
        self.world.commit()

    async def login(self, key: str = KEY) -> "Wallet":
        """Log a wallet in by L1."""
        signer = OrderSigner(key)
        headers = l1_headers(signer, timestamp_s=self.clock.now_ns() // 1_000_000_000)
        async with self.session.post("/auth/api-key", headers=headers) as response:
            credentials = ApiCredentials(**_snake(await response.json()))
        return Wallet(self, signer, credentials)

    async def get(self, path: str, **params: str) -> tuple[int, Any]:
        async with self.session.get(path, params=params) as response:
            return response.status, await response.json()

    def _poke(self) -> None:
        self.poked += 1


class Wallet:
    """A client of the stand that signs what it sends."""

    def __init__(self, stand: Stand, signer: OrderSigner, credentials: ApiCredentials) -> None:
        self.stand = stand
        self.signer = signer
        self.credentials = credentials
        self.requests = RequestSigner(signer.address, credentials)
        self.salt = 0

    def auth(self) -> dict[str, str]:
        """Return the credentials as the websockets take them."""
        return {
            "apiKey": self.credentials.api_key,
            "secret": self.credentials.secret,
            "passphrase": self.credentials.passphrase,
        }

    async def send(
        self, method: str, path: str, body: object = None, **params: str
    ) -> tuple[int, Any]:
        data = b"" if body is None else body if isinstance(body, bytes) else encode(body)
        now_s = self.stand.clock.now_ns() // 1_000_000_000
        headers = self.requests.headers(now_s, method, path, data)
        async with self.stand.session.request(
            method, path, data=data, params=params, headers=headers
        ) as response:
            return response.status, await response.json()

    def order(
        self,
        side: Side,
        price_bps: int,
        amount: int,
        *,
        kind: str = "GTC",
        outcome: Outcome = Outcome.UP,
        post_only: bool = False,
        expiration_s: int = 0,
    ) -> PostOrderBody:
        """Sign an order; `amount` is micro-dollars for a FOK or FAK BUY, else micro-shares."""
        rules = OrderRules(100)
        wire = WireSide[side.value]
        amounts: OrderAmounts
        if kind in ("GTC", "GTD"):
            amounts = limit_amounts(wire, price_bps, amount, rules)
        elif side is Side.BUY:
            amounts = market_buy_amounts(price_bps, amount, rules)
        else:
            amounts = market_sell_amounts(price_bps, amount, rules)
        self.salt += 1
        unsigned = UnsignedOrder(
            salt=self.salt,
            maker=self.signer.address,
            signer=self.signer.address,
            token_id=int(MARKET.token(outcome)),
            maker_amount=amounts.maker,
            taker_amount=amounts.taker,
            side=wire,
            timestamp_ms=self.stand.clock.now_ns() // 1_000_000,
        )
        signed = self.signer.sign_order(unsigned, CTF_DOMAIN)
        return PostOrderBody(
            order=order_body(signed, expiration_s=expiration_s),
            owner=self.credentials.api_key,
            order_type=kind,  # type: ignore[arg-type]
            post_only=post_only,
        )

    async def post(self, body: PostOrderBody) -> tuple[int, Any]:
        return await self.send("POST", "/order", body)

    async def post_held(self, body: PostOrderBody, seconds: float = 0.2) -> tuple[int, Any]:
        """Post an order that is held, and let its delay pass."""
        pokes = self.stand.poked
        posting = asyncio.create_task(self.post(body))
        await until(lambda: self.stand.poked > pokes or posting.done())
        self.stand.step(seconds)
        return await posting


@asynccontextmanager
async def standing(stand: Stand) -> AsyncIterator[Stand]:
    """Serve a stand on loopback."""
    stand.app = make_app(stand.desk)
    server = TestServer(stand.app)
    await server.start_server()
    stand.url = f"http://{server.host}:{server.port}"
    try:
        async with aiohttp.ClientSession(base_url=stand.url) as session:
            stand.session = session
            stand.step()
            yield stand
    finally:
        await server.close()


async def until(met: Callable[[], bool]) -> None:
    """Wait for something that has no event of its own."""
    async with asyncio.timeout(10):
        while not met():  # noqa: ASYNC110
            await asyncio.sleep(0.002)


def _snake(values: dict[str, str]) -> dict[str, str]:
    return {("api_key" if key == "apiKey" else key): value for key, value in values.items()}
