"""Warm HTTP/1.1 connections to one host, used from threads so that the work loop never waits.

`http.client` costs a third of the processor time of the official clients' httpx (measured by
`make bench`), and says exactly when bytes have left: a connection that cannot be opened has sent
nothing, anything later may have reached the exchange.
"""

from __future__ import annotations

import queue
import select
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlencode, urlsplit

from polybot.errors import OutcomeUnknown, RateLimited, Unavailable
from polybot.exchange.http_calls import HttpAnswer, HttpCall
from polybot.exchange.route_limits import RouteLimiter
from polybot.ports.crash_points import reach

# `http.client` brings the whole email package: 6 ms that the first connection pays, not each start.
if TYPE_CHECKING:
    from http.client import HTTPConnection as Connection
    from http.client import HTTPResponse

Done = Callable[[HttpAnswer], None]

MEBIBYTE = 1 << 20
WARM_PATH = "/ok"
_CHUNK = 1 << 16
# The code of a request that its own guard kept from being sent.
HELD_BACK = "held_back"


@dataclass(frozen=True, slots=True, kw_only=True)
class TransportTuning:
    """What few transports set; times in wall seconds.

    `connect_timeout_s` is the patience with a connection that does not open, None: that of a
    request. A connection idle for `warm_s` is used once, None: never. `tls` is the context for
    https, None: the system's certificate authorities. An answer of more than `max_bytes` is given
    up. `limiter` keeps requests below the exchange's own limits.
    """

    connect_timeout_s: float | None = None
    warm_s: float | None = None
    tls: ssl.SSLContext | None = None
    max_bytes: int = 16 * MEBIBYTE
    limiter: RouteLimiter | None = None


class HttpTransport:
    """A few threads, each with its own kept-alive connection.

    `base_url` is asked for at each new connection, because a simulator's port is known only while
    it runs; None means that nobody listens. A connection that the server closed while it was idle
    is replaced before anything is sent on it. Once a POST or DELETE may have left, it is never
    sent again; a read on a connection that broke is, on a fresh one.
    """

    def __init__(  # noqa: PLR0913 - what every transport must say; the rest is in `tuning`
        self,
        name: str,
        base_url: Callable[[], str | None],
        *,
        connections: int,
        timeout_s: float,
        user_agent: str,
        tuning: TransportTuning | None = None,
    ) -> None:
        self._name = name
        self._points = tuple(f"{name}.{moment}" for moment in ("sending", "sent", "answered"))
        self._base_url = base_url
        self._timeout_s = timeout_s
        self._tuning = tuning or TransportTuning()
        self._tls = self._tuning.tls
        self._headers = {
            "User-Agent": user_agent,
            "Accept": "application/json",
            "Accept-Encoding": "identity",
        }
        self._work: queue.SimpleQueue[tuple[HttpCall, Done] | None] = queue.SimpleQueue()
        self._threads = [
            threading.Thread(target=self._run, name=f"{name}-{index}", daemon=True)
            for index in range(connections)
        ]
        for thread in self._threads:
            thread.start()

    def send(self, call: HttpCall, done: Done) -> None:
        """Queue a request; `done` is called once, in a thread of the transport.

        One that would exceed the exchange's limits of its route is answered at once with
        RateLimited and was not sent.
        """
        limiter = self._tuning.limiter
        wait_s = limiter.take(call.path) if limiter else 0.0
        if wait_s:
            message = f"{self._name}: {call.path}: held back for the exchange's rate limit"
            error = RateLimited(message, status=None, retry_after_s=wait_s)
            done(HttpAnswer(None, error=error))
            return
        self._work.put((call, done))

    def warm(self, path: str = WARM_PATH) -> None:
        """Use all connections but one once: the next order finds one free, and none stale."""
        for _ in self._threads[1:] or self._threads:
            self._work.put((HttpCall("GET", path), _ignore))

    def close(self) -> None:
        """Stop the threads after what is queued."""
        for _ in self._threads:
            self._work.put(None)

    def _run(self) -> None:
        connection: Connection | None = None
        while True:
            try:
                item = self._work.get(timeout=self._tuning.warm_s)
            except queue.Empty:
                connection, _ = self._exchange(connection, HttpCall("GET", WARM_PATH))
                continue
            if item is None:
                break
            call, done = item
            connection, answer = self._exchange(connection, call)
            done(answer)
        if connection is not None:
            connection.close()

    def _exchange(
        self, connection: Connection | None, call: HttpCall
    ) -> tuple[Connection | None, HttpAnswer]:
        if connection is not None and _was_closed(connection):
            connection.close()
            connection = None
        reused = connection is not None
        if connection is None:
            try:
                connection = self._connect()
            except (OSError, ValueError, Unavailable) as error:
                return None, HttpAnswer(None, error=Unavailable(f"{self._name}: {_said(error)}"))
        from http.client import HTTPException  # noqa: PLC0415

        try:
            return self._ask(connection, call)
        except (OSError, ValueError, HTTPException) as error:
            connection.close()
            # Slow is not stale: what ran into the deadline once would do so twice.
            if reused and call.method == "GET" and not isinstance(error, TimeoutError):
                return self._exchange(None, call)
            message = (
                f"{self._name}: {call.method} {call.path}: {type(error).__name__}: {_said(error)}"
            )
            return None, HttpAnswer(None, error=OutcomeUnknown(message, code="no_answer"))

    def _connect(self) -> Connection:
        from http.client import HTTPConnection, HTTPSConnection  # noqa: PLC0415

        url = self._base_url()
        if not url:
            raise Unavailable("expected an exchange to talk to, was none listening yet")
        parts = urlsplit(url)
        host = parts.hostname or ""
        timeout_s = self._tuning.connect_timeout_s or self._timeout_s
        connection: Connection
        if parts.scheme == "https":
            # Loading the system's authorities takes longer than a handshake: once is enough.
            self._tls = self._tls or ssl.create_default_context()
            connection = HTTPSConnection(host, parts.port, timeout=timeout_s, context=self._tls)
        else:
            connection = HTTPConnection(host, parts.port, timeout=timeout_s)
        connection.connect()
        connection.timeout = self._timeout_s
        connection.sock.settimeout(self._timeout_s)
        return connection

    def _ask(self, connection: Connection, call: HttpCall) -> tuple[Connection | None, HttpAnswer]:
        path = f"{call.path}?{urlencode(call.query)}" if call.query else call.path
        headers = self._headers | call.headers
        if call.body:
            headers["Content-Type"] = "application/json"
        request = _made(connection, call, path, headers)
        reach(self._points[0])
        # Nothing stands between this question and the system's own sending.
        held_back = call.guard() if call.guard else ""
        if held_back:
            # It waits for the answer to a request that it believes was sent.
            connection.close()
            message = f"{self._name}: not sent: {held_back}"
            return None, HttpAnswer(None, error=Unavailable(message, code=HELD_BACK))
        connection.sock.sendall(request)
        reach(self._points[1])
        response = connection.getresponse()
        answer = HttpAnswer(
            response.status,
            self._body_of(response),
            response.headers.get("Retry-After", ""),
            remaining=response.headers.get("Poly-RateLimit-Remaining", ""),
            warning=response.headers.get("Poly-RateLimit-Warning", ""),
        )
        reach(self._points[2])
        if response.will_close:
            connection.close()
            return None, answer
        return connection, answer

    def _body_of(self, response: HTTPResponse) -> bytes:
        coding = response.headers.get("Content-Encoding", "identity")
        if coding != "identity":
            raise ValueError(f"expected an answer without content coding, was {coding!r}")
        limit = self._tuning.max_bytes
        if (response.length or 0) <= _CHUNK and not response.chunked:
            return response.read() if response.length is not None else _capped(response, limit)
        return _capped(response, limit)


def _made(connection: Connection, call: HttpCall, path: str, headers: dict[str, str]) -> bytes:
    """Let a connection make a request, and return its bytes instead of sending them.

    Head and body leave in one piece then: a process that is stopped has sent all of it, or nothing.
    """
    pieces: list[bytes] = []
    vars(connection)["send"] = pieces.append
    try:
        connection.request(call.method, path, body=call.body or None, headers=headers)
    finally:
        del vars(connection)["send"]
    return b"".join(pieces)


def _capped(response: HTTPResponse, limit: int) -> bytes:
    """Read a body that may be of any length, up to a limit; raises ValueError beyond it."""
    from http.client import IncompleteRead  # noqa: PLC0415

    parts: list[bytes] = []
    total = 0
    while part := response.read(_CHUNK):
        parts.append(part)
        total += len(part)
        if total > limit:
            raise ValueError(f"expected an answer of at most {limit} bytes, was longer")
    if response.length:
        raise IncompleteRead(b"", response.length)
    return b"".join(parts)


def _was_closed(connection: Connection) -> bool:
    """Say whether an idle connection has something to read: its end, or what nobody asked for."""
    watch = select.poll()
    watch.register(connection.sock, select.POLLIN)
    return bool(watch.poll(0))


def _ignore(_answer: HttpAnswer) -> None:
    """Drop the answer of a keep-warm request: only its connection matters."""


def _said(error: Exception) -> str:
    """Return an error in words, without the system's number."""
    return (isinstance(error, OSError) and error.strerror) or str(error)
