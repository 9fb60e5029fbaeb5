"""A stub exchange with a transport to it; for adapters that turn answers into our own words."""

import queue
from collections.abc import Callable
from typing import Any

from polybot.adapters.http_transport import HttpTransport
from tests.http_stub import Answer, StubRequest, StubServer

# Far longer than loopback needs: only a broken test waits so long.
PATIENCE_S = 5.0


class StubExchange:
    """A stub on loopback, one connection to it, and a mailbox for what comes back.

    `told` is what it answers; a function answers request by request.
    """

    def __init__(self) -> None:
        self.told: Answer | Callable[[StubRequest], Answer] = (200, {})
        self.stub = StubServer(self._answer)
        self.transport = HttpTransport(
            "test",
            lambda: self.stub.url,
            connections=1,
            timeout_s=PATIENCE_S,
            user_agent="polybot/test",
        )
        self._mail: queue.SimpleQueue[Any] = queue.SimpleQueue()

    def put(self, value: Any = None) -> None:
        """Take what an adapter hands over, in a thread of the transport."""
        self._mail.put(value)

    def wait(self) -> Any:
        """Return what was handed over next."""
        return self._mail.get(timeout=PATIENCE_S)

    def asked(self) -> list[tuple[str, str]]:
        """Return method and path of every request so far."""
        return [(request.method, request.path) for request in self.stub.requests]

    def close(self) -> None:
        """Stop the transport and the stub."""
        self.transport.close()
        self.stub.close()

    def _answer(self, request: StubRequest) -> Answer:
        return self.told(request) if callable(self.told) else self.told
