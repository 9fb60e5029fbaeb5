"""Looks markets up at Gamma, the exchange's metadata service, and reads their official outcome."""

from collections import deque
from collections.abc import Callable
from decimal import Decimal

from polybot.domain.market import Market
from polybot.domain.money import parse_reference
from polybot.errors import ExchangeError, InvalidValue, MarketRefused, PolybotError, ProtocolError
from polybot.exchange.answers import body_of
from polybot.exchange.http_calls import HttpAnswer, HttpCall, Transport
from polybot.exchange.wire_codec import decode
from polybot.exchange.wire_gamma import EventMetadata, GammaEvent, GammaMarket
from polybot.ports import CatalogAnswer

NOT_FOUND = 404

MarketReader = Callable[[GammaMarket], Market | None]


def outcome_only(_listed: GammaMarket) -> None:
    """Read no market: who only wants outcomes need not judge whether it may be traded."""


class GammaCatalog:
    """Answers come from the transport's threads; `wake` tells the service that one is there.

    `read` turns a listing into a market or refuses it, by default as a trader must.
    """

    def __init__(
        self, transport: Transport, *, wake: Callable[[], None], read: MarketReader | None = None
    ) -> None:
        if read is None:
            # The tracker does without the hashes that judging a listing takes.
            from polybot.exchange.market_listing import market_of  # noqa: PLC0415

            read = market_of
        self._read = read
        self._transport = transport
        self._wake = wake
        self._answers: deque[CatalogAnswer] = deque()

    def request(self, slug: str) -> None:
        """Ask for a market by its slug."""
        call = HttpCall("GET", f"/events/slug/{slug}")
        self._transport.send(call, lambda answer: self._done(slug, answer))

    def take(self) -> list[CatalogAnswer]:
        """Return the answers that arrived since the last call."""
        taken = []
        while self._answers:
            taken.append(self._answers.popleft())
        return taken

    def _done(self, slug: str, answer: HttpAnswer) -> None:
        self._answers.append(_answer(slug, answer, self._read))
        self._wake()


def _answer(slug: str, answer: HttpAnswer, read: MarketReader) -> CatalogAnswer:
    if answer.status == NOT_FOUND:
        return CatalogAnswer(slug, None)
    try:
        event = decode(body_of(answer), GammaEvent)
        listed = next((market for market in event.markets if market.slug == slug), None)
        if listed is None:
            return CatalogAnswer(slug, None)
        told = event.event_metadata or EventMetadata()
        market, refusal = _offered(listed, read)
        return CatalogAnswer(
            slug,
            market,
            error=refusal,
            resolved=listed.winner() or "",
            closed=listed.closed,
            strike_e8=_reference(told.price_to_beat),
            close_e8=_reference(told.final_price),
            is_split=listed.is_split(),
        )
    except (ExchangeError, ProtocolError, InvalidValue) as error:
        return CatalogAnswer(slug, None, error=error)


def _offered(listed: GammaMarket, read: MarketReader) -> tuple[Market | None, PolybotError | None]:
    """Return the market, or why it must not be traded; of one that is over that is no matter."""
    try:
        return read(listed), None
    except (MarketRefused, InvalidValue) as error:
        return None, None if listed.closed else error


def _reference(dollars: Decimal | None) -> int | None:
    return None if dollars is None else parse_reference(str(dollars))
