"""What `polybot doctor`, `init` and `arm` ask: the exchange's hosts, behind calls that wait."""

import asyncio
import threading
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

from polybot.adapters.chain_rpc import ChainRpc
from polybot.adapters.channel_dialects import MarketDialect, PriceDialect, UserDialect
from polybot.adapters.clock import SystemClock
from polybot.adapters.exchange_probe import ExchangeProbe, Place, read_place
from polybot.adapters.gamma_catalog import GammaCatalog
from polybot.adapters.http_transport import HttpTransport
from polybot.adapters.storage.reader import LedgerReader
from polybot.adapters.wallet_probe import Holding, WalletProbe
from polybot.adapters.websocket_stream import Dialect, WebsocketStream
from polybot.bootstrap.endpoints import Endpoints
from polybot.bootstrap.http import USER_AGENT
from polybot.config.load import LoadedConfig
from polybot.domain.money import notional_usdc, parse_price, parse_shares
from polybot.domain.redemption import Unredeemed
from polybot.domain.window import current_window, next_window, parse_series
from polybot.errors import ExchangeError, OutcomeUnknown, PolybotError, Unavailable
from polybot.exchange.http_calls import HttpAnswer, HttpCall, Transport
from polybot.exchange.l2_auth import ApiCredentials
from polybot.exchange.waiting_call import ask
from polybot.ports import CatalogAnswer

# Somebody waits for the whole list: one question may not take longer.
ASK_S = 4.0
FRAME_S = 5.0
# A refused login closes the connection at once; one that holds this long was taken.
SETTLED_S = 0.4
_POLL_S = 0.02
# Frames that say a login or a subscription was taken are no data yet.
_ACKNOWLEDGED = (b'"op":"authed"', b'"op":"subscribed"')


def asking(transport: Transport, timeout_s: float = 2 * ASK_S) -> Callable[[HttpCall], HttpAnswer]:
    """Return a function that sends one request and waits for its answer, but not for ever."""
    return lambda call: ask(transport, call, timeout_s=timeout_s)


@dataclass(slots=True)
class RealSurroundings:
    """Asks every host the configuration names; what two checks need is asked once.

    `private_key`, `signature_type` and `credentials` are the account's; without them only the
    public routes work.
    """

    loaded: LoadedConfig
    private_key: str
    address: str
    signature_type: int
    credentials: ApiCredentials | None
    clock: SystemClock = field(default_factory=SystemClock)
    endpoints: Endpoints = field(init=False)
    _lock: threading.Lock = field(init=False, default_factory=threading.Lock)
    _catalog_lock: threading.Lock = field(init=False, default_factory=threading.Lock)
    _transports: dict[str, HttpTransport] = field(init=False, default_factory=dict)
    _offers: tuple[CatalogAnswer, ...] | None = field(init=False, default=None)
    _wallet: WalletProbe | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        self.endpoints = Endpoints(self.loaded)

    def version(self) -> int:
        """Return the order version the exchange takes."""
        return self.probe().version()

    def skew_s(self) -> float:
        """Return our wall time minus the exchange's in seconds."""
        return self.probe().skew_s()

    def fees(self, condition_id: str) -> tuple[Decimal, Decimal]:
        """Return fee rate and exponent of a market as the CLOB names them."""
        return self.probe().fees(condition_id)

    def place(self) -> Place:
        """Return where the exchange sees this machine."""
        path = urlsplit(self._url("geoblock_url")).path
        return read_place(self.ask("geoblock_url")(HttpCall("GET", path or "/")))

    def gas_wei(self) -> int:
        """Return the native coin of the key's own address in wei."""
        return self.chain().gas_wei(self.address)

    def api_keys(self) -> Sequence[str]:
        """Return the account's API keys."""
        return self.wallet().api_keys()

    def is_closed_only(self) -> bool:
        """Return whether the account may only sell."""
        return self.wallet().is_closed_only()

    def holding(self) -> Holding:
        """Return money and approvals of the configured wallet."""
        return self.wallet().holding(self.signature_type)

    def reserved_usdc(self) -> int:
        """Return the micro-dollars that open BUY orders may still take."""
        return sum(map(_reserved_usdc, self.wallet().open_orders()))

    def listed(self) -> tuple[CatalogAnswer, ...]:
        """Return what is listed for the current window of each followed series."""
        return self._catalog()[::2]

    def upcoming(self) -> tuple[CatalogAnswer, ...]:
        """Return what is listed for the next window of each followed series."""
        return self._catalog()[1::2]

    def now_ns(self) -> int:
        """Return wall time."""
        return self.clock.now_ns()

    def unredeemed(self) -> Sequence[Unredeemed]:
        """Return the winners not paid out yet, as our books know them."""
        path = self.loaded.locations.ledger_path
        if not path.exists():
            return ()
        with closing(LedgerReader.open(path)) as reader:
            return reader.funds(now_ns=self.now_ns()).unredeemed

    def first_frame_s(self, feed: str) -> float:
        """Return how long a feed (market, user, price) took to its first sign of life."""
        dialect = self._dialect(feed)
        subjects = self._subjects(feed)
        return asyncio.run(first_frame_s(self.stream(dialect, asyncio.Event()), subjects))

    def probe(self) -> ExchangeProbe:
        """Return the public routes of the CLOB."""
        return ExchangeProbe(self.ask("clob_url"), self.clock)

    def chain(self) -> ChainRpc:
        """Return a node of the chain."""
        return ChainRpc(self.ask("rpc_url"), urlsplit(self._url("rpc_url")).path)

    def wallet(self) -> WalletProbe:
        """Return the account's routes through the official client."""
        with self._lock:
            if self._wallet is None:
                self._wallet = WalletProbe(
                    self._url("clob_url"),
                    self.private_key,
                    chain_id=self.loaded.config.exchange.chain_id,
                    timeout_s=self._timeout_s(),
                )
                if self.credentials is not None:
                    self._wallet.use(self.credentials)
            return self._wallet

    def stream(self, dialect: Dialect, wake: asyncio.Event) -> WebsocketStream:
        """Return a stream that is not started yet."""
        return WebsocketStream(
            dialect,
            self.endpoints.resolver(f"ws_{dialect.name}_url"),
            wake=wake,
            clock=self.clock,
            seed=self.clock.monotonic_ns(),
            stale_s=None,
        )

    def user_stream(self, wake: asyncio.Event) -> WebsocketStream:
        """Return the account's own stream, not started yet."""
        return self.stream(UserDialect(lambda: self.credentials), wake)

    def ask(self, key: str) -> Callable[[HttpCall], HttpAnswer]:
        """Return a function that asks the host of a configuration key and waits."""
        with self._lock:
            if key not in self._transports:
                self._transports[key] = HttpTransport(
                    key.removesuffix("_url"),
                    self.endpoints.resolver(key),
                    connections=2,
                    timeout_s=self._timeout_s(),
                    user_agent=USER_AGENT,
                )
            return asking(self._transports[key])

    def close(self) -> None:
        """Close every connection."""
        for transport in self._transports.values():
            transport.close()
        if self._wallet is not None:
            self._wallet.close()

    def _timeout_s(self) -> float:
        return min(self.loaded.config.exchange.timeout_s, ASK_S)

    def _url(self, key: str) -> str:
        url = self.endpoints.url(key)
        if url is None:
            raise Unavailable(f"expected {key}, was none: is the simulator running?")
        return url

    def _catalog(self) -> tuple[CatalogAnswer, ...]:
        with self._catalog_lock:
            if self._offers is None:
                self._offers = tuple(self._ask_catalog())
            return self._offers

    def _ask_catalog(self) -> list[CatalogAnswer]:
        self.ask("gamma_url")
        heard = threading.Event()
        catalog = GammaCatalog(self._transports["gamma_url"], wake=heard.set)
        wanted = self._slugs()
        for slug in wanted:
            catalog.request(slug)
        answers: dict[str, CatalogAnswer] = {}
        while len(answers) < len(wanted):
            if not heard.wait(2 * ASK_S):
                raise OutcomeUnknown("market list: no answer", code="no_answer")
            heard.clear()
            answers |= {answer.slug: answer for answer in catalog.take()}
        return [answers[slug] for slug in wanted]

    def _slugs(self) -> list[str]:
        now_ns = self.clock.now_ns()
        windows = [
            current_window(parse_series(name), now_ns) for name in self.loaded.config.trader.series
        ]
        return [each.slug for window in windows for each in (window, next_window(window))]

    def _dialect(self, feed: str) -> Dialect:
        if feed == "market":
            return MarketDialect()
        kind = UserDialect if feed == "user" else PriceDialect
        return kind(lambda: self.credentials)

    def _subjects(self, feed: str) -> list[str]:
        if feed == "user":
            return []
        if feed == "price":
            series = map(parse_series, self.loaded.config.trader.series)
            return sorted({f"{each.asset}usd" for each in series})
        found = [answer.market for answer in self.listed() if answer.market is not None]
        if not found:
            raise ExchangeError("expected a market to watch, was none listed")
        return [found[0].token_up]


async def first_frame_s(stream: WebsocketStream, subjects: Sequence[str]) -> float:
    """Start a stream and return the seconds to its first data, or to a login that held.

    Raises ExchangeError with the reason when there is none within a few seconds.
    """
    loop = asyncio.get_running_loop()
    began = loop.time()
    stream.subscribe(subjects)
    await stream.start()
    why, connected_at = "no connection", 0.0
    try:
        while loop.time() - began < FRAME_S:
            for frame in stream.take():
                if frame.data:
                    compact = frame.data.replace(b" ", b"")
                    _refuse_error(frame.stream, compact)
                    if not any(mark in compact for mark in _ACKNOWLEDGED):
                        return loop.time() - began
                    continue
                connected_at = loop.time() if frame.state == "connected" else 0.0
                why = frame.state or why
            if connected_at and not subjects and loop.time() - connected_at >= SETTLED_S:
                return connected_at - began
            await asyncio.sleep(_POLL_S)
    finally:
        with suppress(PolybotError):
            await stream.stop()
    raise Unavailable(f"{stream.name} stream: no data within {FRAME_S:g} s ({why})")


def _reserved_usdc(row: dict[str, Any]) -> int:
    """Return what an open order as the exchange lists it may still take of the dollars."""
    try:
        if row["side"] != "BUY":
            return 0
        price_bps = parse_price(str(row["price"]))
        size, matched = str(row["original_size"]), str(row.get("size_matched") or 0)
    except KeyError as error:
        raise OutcomeUnknown(f"expected an open order with {error}, was none") from error
    return notional_usdc(price_bps, parse_shares(size) - parse_shares(matched))


def _refuse_error(stream: str, data: bytes) -> None:
    if b'"op":"error"' in data or data.startswith(b'{"error"'):
        raise ExchangeError(f"{stream} stream: {data[:200].decode(errors='replace')}")
