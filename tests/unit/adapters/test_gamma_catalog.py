"""Markets are read from Gamma's own words; what cannot be traded safely is no market."""

import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from polybot.adapters.gamma_catalog import GammaCatalog, outcome_only
from polybot.errors import MarketRefused, OutcomeUnknown, ProtocolError, RateLimited
from polybot.ports import CatalogAnswer
from tests.unit.adapters.loopback import (
    RESET,
    LoopbackServer,
    Told,
    answer,
    collect,
    transport_to,
)
from tests.unit.exchange.listings import DOWN, LISTED, MARKET, SLUG, UP, listed


class Case:
    """A catalog over a server that lists one event."""

    def __init__(self) -> None:
        self.told: Told = answer({})
        self.server = LoopbackServer(lambda _: self.told)
        self.transport = transport_to(self.server, connections=1)
        self.woken = threading.Event()
        self.catalog = GammaCatalog(self.transport, wake=self.woken.set)

    def ask(self, told: Told) -> CatalogAnswer:
        self.told = told
        self.catalog.request(SLUG)
        (given,) = collect(self.catalog.take)
        return given

    def listed(self, **changes: Any) -> CatalogAnswer:
        return self.ask(answer({"slug": SLUG, "markets": [{"slug": "other"}, listed(**changes)]}))


@pytest.fixture
def case() -> Iterator[Case]:
    made = Case()
    yield made
    made.transport.close()
    made.server.stop()


def test_an_open_market_is_read_in_our_units(case: Case) -> None:
    assert case.listed() == CatalogAnswer(SLUG, MARKET)
    assert case.server.requests() == [("GET", f"/events/slug/{SLUG}")]
    assert case.woken.is_set()
    assert case.catalog.take() == []


@pytest.mark.parametrize(
    ("prices", "closed", "resolved"),
    [
        ('["1", "0"]', True, "Up"),
        ('["0", "1"]', True, "Down"),
        ('["1", "0"]', False, ""),
        ('["0", "0"]', True, ""),
        ('["0.5", "0.5"]', True, ""),
        ("", True, ""),
    ],
)
def test_the_outcome_counts_once_the_market_is_closed_and_decided(
    case: Case, prices: str, closed: bool, resolved: str
) -> None:
    given = case.listed(outcomePrices=prices, closed=closed)
    assert (given.resolved, given.closed) == (resolved, closed)
    assert given.market == MARKET


@pytest.mark.parametrize(
    "told",
    [
        answer({"error": "not found"}, 404),
        answer({"slug": SLUG, "markets": []}),
        answer({"slug": SLUG, "markets": [{"slug": "btc-updown-5m-1787237100"}]}),
    ],
)
def test_a_market_that_is_not_offered_is_no_error(case: Case, told: Told) -> None:
    assert case.ask(told) == CatalogAnswer(SLUG, None)


@pytest.mark.parametrize(
    ("told", "error"),
    [
        (answer({"error": "x"}, 500), OutcomeUnknown),
        (answer({"error": "slow"}, 429), RateLimited),
        (answer(b"<html>"), ProtocolError),
        (Told(then=RESET), OutcomeUnknown),
    ],
)
def test_an_answer_that_failed_says_why(case: Case, told: Told, error: type[Exception]) -> None:
    given = case.ask(told)
    assert (given.market, type(given.error)) == (None, error)


def test_prices_of_reference_are_told_once_the_exchange_has_them(case: Case) -> None:
    told = {"priceToBeat": 71485.23965784832, "finalPrice": None}
    given = case.ask(answer({"slug": SLUG, "eventMetadata": told, "markets": [LISTED]}))
    assert (given.strike_e8, given.close_e8) == (7_148_523_965_785, None)


REFUSED = [
    ({"version": "v3"}, "version"),
    ({"resolutionSource": "https://www.binance.com"}, "settlement_source"),
    ({"feeSchedule": {"rate": -1, "exponent": 1}}, "fee_schedule"),
    ({"clobTokenIds": json.dumps([DOWN, UP])}, "tokens_swapped"),
    ({"clobTokenIds": json.dumps(["111", "222"])}, "token_id"),
    ({"endDate": "2026-08-20T14:46:00Z"}, "times"),
]


@pytest.mark.parametrize(("changes", "code"), REFUSED, ids=repr)
def test_what_must_not_be_traded_is_no_market_and_says_why(
    case: Case, changes: dict[str, Any], code: str
) -> None:
    given = case.listed(**changes)
    assert given.market is None
    assert isinstance(given.error, MarketRefused)
    assert given.error.code == code
    assert case.listed().market == MARKET


def test_of_a_market_that_is_over_only_the_outcome_counts(case: Case) -> None:
    given = case.listed(version="v3", closed=True, outcomePrices='["0", "1"]')
    assert given == CatalogAnswer(SLUG, None, resolved="Down", closed=True)


def test_prices_that_cannot_be_read_are_an_error(case: Case) -> None:
    assert isinstance(case.listed(outcomePrices='["dear", "cheap"]').error, ProtocolError)


def test_who_wants_outcomes_only_is_not_told_of_refusals(case: Case) -> None:
    case.catalog = GammaCatalog(case.transport, wake=case.woken.set, read=outcome_only)
    given = case.listed(version="v3", closed=False)
    assert given == CatalogAnswer(SLUG, None)


@pytest.mark.parametrize(
    ("changes", "is_split"),
    [
        ({"outcomePrices": '["0.5", "0.5"]', "closed": True}, True),
        ({"outcomePrices": '["0.5", "0.5"]', "closed": False}, False),
        (
            {
                "outcomePrices": '["0.5", "0.5"]',
                "closed": True,
                "umaResolutionStatus": "proposed",
            },
            False,
        ),
        ({"outcomePrices": '["0.6", "0.4"]', "closed": True}, False),
        ({"outcomePrices": '["0", "0"]', "closed": True}, False),
        ({"outcomePrices": "", "closed": True}, False),
    ],
)
def test_a_split_is_recognized_only_once_it_is_resolved(
    case: Case, changes: dict[str, Any], is_split: bool
) -> None:
    given = case.listed(**({"umaResolutionStatus": "resolved"} | changes))
    assert given.is_split is is_split
    assert given.resolved == ""
