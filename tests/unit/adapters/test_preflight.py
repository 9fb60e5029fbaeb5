"""Account and market are read over a real connection; what fails is named, nothing is guessed."""

import threading
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import msgspec
import pytest

from polybot.adapters.preflight import REGION_NS, UNLIMITED_USDC, ExchangePreflight, PreflightWays
from polybot.domain.market import FeeSchedule
from polybot.domain.preflight import ListedAtClob, PreflightFacts, objections
from polybot.exchange.contracts import EXCHANGE_V2, EXCHANGE_V3, NEG_RISK_EXCHANGE_V2
from polybot.exchange.l2_auth import ApiCredentials, RequestSigner
from tests.fakes import FakeClock
from tests.unit.adapters.loopback import (
    RESET,
    Heard,
    LoopbackServer,
    Told,
    answer,
    collect,
    transport_to,
    wait_until,
)
from tests.unit.exchange.listings import MARKET

SIGNER = RequestSigner(
    "0x" + "ab" * 20, ApiCredentials(api_key="k", secret="c2VjcmV0", passphrase="p")
)
HTML = answer(b"<html>error code: 1010</html>", 403)
LISTING = f"/clob-markets/{MARKET.condition_id}"
BAN, FUNDS = "/auth/ban-status/closed-only", "/balance-allowance"
TICKET = {"t": [{"t": MARKET.token_up}, {"t": MARKET.token_down}], "mts": 0.01, "mos": 5}


class Case:
    """A preflight over a server with good answers, some of them changed by a test."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        now_s = self.clock.wall_ns // 1_000_000_000
        self.told: dict[str, Told] = {
            "/time": answer(str(now_s).encode()),
            "/version": answer({"version": 2}),
            BAN: answer({"closed_only": False}),
            FUNDS: answer({"balance": "12500000", "allowances": {EXCHANGE_V2: "77000000"}}),
            LISTING: answer(TICKET | {"fd": {"r": 0.07, "e": 1, "to": True}}),
            "/api/geoblock": answer({"blocked": False, "country": "IE", "region": "L"}),
        }
        self.server = LoopbackServer(self._answer)
        self.transport = transport_to(self.server)
        self.woken = threading.Event()
        self.signer: RequestSigner | None = SIGNER
        self.preflight = self._made(region=False)

    def _answer(self, heard: Heard) -> Told:
        return self.told.get(heard.path, answer({"error": "?"}, 404))

    def _made(self, *, region: bool) -> ExchangePreflight:
        return ExchangePreflight(
            PreflightWays(
                reads=self.transport,
                region=self.transport if region else None,
                region_url=lambda: f"{self.server.url}/api/geoblock",
                signer=lambda: self.signer,
                signature_type=2,
                clock=self.clock,
                wake=self.woken.set,
            )
        )

    def live(self) -> None:
        self.preflight = self._made(region=True)

    def ask(self, **told: Any) -> PreflightFacts:
        self.told |= told
        self.preflight.request(MARKET)
        (facts,) = collect(self.preflight.take)
        return facts


@pytest.fixture
def case() -> Iterator[Case]:
    made = Case()
    yield made
    made.transport.close()
    made.server.stop()


def test_everything_is_read_in_one_go(case: Case) -> None:
    facts = case.ask()
    assert facts == PreflightFacts(
        slug=MARKET.slug,
        skew_s=-0.5,
        version=2,
        closed_only=False,
        balance_usdc=12_500_000,
        allowance_usdc=77_000_000,
        listed=ListedAtClob(
            token_ids=(MARKET.token_up, MARKET.token_down),
            tick_bps=100,
            min_size_shares=5_000_000,
            fee=FeeSchedule(rate_bps=700),
        ),
    )
    assert objections(facts, MARKET, max_skew_s=5.0) == ()
    assert case.woken.is_set()
    asked = {heard.path: heard for heard in case.server.heard}
    assert set(asked) == {"/time", "/version", BAN, FUNDS, LISTING}
    assert "asset_type=COLLATERAL&signature_type=2" in asked[FUNDS].target
    assert {path for path, heard in asked.items() if "Poly_Api_Key" in heard.headers} == {
        BAN,
        FUNDS,
    }


def test_only_trading_for_real_asks_for_the_region_and_once_an_hour(case: Case) -> None:
    case.live()
    assert case.ask().blocked is False
    assert case.ask().blocked is False
    assert case.server.requests().count(("GET", "/api/geoblock")) == 1
    case.clock.mono_ns += REGION_NS
    case.told["/api/geoblock"] = answer({"blocked": True, "country": "US"})
    assert case.ask().blocked is True


FAILURES = [
    ("/time", "clock"),
    ("/version", "version"),
    (BAN, "closed_only"),
    (FUNDS, "allowance"),
    (LISTING, "market"),
    ("/api/geoblock", "region"),
]


@pytest.mark.parametrize("told", [HTML, answer(b"<html>"), answer({}, 500), Told(then=RESET)])
@pytest.mark.parametrize(("path", "check"), FAILURES)
def test_what_cannot_be_read_is_named_and_keeps_the_window_shut(
    case: Case, path: str, check: str, told: Told
) -> None:
    case.live()
    facts = case.ask(**{path: told})
    assert set(facts.failures) == {check}
    assert [o.check for o in objections(facts, MARKET, max_skew_s=5.0)] == [check]


def test_a_clock_that_is_a_minute_off_is_measured(case: Case) -> None:
    case.clock.wall_ns += 60_000_000_000
    facts = case.ask()
    assert facts.skew_s == 59.5


def test_an_answer_too_slow_to_judge_a_clock_by_is_a_failure(case: Case) -> None:
    told = case.told["/time"]

    def slow(heard: Heard) -> Told:
        if heard.path == "/time":
            case.clock.mono_ns += 3_000_000_000
            return told
        return case._answer(heard)  # noqa: SLF001 - the case's own

    case.server.handler = slow
    assert "within 2 s" in case.ask().failures["clock"]


@pytest.mark.parametrize(
    ("fd", "refused"),
    [
        ({"r": -0.07, "e": 1, "to": True}, True),
        ({"r": 0.5, "e": 1, "to": True}, True),
        ({"r": 0.07, "e": 9, "to": True}, True),
        ({"r": 0.05, "e": 1, "to": True}, False),
        (None, False),
        ({"r": 0, "e": 0, "to": False}, False),
    ],
)
def test_a_negative_or_absurd_fee_is_refused_and_another_one_differs(
    case: Case, fd: dict[str, Any] | None, refused: bool
) -> None:
    facts = case.ask(**{LISTING: answer(TICKET | {"fd": fd})})
    found = [o.check for o in objections(facts, MARKET, max_skew_s=5.0)]
    assert found == (["market"] if refused else ["fee"])


@pytest.mark.parametrize("changes", [{"mts": 0.02}, {"mts": 0}, {"mos": -1}])
def test_an_absurd_tick_or_size_is_refused(case: Case, changes: dict[str, Any]) -> None:
    fees = {"fd": {"r": 0.07, "e": 1, "to": True}}
    facts = case.ask(**{LISTING: answer(TICKET | fees | changes)})
    assert facts.listed.refusal


@pytest.mark.parametrize(
    ("market", "contract"),
    [
        (MARKET, EXCHANGE_V2),
        (msgspec.structs.replace(MARKET, neg_risk=True), NEG_RISK_EXCHANGE_V2),
        (msgspec.structs.replace(MARKET, version="v2"), EXCHANGE_V3),
    ],
)
def test_only_the_allowance_of_the_market_s_own_contract_counts(
    case: Case, market: Any, contract: str
) -> None:
    others = dict.fromkeys((EXCHANGE_V2, NEG_RISK_EXCHANGE_V2, EXCHANGE_V3), "9000000")
    others.pop(contract)
    case.told[FUNDS] = answer({"balance": "1", "allowances": others | {contract.lower(): "5"}})
    case.preflight.request(market)
    (facts,) = collect(case.preflight.take)
    assert facts.allowance_usdc == 5


def test_an_unlimited_allowance_is_a_number_that_fits_everywhere(case: Case) -> None:
    told = answer({"balance": "1", "allowances": {EXCHANGE_V2: str(2**256 - 1)}})
    assert case.ask(**{FUNDS: told}).allowance_usdc == UNLIMITED_USDC


def test_a_contract_that_is_not_named_may_spend_nothing(case: Case) -> None:
    assert case.ask(**{FUNDS: answer({"balance": "1", "allowances": {}})}).allowance_usdc == 0


def test_amounts_that_are_no_whole_numbers_are_a_failure(case: Case) -> None:
    told = answer({"balance": "1.5", "allowances": {EXCHANGE_V2: "many"}})
    assert "whole numbers" in case.ask(**{FUNDS: told}).failures["allowance"]


def test_an_unfinished_question_is_not_repeated_and_without_a_login_none_is_asked(
    case: Case,
) -> None:
    release = threading.Event()

    def held(heard: Heard) -> Told:
        release.wait(2)
        return case._answer(heard)  # noqa: SLF001 - the case's own

    case.server.handler = held
    for _ in range(3):
        case.preflight.request(MARKET)
    release.set()
    assert len(collect(case.preflight.take)) == 1
    assert len(case.server.heard) == 5
    case.signer = None
    case.preflight.request(MARKET)
    case.preflight.refresh_balance("")
    assert case.preflight.take() == []
    assert len(case.server.heard) == 5


@pytest.mark.parametrize(
    ("token_id", "query"),
    [
        ("", {"asset_type": "COLLATERAL"}),
        (MARKET.token_up, {"asset_type": "CONDITIONAL", "token_id": MARKET.token_up}),
    ],
)
def test_the_exchange_is_made_to_read_a_balance_again(
    case: Case, token_id: str, query: dict[str, str]
) -> None:
    case.preflight.refresh_balance(token_id)
    wait_until(lambda: case.server.heard)
    (heard,) = case.server.heard
    assert heard.path == "/balance-allowance/update"
    assert dict(parse_qsl(urlsplit(heard.target).query)) == {**query, "signature_type": "2"}
    assert "Poly_Signature" in heard.headers
