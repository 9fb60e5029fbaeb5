"""Warm HTTP/1.1 connections to one host, used from threads so that the work loop never waits.

`http.client` costs a third of the processor time of the official clients' httpx (measured by
`make bench`), and says exactly when bytes have left: a connection that cannot be opened has sent
nothing, anything later may have reached the exchange.
"""

import http.client
import queue
import ssl
import threading
from collections.abc import Callable
from urllib.parse import urlencode, urlsplit

from polybot.errors import OutcomeUnknown, Unavailable
from polybot.exchange.http_calls import HttpAnswer, HttpCall

Connection = http.client.HTTPConnection


class HttpTransport:
    """A few threads, each with its own kept-alive connection.

    `base_url` is asked for at each new connection, because a simulator's port is known only while
    it runs; None means that nobody listens. Reads on a connection the server had closed meanwhile
    are sent again on a fresh one; a POST or DELETE never is.
    """

    def __init__(
        self,
        name: str,
        base_url: Callable[[], str | None],
        *,
        connections: int,
        timeout_s: float,
        user_agent: str,
    ) -> None:
        self._name = name
        self._base_url = base_url
        self._timeout_s = timeout_s
        self._headers = {"User-Agent": user_agent, "Accept": "application/json"}
        self._work: queue.SimpleQueue[tuple[HttpCall, Callable[[HttpAnswer], None]] | None]
        self._work = queue.SimpleQueue()
        self._threads = [
            threading.Thread(target=self._run, name=f"{name}-{index}", daemon=True)
            for index in range(connections)
        ]
        for thread in self._threads:
            thread.start()

    def send(self, call: HttpCall, done: Callable[[HttpAnswer], None]) -> None:
        """Queue a request; `done` is called once, in a thread of the transport."""
        self._work.put((call, done))

    def warm(self, path: str = "/ok") -> None:
        """Use every connection once, so that the next order finds none stale."""
        for _ in self._threads:
            self.send(HttpCall("GET", path), _ignore)

    def close(self) -> None:
        """Stop the threads after what is queued."""
        for _ in self._threads:
            self._work.put(None)

    def _run(self) -> None:
        connection: Connection | None = None
        while (item := self._work.get()) is not None:
            call, done = item
            connection, answer = self._exchange(connection, call)
            done(answer)
        if connection is not None:
            connection.close()

    def _exchange(
        self, connection: Connection | None, call: HttpCall
    ) -> tuple[Connection | None, HttpAnswer]:
        reused = connection is not None
        if connection is None:
            try:
                connection = self._connect()
            except (OSError, ValueError, Unavailable) as error:
                return None, HttpAnswer(None, error=Unavailable(f"{self._name}: {error}"))
        try:
            return self._ask(connection, call)
        except (OSError, ValueError, http.client.HTTPException) as error:
            connection.close()
            # Slow is not stale: what ran into the deadline once would do so twice.
            if reused and call.method == "GET" and not isinstance(error, TimeoutError):
                return self._exchange(None, call)
            message = f"{self._name}: {call.method} {call.path}: {type(error).__name__}: {error}"
            return None, HttpAnswer(None, error=OutcomeUnknown(message, code="no_answer"))

    def _connect(self) -> Connection:
        url = self._base_url()
        if not url:
            raise Unavailable("expected an exchange to talk to, was none listening yet")
        parts = urlsplit(url)
        host = parts.hostname or ""
        connection: Connection
        if parts.scheme == "https":
            context = ssl.create_default_context()
            connection = http.client.HTTPSConnection(
                host, parts.port, timeout=self._timeout_s, context=context
            )
        else:
            connection = http.client.HTTPConnection(host, parts.port, timeout=self._timeout_s)
        connection.connect()
        return connection

    def _ask(self, connection: Connection, call: HttpCall) -> tuple[Connection | None, HttpAnswer]:
        path = f"{call.path}?{urlencode(call.query)}" if call.query else call.path
        headers = self._headers | call.headers
        if call.body:
            headers["Content-Type"] = "application/json"
        connection.request(call.method, path, body=call.body or None, headers=headers)
        response = connection.getresponse()
        body = response.read()
        answer = HttpAnswer(response.status, body, response.headers.get("Retry-After", ""))
        if response.will_close:
            connection.close()
            return None, answer
        return connection, answer


def _ignore(_answer: HttpAnswer) -> None:
    """Drop the answer of a keep-warm request: only its connection matters."""
