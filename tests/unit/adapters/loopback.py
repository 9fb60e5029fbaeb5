"""A small HTTP server on loopback that answers, hangs up, resets or is silent, as a test wants."""

import contextlib
import json
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from polybot.adapters.http_transport import HttpTransport

Answer = TypeVar("Answer")
RESET, CLOSE, HANG = b"reset", b"close", b"hang"
# A hard close: the peer sees a reset, not an end.
_NO_LINGER = struct.pack("ii", 1, 0)


@dataclass(frozen=True, slots=True)
class Heard:
    """One request as it arrived; `connection` counts connections from 1."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes
    connection: int

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]


@dataclass(slots=True)
class Told:
    """What to answer: raw bytes, then perhaps an end of the connection (RESET, CLOSE, HANG)."""

    raw: bytes = b""
    then: bytes = b""


def answer(body: Any, status: int = 200, *, then: bytes = b"", **headers: str) -> Told:
    """Return an answer; a body that is not bytes is sent as JSON."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(data)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return Told("\r\n".join([*lines, "", ""]).encode() + data, then)


@dataclass(slots=True)
class LoopbackServer:
    """Serves each connection on a thread; `handler` says what to answer to each request."""

    handler: Callable[[Heard], Told] = lambda _: answer({})
    tls: ssl.SSLContext | None = None
    heard: list[Heard] = field(default_factory=list)
    connections: int = 0
    _listener: socket.socket = field(init=False)
    _open: list[socket.socket] = field(default_factory=list)
    _stopped: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self) -> str:
        scheme = "https" if self.tls else "http"
        return f"{scheme}://127.0.0.1:{self._listener.getsockname()[1]}"

    def requests(self) -> list[tuple[str, str]]:
        return [(heard.method, heard.path) for heard in self.heard]

    def stop(self) -> None:
        self._stopped.set()
        # Closing alone would leave the thread that accepts waiting for ever; a test may stop twice.
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for each in self._open:
            each.close()

    def hang_up(self) -> None:
        """Close every idle connection, as a server does that had enough of waiting."""
        for each in self._open:
            each.shutdown(socket.SHUT_RDWR)
            each.close()
        self._open.clear()

    def _accept(self) -> None:
        while not self._stopped.is_set():
            try:
                peer, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self._open.append(peer)
            threading.Thread(target=self._serve, args=(peer, self.connections), daemon=True).start()

    def _serve(self, peer: socket.socket, number: int) -> None:
        # The client may hang up at any moment, and some tests are about just that.
        with contextlib.suppress(OSError, ValueError):
            if self.tls is not None:
                wrapped = self.tls.wrap_socket(peer, server_side=True)
                self._open[self._open.index(peer)] = wrapped
                peer = wrapped
            self._converse(peer, number)
        peer.close()

    def _converse(self, peer: socket.socket, number: int) -> None:
        with peer.makefile("rb") as stream:
            while (request := _read(stream, number)) is not None:
                self.heard.append(request)
                told = self.handler(request)
                if told.raw:
                    peer.sendall(told.raw)
                if told.then == HANG:
                    self._stopped.wait(10)
                if told.then == RESET:
                    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
                if told.then:
                    # The reader's own reference must go too, or nothing is closed.
                    break


def _read(stream: Any, number: int) -> Heard | None:
    first = stream.readline().decode().split()
    if len(first) < 2:
        return None
    headers = {}
    while line := stream.readline().strip():
        name, _, value = line.decode().partition(":")
        headers[name.strip().title()] = value.strip()
    body = stream.read(int(headers.get("Content-Length", "0")))
    return Heard(first[0], first[1], headers, body, number)


def transport_to(server: LoopbackServer, *, connections: int = 2) -> HttpTransport:
    """Return a transport to a server; one that hangs is given up after a moment."""
    return HttpTransport(
        "test",
        lambda: server.url,
        connections=connections,
        timeout_s=0.5,
        user_agent="polybot/test",
    )


def wait_until(condition: Callable[[], object], timeout_s: float = 5.0) -> None:
    """Wait for what happens on another thread."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.001)


def collect(take: Callable[[], list[Answer]], count: int = 1) -> list[Answer]:
    """Wait for so many answers of a port and return them."""
    answers: list[Answer] = []

    def enough() -> bool:
        answers.extend(take())
        return len(answers) >= count

    wait_until(enough)
    return answers
