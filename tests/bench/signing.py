"""One order signed, built and authenticated, beside the official client and a bare signature."""

import gc
from time import perf_counter_ns

import coincurve
from py_clob_client_v2 import MarketOrderArgs, OrderType, PartialCreateOrderOptions

from polybot.adapters.clob_gateway import ClobGateway
from polybot.adapters.clock import SystemClock
from polybot.adapters.order_signer import WalletOrderSigner
from polybot.domain.market import Outcome
from polybot.domain.order import Order, Side
from polybot.domain.order import OrderType as Lifetime
from polybot.exchange.l2_auth import RequestSigner
from polybot.exchange.signing import OrderSigner
from tests.bench.harness import Budget, Row, interleave, microseconds
from tests.bench.official import check_peer_is_at_its_best, check_request, check_same_order
from tests.bench.peer_bot import OfflineClient
from tests.bench.sample_market import API, MARKET, PRIVATE_KEY, TOKEN_UP
from tests.bench.trading_stand import Unplugged

BURST = 100
ORDER = Order(
    intent_id="i-bench-1",
    venue_order_id="",
    agent="capture",
    slug=MARKET.slug,
    token_id=TOKEN_UP,
    outcome=Outcome.UP,
    side=Side.BUY,
    order_type=Lifetime.FAK,
    price_bps=9800,
    size_shares=24_744_897,
    budget_usdc=24_250_000,
    created_ns=MARKET.open_ns,
    purpose="entry",
)


class Ours:
    """The trader's signer and gateway, without a network behind them."""

    def __init__(self) -> None:
        key = OrderSigner(PRIVATE_KEY)
        self.wire = Unplugged()
        self._clock = SystemClock()
        self._signer = WalletOrderSigner(key, funder="", signature_type=0, owner=API.api_key)
        self._gateway = ClobGateway(
            RequestSigner(key.address, API),
            orders=self.wire,
            reads=self.wire,
            snapshots=lambda *_: None,
            clock=self._clock,
            wake=lambda: None,
        )
        self._salt = 0

    def step(self) -> int:
        """Make one request and return the nanoseconds that took."""
        self.wire.calls.clear()
        self._salt += 1
        begin = perf_counter_ns()
        timestamp_ms = self._clock.now_ns() // 1_000_000
        signed = self._signer.sign(
            ORDER, MARKET, salt=self._salt, timestamp_ms=timestamp_ms, post_only=False
        )
        self._gateway.post(signed)
        return self.wire.sent_ns - begin


class Theirs:
    """The official client, its answers canned and its caches warm."""

    def __init__(self) -> None:
        self.client = OfflineClient()
        self._options = PartialCreateOrderOptions(tick_size="0.01", neg_risk=False)

    def step(self) -> int:
        """Make one request and return the nanoseconds that took."""
        self.client.posted.clear()
        begin = perf_counter_ns()
        arguments = MarketOrderArgs(
            token_id=TOKEN_UP, amount=24.25, side="BUY", price=0.98, order_type=OrderType.FAK
        )
        order = self.client.create_market_order(arguments, self._options)
        self.client.post_order(order, OrderType.FAK)
        return self.client.sent_ns - begin


class Bare:
    """Nothing but the signature: what no program on this library can be faster than."""

    def __init__(self) -> None:
        self._key = coincurve.PrivateKey.from_hex(PRIVATE_KEY[2:])
        self._digest = bytes(range(32))

    def step(self) -> int:
        """Sign 32 bytes and return the nanoseconds that took."""
        begin = perf_counter_ns()
        self._key.sign_recoverable(self._digest, hasher=None)
        return perf_counter_ns() - begin


def measure(rounds: int) -> list[Row]:
    """Return one row for each of the two peers."""
    check_peer_is_at_its_best()
    ours, theirs, bare = Ours(), Theirs(), Bare()
    gc.collect()
    gc.freeze()
    taken = interleave(
        {"ours": ours.step, "client": theirs.step, "bare": bare.step}, rounds=rounds, burst=BURST
    )
    check_request(ours.wire.calls[0])
    check_same_order(ours.wire.calls[0], theirs.client.posted[0][1])
    ours_us = microseconds(taken.median_ns("ours"))
    return [
        Row(
            name="sign + body + headers vs official client",
            unit="us",
            ours=ours_us,
            peer=microseconds(taken.median_ns("client")),
            ratio=taken.ratio("client", "ours"),
            budget=Budget(8, at_least=True),
        ),
        Row(
            name="sign + body + headers vs bare signature",
            unit="us",
            ours=ours_us,
            peer=microseconds(taken.median_ns("bare")),
            ratio=taken.ratio("ours", "bare"),
            budget=Budget(2),
        ),
    ]
