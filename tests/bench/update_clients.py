"""Websocket clients that read a market channel as fast as it comes, in a process of their own.

Run as `python -m tests.bench.update_clients URL CLIENTS SECONDS TOKEN...`; prints one JSON line.
"""

import base64
import json
import os
import selectors
import socket
import sys
import time
from urllib.parse import urlsplit

# What stands once in each row of a change, and two rows, one for each token, are one change.
ROW_MARK = b'"best_bid":'
ROWS_OF_A_CHANGE = 2
WARM_UP_S = 1.0


def open_client(url: str, tokens: list[str]) -> socket.socket:
    """Return a socket on which a subscription is open."""
    parts = urlsplit(url)
    opened = socket.create_connection((parts.hostname or "", parts.port or 0))
    key = base64.b64encode(os.urandom(16)).decode()
    opened.sendall(
        f"GET {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\nUpgrade: websocket\r\n"
        f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\n"
        "Sec-WebSocket-Version: 13\r\n\r\n".encode()
    )
    answer = opened.recv(4096)
    assert answer.startswith(b"HTTP/1.1 101"), answer
    opened.sendall(masked(json.dumps({"assets_ids": tokens, "type": "market"}).encode()))
    return opened


def masked(text: bytes) -> bytes:
    """Return a client's text frame; its mask is zero, which leaves the text as it is."""
    return bytes((0x81, 0x80 | 126)) + len(text).to_bytes(2, "big") + bytes(4) + text


def count_rows(clients: list[socket.socket], seconds: float) -> list[int]:
    """Read for a while; return how many rows each client got."""
    rows = dict.fromkeys(clients, 0)
    tails = dict.fromkeys(clients, b"")
    with selectors.DefaultSelector() as selector:
        for client in clients:
            selector.register(client, selectors.EVENT_READ)
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            for key, _ in selector.select(timeout=0.1):
                client = key.fileobj
                assert isinstance(client, socket.socket)
                data = tails[client] + client.recv(1 << 20)
                rows[client] += data.count(ROW_MARK)
                # A mark cut in two is found with the next piece.
                keep = len(ROW_MARK) - 1
                tails[client] = data[-keep:]
    return list(rows.values())


def main() -> None:
    """Read and print the figures: changes of books a second, for the slowest client and all."""
    url, count, seconds, *tokens = sys.argv[1:]
    clients = [open_client(url, tokens) for _ in range(int(count))]
    count_rows(clients, WARM_UP_S)
    began = time.monotonic()
    rows = count_rows(clients, float(seconds))
    took = time.monotonic() - began
    changes = [found / ROWS_OF_A_CHANGE / took for found in rows]
    print(json.dumps({"slowest": min(changes), "fastest": max(changes), "clients": len(changes)}))


if __name__ == "__main__":
    main()
