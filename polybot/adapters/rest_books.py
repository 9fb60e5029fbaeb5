"""Asks the exchange's book route for whole books."""

from collections import deque
from collections.abc import Callable

from polybot.errors import ExchangeError
from polybot.exchange.answers import body_of
from polybot.exchange.http_calls import HttpAnswer, HttpCall, Transport
from polybot.ports import BookReply


class RestBooks:
    """Answers come from the transport's threads; `wake` tells the service that one is there."""

    def __init__(self, transport: Transport, *, wake: Callable[[], None]) -> None:
        self._transport = transport
        self._wake = wake
        self._replies: deque[BookReply] = deque()

    def request(self, token_id: str) -> None:
        """Ask for a token's book."""
        call = HttpCall("GET", "/book", {"token_id": token_id})
        self._transport.send(call, lambda answer: self._done(token_id, answer))

    def take(self) -> list[BookReply]:
        """Return the answers that arrived since the last call."""
        taken = []
        while self._replies:
            taken.append(self._replies.popleft())
        return taken

    def _done(self, token_id: str, answer: HttpAnswer) -> None:
        self._replies.append(_reply(token_id, answer))
        self._wake()


def _reply(token_id: str, answer: HttpAnswer) -> BookReply:
    try:
        return BookReply(token_id, body_of(answer))
    except ExchangeError as error:
        return BookReply(token_id, error=error)
