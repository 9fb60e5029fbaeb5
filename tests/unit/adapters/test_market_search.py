"""Markets are found by slug, by the catalog's own search, or among its open events."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from polybot.adapters.market_search import MarketSearch
from polybot.errors import OutcomeUnknown, ProtocolError, RateLimited
from tests.unit.adapters.loopback import (
    CLOSE,
    Heard,
    LoopbackServer,
    Told,
    answer,
    transport_to,
)


class Case:
    """A search over a server with these routes; any other path is not found."""

    def __init__(self) -> None:
        self.routes: dict[str, Callable[[], Told]] = {}
        self.server = LoopbackServer(self._answer)
        self.transport = transport_to(self.server)
        self.search = MarketSearch(self.transport)

    def _answer(self, heard: Heard) -> Told:
        return self.routes.get(heard.path, lambda: answer({"error": "not found"}, 404))()


@pytest.fixture
def case() -> Iterator[Case]:
    made = Case()
    yield made
    made.transport.close()
    made.server.stop()


def event(slug: str, *markets: dict[str, Any], title: str = "") -> dict[str, Any]:
    return {"id": "1", "slug": slug, "title": title, "markets": list(markets)}


def test_a_slug_finds_all_markets_of_its_event(case: Case) -> None:
    case.routes["/events/slug/a-b"] = lambda: answer(event("a-b", {"slug": "m1"}, {"slug": "m2"}))
    assert [market.slug for market in case.search.by_slug("a-b")] == ["m1", "m2"]


def test_a_slug_of_a_single_market_is_found_too(case: Case) -> None:
    case.routes["/markets/slug/m-1"] = lambda: answer({"slug": "m-1"})
    assert [market.slug for market in case.search.by_slug("m-1")] == ["m-1"]


def test_an_unknown_slug_finds_nothing(case: Case) -> None:
    assert case.search.by_slug("no-such") == []


def test_words_are_asked_of_the_catalog_and_closed_markets_left_out(case: Case) -> None:
    found = event("e", {"slug": "open"}, {"slug": "over", "closed": True})
    case.routes["/public-search"] = lambda: answer({"events": [found], "pagination": {}})
    assert [market.slug for market in case.search.by_words("bitcoin up")] == ["open"]
    assert "q=bitcoin+up" in case.server.heard[0].target


def test_a_catalog_without_a_search_is_looked_through(case: Case) -> None:
    events = [
        event("btc", {"slug": "m-btc", "question": "Bitcoin Up or Down?"}),
        event("eth", {"slug": "m-eth", "question": "Ethereum Up or Down?"}),
    ]
    case.routes["/events"] = lambda: answer(events)
    assert [market.slug for market in case.search.by_words("up BITCOIN")] == ["m-btc"]


@pytest.mark.parametrize(
    ("told", "error"),
    [
        (answer({"error": "slow"}, 429), RateLimited),
        (answer(b"<html>", 200), ProtocolError),
        (Told(then=CLOSE), OutcomeUnknown),
    ],
)
def test_a_failure_is_a_typed_error(case: Case, told: Told, error: type[Exception]) -> None:
    case.routes["/events/slug/a-b"] = lambda: told
    with pytest.raises(error):
        case.search.by_slug("a-b")
