"""Reads official outcomes from the order book's service: the second route, beside the catalog."""

from collections import deque
from collections.abc import Callable

from polybot.errors import ExchangeError, ProtocolError
from polybot.exchange.answers import body_of
from polybot.exchange.http_calls import HttpAnswer, HttpCall, Transport
from polybot.exchange.wire_codec import decode
from polybot.exchange.wire_market import ClobMarket
from polybot.ports import CatalogAnswer

NOT_FOUND = 404


class ClobOutcomes:
    """Answers come from the transport's threads; `wake` tells the service that one is there."""

    def __init__(self, transport: Transport, *, wake: Callable[[], None]) -> None:
        self._transport = transport
        self._wake = wake
        self._answers: deque[CatalogAnswer] = deque()

    def request(self, slug: str, condition_id: str) -> None:
        """Ask which token of a market won."""
        call = HttpCall("GET", f"/markets/{condition_id}")
        self._transport.send(call, lambda answer: self._done(slug, condition_id, answer))

    def take(self) -> list[CatalogAnswer]:
        """Return the answers that arrived since the last call."""
        taken = []
        while self._answers:
            taken.append(self._answers.popleft())
        return taken

    def _done(self, slug: str, condition_id: str, answer: HttpAnswer) -> None:
        self._answers.append(_answer(slug, condition_id, answer))
        self._wake()


def _answer(slug: str, condition_id: str, answer: HttpAnswer) -> CatalogAnswer:
    if answer.status == NOT_FOUND:
        return CatalogAnswer(slug, None)
    try:
        market = decode(body_of(answer), ClobMarket)
    except (ExchangeError, ProtocolError) as error:
        return CatalogAnswer(slug, None, error=error)
    if market.condition_id != condition_id:
        message = f"expected the market {condition_id} ({slug}), was {market.condition_id}"
        return CatalogAnswer(slug, None, error=ProtocolError(message))
    winners = [token.outcome for token in market.tokens if token.winner]
    # Two winners would be a split: the catalog says so in its own words, this route does not.
    resolved = winners[0] if market.closed and len(winners) == 1 else ""
    return CatalogAnswer(slug, None, resolved=resolved, closed=market.closed)
