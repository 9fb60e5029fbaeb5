"""One order signed, built and authenticated, beside both official clients and a bare signature."""

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
from polybot.exchange.order_hash import SignatureType
from polybot.exchange.signing import OrderSigner
from tests.bench.harness import Budget, Rounds, Row, interleave, microseconds
from tests.bench.official import (
    check_peer_is_at_its_best,
    check_request,
    check_same_order,
    check_same_terms,
)
from tests.bench.peer_bot import OfflineClient
from tests.bench.polymarket_process import PolymarketProcess, wallet_of
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

    def __init__(self, kind: SignatureType = SignatureType.EOA) -> None:
        key = OrderSigner(PRIVATE_KEY)
        self.wire = Unplugged()
        self._clock = SystemClock()
        self._signer = WalletOrderSigner(
            key, funder=wallet_of(kind), signature_type=int(kind), owner=API.api_key
        )
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
    """Return one row for each peer, and one for what a deposit wallet costs more."""
    check_peer_is_at_its_best()
    unified = PolymarketProcess(SignatureType.EOA, BURST)
    unified_deposit = PolymarketProcess(SignatureType.POLY_1271, BURST)
    try:
        return _measure(rounds, unified, unified_deposit)
    finally:
        unified.close()
        unified_deposit.close()


def _measure(
    rounds: int, unified: PolymarketProcess, unified_deposit: PolymarketProcess
) -> list[Row]:
    ours, deposit, theirs, bare = Ours(), Ours(SignatureType.POLY_1271), Theirs(), Bare()
    gc.collect()
    gc.freeze()
    sides = {
        "ours": ours.step,
        "client": theirs.step,
        "bare": bare.step,
        "deposit": deposit.step,
        "unified": unified.step,
        "unified deposit": unified_deposit.step,
    }
    taken = interleave(sides, rounds=rounds, burst=BURST)
    check_request(ours.wire.calls[0])
    check_same_order(ours.wire.calls[0], theirs.client.posted[0][1])
    check_same_terms(ours.wire.calls[0], unified.check())
    check_same_terms(deposit.wire.calls[0], unified_deposit.check())
    least, most = Budget(8, at_least=True), Budget(2)
    return [
        _row(taken, "sign + body + headers vs py-clob-client-v2", ("ours", "client"), least),
        _row(taken, "sign + body + headers vs polymarket-client", ("ours", "unified"), least),
        _row(taken, "the same from deposit wallets", ("deposit", "unified deposit"), least),
        _row(taken, "sign + body + headers vs bare signature", ("ours", "bare"), most),
        _row(taken, "deposit wallet vs plain key", ("deposit", "ours"), Budget(1.35)),
    ]


def _row(taken: Rounds, name: str, sides: tuple[str, str], budget: Budget) -> Row:
    """Return the row of our side and a peer's, named in this order."""
    ours, peer = sides
    return Row(
        name=name,
        unit="us",
        ours=microseconds(taken.median_ns(ours)),
        peer=microseconds(taken.median_ns(peer)),
        ratio=taken.ratio(peer, ours) if budget.at_least else taken.ratio(ours, peer),
        budget=budget,
    )
