"""Posts signed orders to a simulated exchange as fast as it answers, from a process of its own.

Run as `python -m tests.bench.order_load URL ORDERS CONNECTIONS`; prints one JSON line.
"""

import json
import selectors
import socket
import sys
import time
import urllib.request
from typing import Any
from urllib.parse import urlsplit

from polybot.exchange.amounts import OrderRules, limit_amounts, market_buy_amounts
from polybot.exchange.contracts import CTF_DOMAIN
from polybot.exchange.l1_auth import l1_headers
from polybot.exchange.l2_auth import ApiCredentials, RequestSigner
from polybot.exchange.order_hash import UnsignedOrder, WireSide
from polybot.exchange.signing import OrderSigner
from polybot.exchange.wire_codec import encode
from polybot.exchange.wire_orders import PostOrderBody, order_body

KEY = "0x" + "6b" * 32
FIVE_SHARES = 5_000_000
TWO_DOLLARS = 2_000_000


def fetch(url: str, headers: dict[str, str] | None = None) -> Any:
    """Return what a route answers; with headers it is posted to."""
    data = b"" if headers else None
    asked = urllib.request.Request(url, data=data, headers=headers or {})  # noqa: S310
    with urllib.request.urlopen(asked, timeout=10) as answer:  # noqa: S310
        return json.loads(answer.read())


def requests(url: str, count: int) -> list[bytes]:
    """Return requests that post orders, half of which rest and half of which find nothing."""
    signer = OrderSigner(KEY)
    headers = l1_headers(signer, timestamp_s=int(time.time()), nonce=time.time_ns() % 2**31)
    made = fetch(f"{url}/auth/api-key", headers)
    credentials = ApiCredentials(
        api_key=made["apiKey"], secret=made["secret"], passphrase=made["passphrase"]
    )
    authenticated = RequestSigner(signer.address, credentials)
    market = max(fetch(f"{url}/markets?limit=50"), key=lambda row: row["endDate"])
    token = json.loads(market["clobTokenIds"])[0]
    written = []
    for number in range(count):
        rests = number % 2 == 0
        amounts = (
            limit_amounts(WireSide.BUY, 100, FIVE_SHARES, OrderRules(100))
            if rests
            else market_buy_amounts(100, TWO_DOLLARS, OrderRules(100))
        )
        unsigned = UnsignedOrder(
            salt=time.time_ns() % 2**50,
            maker=signer.address,
            signer=signer.address,
            token_id=int(token),
            maker_amount=amounts.maker,
            taker_amount=amounts.taker,
            side=WireSide.BUY,
            timestamp_ms=time.time_ns() // 1_000_000,
        )
        body = encode(
            PostOrderBody(
                order=order_body(signer.sign_order(unsigned, CTF_DOMAIN)),
                owner=credentials.api_key,
                order_type="GTC" if rests else "FAK",
            )
        )
        signed = authenticated.headers(int(time.time()), "POST", "/order", body)
        lines = [f"{name}: {value}" for name, value in signed.items()]
        lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
        head = "\r\n".join(["POST /order HTTP/1.1", f"Host: {urlsplit(url).netloc}", *lines])
        written.append(head.encode() + b"\r\n\r\n" + body)
    return written


class _Connection:
    """One kept connection that has at most one request under way."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self.socket = socket.create_connection((parts.hostname or "", parts.port or 0))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._received = b""

    def read(self) -> int:
        """Return the status of an answer that is complete, 0 while it is not."""
        self._received += self.socket.recv(65536)
        head, found, body = self._received.partition(b"\r\n\r\n")
        if not found:
            return 0
        _, _, rest = head.lower().partition(b"content-length: ")
        if len(body) < int(rest.partition(b"\r\n")[0]):
            return 0
        self._received = b""
        return int(head[9:12])


def post_all(url: str, written: list[bytes], connections: int) -> tuple[float, dict[int, int]]:
    """Send every request; return the seconds that took and how often each status came."""
    waiting = iter(written)
    statuses: dict[int, int] = {}
    with selectors.DefaultSelector() as selector:
        began = time.perf_counter()
        for _ in range(connections):
            connection = _Connection(url)
            connection.socket.sendall(next(waiting))
            selector.register(connection.socket, selectors.EVENT_READ, connection)
        while selector.get_map():
            for key, _ in selector.select():
                status = key.data.read()
                if not status:
                    continue
                statuses[status] = statuses.get(status, 0) + 1
                following = next(waiting, None)
                if following is None:
                    selector.unregister(key.fileobj)
                    key.data.socket.close()
                else:
                    key.data.socket.sendall(following)
        return time.perf_counter() - began, statuses


def main() -> None:
    """Post and print the figures."""
    url, count, connections = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    written = requests(url, count)
    seconds, statuses = post_all(url, written, connections)
    print(json.dumps({"seconds": seconds, "orders": count, "statuses": statuses}))


if __name__ == "__main__":
    main()
