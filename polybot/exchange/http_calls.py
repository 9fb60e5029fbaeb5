"""One HTTP request and its answer, as adapters hand them to a transport."""

from collections.abc import Callable
from typing import Protocol

import msgspec

from polybot.errors import ExchangeError


class HttpCall(msgspec.Struct, frozen=True):
    """One request: `path` without the query, `body` the exact bytes, `headers` final.

    `guard` is asked when nothing but sending is left to do; a reason from it, instead of "", keeps
    the request from being sent.
    """

    method: str
    path: str
    query: dict[str, str] = msgspec.field(default_factory=dict)
    body: bytes = b""
    headers: dict[str, str] = msgspec.field(default_factory=dict)
    guard: Callable[[], str] | None = None


class HttpAnswer(msgspec.Struct, frozen=True):
    """An answer, or the typed error that says whether the request can have been carried out.

    `retry_after`, `remaining` and `warning` are the headers Retry-After, Poly-RateLimit-Remaining
    and Poly-RateLimit-Warning as they came, "" where they did not.
    """

    status: int | None
    body: bytes = b""
    retry_after: str = ""
    error: ExchangeError | None = None
    remaining: str = ""
    warning: str = ""


class Transport(Protocol):
    """Sends requests over warm connections, without making the caller wait."""

    def send(self, call: HttpCall, done: Callable[[HttpAnswer], None]) -> None:
        """Queue a request; `done` is called once, in another thread."""

    def warm(self, path: str = "/ok") -> None:
        """Use every connection once, so that the next order finds none stale."""
