"""The exchange's catalog for a person: markets by slug or by words, whatever they are about."""

from typing import TypeVar

import msgspec

from polybot.errors import NotFound
from polybot.exchange.answers import body_of
from polybot.exchange.http_calls import HttpCall, Transport
from polybot.exchange.waiting_call import ask
from polybot.exchange.wire_codec import decode
from polybot.exchange.wire_gamma import GammaEvent, GammaMarket

NOT_FOUND = 404
# As many events as a screen shows.
MOST_EVENTS = 20

Wire = TypeVar("Wire")


class _SearchAnswer(msgspec.Struct, frozen=True):
    """The answer of GET /public-search: events with their markets."""

    events: list[GammaEvent] | None = None


class MarketSearch(msgspec.Struct, frozen=True):
    """Looks markets up; every method raises ExchangeError when the catalog does not answer."""

    transport: Transport

    def by_slug(self, slug: str) -> list[GammaMarket]:
        """Return the markets of the event, or the one market, of a slug; none when unknown."""
        event = self._find(f"/events/slug/{slug}", GammaEvent)
        if event is not None:
            return event.markets
        market = self._find(f"/markets/slug/{slug}", GammaMarket)
        return [] if market is None else [market]

    def by_words(self, words: str) -> list[GammaMarket]:
        """Return the open markets that the catalog finds for some words."""
        query = {"q": words, "limit_per_type": str(MOST_EVENTS), "events_status": "active"}
        found = self._find("/public-search", _SearchAnswer, query)
        if found is not None:
            events = found.events or []
        else:
            # A catalog without a search of its own: its newest open events, looked through here.
            events = [e for e in self._open_events() if _is_about(e, words)]
        return [market for event in events for market in event.markets if not market.closed]

    def _open_events(self) -> list[GammaEvent]:
        query = {"closed": "false", "limit": "500", "order": "startDate", "ascending": "false"}
        return self._find("/events", list[GammaEvent], query) or []

    def _find(
        self, path: str, wanted: type[Wire], query: dict[str, str] | None = None
    ) -> Wire | None:
        answer = ask(self.transport, HttpCall("GET", path, query=query or {}))
        if answer.status == NOT_FOUND:
            return None
        try:
            return decode(body_of(answer), wanted)
        except NotFound:
            return None


def _is_about(event: GammaEvent, words: str) -> bool:
    text = " ".join((event.slug, event.title, *(m.question for m in event.markets))).lower()
    return all(word in text for word in words.lower().split())
