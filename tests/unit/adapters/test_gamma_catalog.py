"""Markets are read from Gamma's own words; what cannot be traded safely is no market."""

import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from polybot.adapters.gamma_catalog import GammaCatalog
from polybot.domain.market import FeeSchedule, Market, SettlementRule
from polybot.errors import InvalidValue, OutcomeUnknown, ProtocolError, RateLimited
from polybot.ports import CatalogAnswer
from tests.unit.adapters.loopback import (
    RESET,
    LoopbackServer,
    Told,
    answer,
    collect,
    transport_to,
)

SLUG = "btc-updown-5m-1787236800"
LISTED: dict[str, Any] = {
    "slug": SLUG,
    "conditionId": "0xc0",
    "version": "v1",
    "outcomes": '["Up", "Down"]',
    "outcomePrices": '["0.535", "0.465"]',
    "clobTokenIds": '["111", "222"]',
    "eventStartTime": "2026-08-20T14:40:00Z",
    "startDate": "2026-08-19T14:40:00Z",
    "endDate": "2026-08-20T14:45:00Z",
    "active": True,
    "closed": False,
    "negRisk": False,
    "orderMinSize": 5,
    "orderPriceMinTickSize": 0.01,
    "feesEnabled": True,
    "feeSchedule": {"rate": 0.07, "exponent": 1, "takerOnly": True, "rebateRate": 0.2},
    "cryptoMarketConfig": {"id": "btc-5m-twap-60", "twapLookbackSeconds": 60},
    "resolutionSource": "https://data.chain.link/streams/btc-usd-twap-60s-streams",
}
MARKET = Market(
    slug=SLUG,
    condition_id="0xc0",
    token_up="111",
    token_down="222",
    asset="btc",
    open_ns=1_787_236_800_000_000_000,
    close_ns=1_787_237_100_000_000_000,
    tick_bps=100,
    fee=FeeSchedule(rate_bps=700),
    rule=SettlementRule.TWAP,
    twap_lookback_s=60,
)


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
        market = {name: value for name, value in (LISTED | changes).items() if value is not ...}
        return self.ask(answer({"slug": SLUG, "markets": [{"slug": "other"}, market]}))


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


@pytest.mark.parametrize(
    ("changes", "rule", "lookback"),
    [
        ({}, SettlementRule.TWAP, 60),
        ({"cryptoMarketConfig": {"twapLookbackSeconds": 30}}, SettlementRule.TWAP, 30),
        ({"cryptoMarketConfig": None}, SettlementRule.TWAP, 60),
        (
            {
                "cryptoMarketConfig": {"twapLookbackSeconds": 0},
                "resolutionSource": "https://data.chain.link/streams/btc-usd",
            },
            SettlementRule.INSTANT,
            0,
        ),
        (
            {"cryptoMarketConfig": None, "resolutionSource": "https://www.binance.com"},
            SettlementRule.UNKNOWN,
            0,
        ),
        ({"cryptoMarketConfig": None, "resolutionSource": None}, SettlementRule.UNKNOWN, 0),
    ],
)
def test_the_settlement_rule_is_the_market_s_own(
    case: Case, changes: dict[str, Any], rule: SettlementRule, lookback: int
) -> None:
    market = case.listed(**changes).market
    assert (market.rule, market.twap_lookback_s) == (rule, lookback)


@pytest.mark.parametrize(
    ("changes", "fee"),
    [
        ({"feesEnabled": False}, FeeSchedule(rate_bps=0)),
        ({"feeSchedule": None}, FeeSchedule(rate_bps=0)),
        (
            {"feeSchedule": {"rate": 0.0725, "exponent": 2, "takerOnly": False}},
            FeeSchedule(rate_bps=725, exponent=2, taker_only=False),
        ),
    ],
)
def test_fees_are_the_market_s_own_schedule(
    case: Case, changes: dict[str, Any], fee: FeeSchedule
) -> None:
    assert case.listed(**changes).market.fee == fee


def test_a_market_of_the_next_protocol_trades_its_position_ids(case: Case) -> None:
    market = case.listed(version="v2", positionIds=["512", "513"]).market
    assert (market.version, market.token_up, market.token_down) == ("v2", "512", "513")


def test_tick_and_least_size_are_exact(case: Case) -> None:
    market = case.listed(orderPriceMinTickSize=0.001, orderMinSize=7.5).market
    assert (market.tick_bps, market.min_size_shares) == (10, 7_500_000)


UNSAFE = [
    {"outcomes": '["Down", "Up"]'},
    {"outcomes": '["Yes", "No"]'},
    {"outcomes": '["Up"]', "clobTokenIds": '["111"]'},
    {"outcomes": "Up, Down"},
    {"clobTokenIds": '["111"]'},
    {"clobTokenIds": '["111", "111"]'},
    {"clobTokenIds": '["0x6f", "222"]'},
    {"clobTokenIds": "nonsense"},
    {"version": "v3"},
    {"version": None},
    {"version": "v2", "positionIds": None},
    {"eventStartTime": None},
    {"eventStartTime": "soon"},
    {"endDate": "2026-08-20T14:45:00"},
    {"endDate": "2026-08-20T14:39:00Z"},
    {"orderPriceMinTickSize": 0},
    {"feeSchedule": {"rate": 7, "exponent": 1}},
    {"feeSchedule": {"rate": "NaN", "exponent": 1}},
    {"feeSchedule": {"rate": 0.07, "exponent": "Infinity"}},
    {"outcomePrices": '["dear", "cheap"]'},
]


@pytest.mark.parametrize("changes", UNSAFE, ids=json.dumps)
def test_what_cannot_be_traded_safely_is_refused(case: Case, changes: dict[str, Any]) -> None:
    given = case.listed(**changes)
    assert given.market is None
    assert isinstance(given.error, ProtocolError | InvalidValue)
    assert case.listed().market == MARKET
