"""The gateway: what it asks before an order (nothing), and what a POST costs beside httpx."""

import contextlib
import subprocess
import sys
import tempfile
import threading
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter_ns, process_time_ns

import httpx
from msgspec.structs import replace

from polybot.adapters.clob_gateway import ClobGateway
from polybot.adapters.clock import SystemClock
from polybot.adapters.http_transport import HttpTransport, TransportTuning
from polybot.exchange.http_calls import HttpAnswer, HttpCall
from polybot.exchange.l2_auth import RequestSigner
from polybot.exchange.signing import OrderSigner
from polybot.ports import PostAnswer, SignedOrder
from tests.bench.calls_heard import CallsHeard
from tests.bench.harness import Budget, Row, interleave, microseconds
from tests.bench.sample_market import API, MARKET, PRIVATE_KEY
from tests.bench.tls_server import ANSWER
from tests.bench.trading_stand import TradingStand
from tests.throw_away_ca import ThrowAwayCa, make_ca

BURST = 60
NO_CALLS = Budget(0, unit="calls")
LESS_CPU = Budget(1.8, at_least=True)
LATER_S = 301
ORDER_ID = f"0x{0xAB:064x}"
# About as long as a real order.
BODY = b'{"order":{"salt":479249096354,"maker":"0x%s"},"pad":"%s"}' % (b"ab" * 20, b"x" * 620)


def measure(rounds: int) -> list[Row]:
    """Return the rows: calls before a POST, and the processor time of a POST over TLS."""
    with tempfile.TemporaryDirectory() as directory:
        asked = calls_before_the_post(Path(directory) / "stand")
        with _tls_server(Path(directory)) as (authority, port):
            row = _round_trips(authority, port, rounds)
    most = max(asked.values())
    beside = ", ".join(f"{situation}: {calls}" for situation, calls in asked.items())
    return [
        Row(
            name="calls before the POST, after warm-up",
            unit="calls",
            ours=most,
            budget=NO_CALLS,
            beside=beside,
        ),
        row,
    ]


class ShiftedClock(SystemClock):
    """The real clock, ahead by as much as a measurement says."""

    def __init__(self) -> None:
        self.ahead_ns = 0

    def now_ns(self) -> int:
        return super().now_ns() + self.ahead_ns

    def monotonic_ns(self) -> int:
        return super().monotonic_ns() + self.ahead_ns


@dataclass(slots=True)
class Plugged:
    """The trader's own transport, with the calls that were made of it."""

    inner: HttpTransport
    calls: list[HttpCall] = field(default_factory=list)
    sent_ns: int = 0

    def send(self, call: HttpCall, done: Callable[[HttpAnswer], None]) -> None:
        self.sent_ns = perf_counter_ns()
        self.calls.append(call)
        self.inner.send(call, done)

    def warm(self, path: str = "/ok") -> None:
        self.inner.warm(path)


def calls_before_the_post(directory: Path, plug: type[Plugged] = Plugged) -> dict[str, int]:
    """Return, by situation, the calls a server hears with an entry besides its one POST.

    A connection that had to be opened for it counts as a call.
    """
    directory.mkdir()
    clock = ShiftedClock()
    with CallsHeard(ANSWER) as server:
        transport = HttpTransport(
            "orders", lambda: server.url, connections=1, timeout_s=5.0, user_agent="polybot/bench"
        )
        stand = TradingStand(directory, wire=plug(transport), clock=clock)
        transport.warm()
        server.wait_for(1)
        fine = replace(MARKET, tick_bps=10)
        found = {"warm": _besides(stand, server)}
        clock.ahead_ns = LATER_S * 1_000_000_000
        found[f"{LATER_S} s later"] = _besides(stand, server)
        found["after a tick change"] = _besides(stand, server, lambda: stand.enter_durably(fine))
        transport.close()
        stand.close()
    return found


def _besides(
    stand: TradingStand, server: CallsHeard, enter: Callable[[], int] | None = None
) -> int:
    calls, connections = len(server.heard), server.connections
    (enter or stand.enter_durably)()
    server.wait_for(calls + 1)
    new = server.heard[calls:]
    assert "POST /order" in new, f"expected an order, was {new}"
    assert stand.reads.calls == [], f"expected no read, was {stand.reads.calls}"
    return len(new) - 1 + server.connections - connections


@contextlib.contextmanager
def _tls_server(directory: Path) -> Iterator[tuple[ThrowAwayCa, int]]:
    authority = make_ca(directory)
    command = [sys.executable, "-m", "tests.bench.tls_server"]
    files = [str(authority.certificate), str(authority.key)]
    with subprocess.Popen(
        [*command, *files], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as server:
        try:
            yield authority, int(server.stdout.readline())
        finally:
            server.stdin.close()
            server.wait(10)


class Ours:
    """The gateway over its transport: request signed, answer read and typed."""

    def __init__(self, authority: ThrowAwayCa, port: int) -> None:
        self._woken = threading.Event()
        self._transport = HttpTransport(
            "orders",
            lambda: f"https://127.0.0.1:{port}",
            connections=1,
            timeout_s=5.0,
            user_agent="polybot/bench",
            tuning=TransportTuning(tls=authority.client_context()),
        )
        self._gateway = ClobGateway(
            RequestSigner(OrderSigner(PRIVATE_KEY).address, API),
            orders=self._transport,
            reads=self._transport,
            snapshots=lambda *_: None,
            clock=SystemClock(),
            wake=self._woken.set,
            answers=deque(),
        )

    def post(self) -> None:
        self._gateway.post(SignedOrder(ORDER_ID, BODY))
        self._woken.wait(5)
        self._woken.clear()
        assert self._gateway.take() == [PostAnswer(ORDER_ID, None, status="live")]

    def close(self) -> None:
        self._transport.close()


class Peer:
    """What the official clients send with: httpx over HTTP/2, the answer parsed as JSON."""

    def __init__(self, authority: ThrowAwayCa, port: int) -> None:
        self._client = httpx.Client(http2=True, verify=authority.client_context())
        self._url = f"https://127.0.0.1:{port}/order"
        self._headers = RequestSigner(OrderSigner(PRIVATE_KEY).address, API).headers(
            1_795_000_000, "POST", "/order", BODY
        ) | {"Content-Type": "application/json", "User-Agent": "py_clob_client_v2"}

    def post(self) -> None:
        answer = self._client.post(self._url, content=BODY, headers=self._headers)
        assert answer.http_version == "HTTP/2"
        assert answer.json()["orderID"] == ORDER_ID

    def close(self) -> None:
        self._client.close()


def _round_trips(authority: ThrowAwayCa, port: int, rounds: int) -> Row:
    ours, peer = Ours(authority, port), Peer(authority, port)
    taken = interleave(
        {"ours": lambda: _spent(ours.post), "peer": lambda: _spent(peer.post)},
        rounds=rounds,
        burst=BURST,
    )
    waited = interleave(
        {"ours": lambda: _waited(ours.post), "peer": lambda: _waited(peer.post)},
        rounds=1,
        burst=BURST,
    )
    ours.close()
    peer.close()
    return Row(
        name="POST over TLS, processor time of the client",
        unit="us",
        ours=microseconds(taken.median_ns("ours")),
        peer=microseconds(taken.median_ns("peer")),
        ratio=taken.ratio("peer", "ours"),
        budget=LESS_CPU,
        beside=f"round trip {microseconds(waited.median_ns('ours')):.0f} us, "
        f"the peer's {microseconds(waited.median_ns('peer')):.0f} us",
    )


def _spent(post: Callable[[], None]) -> int:
    begin = process_time_ns()
    post()
    return process_time_ns() - begin


def _waited(post: Callable[[], None]) -> int:
    begin = perf_counter_ns()
    post()
    return perf_counter_ns() - begin
