"""A whole trader that wants to enter at every look, and a catalog that lists its window wrongly."""

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from polybot.adapters.gamma_catalog import GammaCatalog
from polybot.domain.market import Outcome
from polybot.domain.order import OrderType, Side
from polybot.messages.trading import WindowRefused
from polybot.strategies.base import Decision, Intent
from tests.unit.adapters.loopback import LoopbackServer, Told, answer, transport_to
from tests.unit.exchange.listings import DOWN, MARKET, SLUG, UP, listed
from tests.unit.services.trader import frames
from tests.unit.services.trader.fakes_exchange import ScriptedStrategy
from tests.unit.services.trader.whole_trader import S, WholeTrader

ENTRY = Intent(
    outcome=Outcome.UP,
    side=Side.BUY,
    order_type=OrderType.GTC,
    price_bps=9400,
    size_shares=25_000_000,
    purpose="entry",
)
STREAM = "https://data.chain.link/streams/"
BAD: dict[str, dict[str, Any]] = {
    "version": {"version": "v3"},
    "settlement_source": {"resolutionSource": f"{STREAM}eth-usd-twap-60s-streams"},
    "fee_schedule": {"feeSchedule": {"rate": -0.07, "exponent": 1}},
    "tokens_swapped": {"clobTokenIds": json.dumps([DOWN, UP])},
    "tokens_foreign": {"conditionId": "0x" + "ab" * 32},
    "token_id": {"clobTokenIds": json.dumps([str(int(UP) + (1 << 256)), DOWN])},
    "times": {"endDate": "2026-08-20T14:46:00Z"},
    "tick_size": {"orderPriceMinTickSize": 0.02},
}
# Further ways to be wrong in the same respect.
WORSE: list[tuple[str, dict[str, Any]]] = [
    ("version", {"version": ""}),
    ("settlement_source", {"resolutionSource": "https://prices.example.org/btc"}),
    ("fee_schedule", {"feeSchedule": {"rate": 0.5, "exponent": 1}}),
    ("fee_schedule", {"feeSchedule": {"rate": 0.07, "exponent": 9}}),
    ("token_id", {"clobTokenIds": json.dumps(["12", DOWN])}),
    ("token_id", {"clobTokenIds": json.dumps([hex(int(UP)), DOWN])}),
    ("token_id", {"clobTokenIds": json.dumps([f"-{UP}", DOWN])}),
]


class Case:
    """The trader with the real catalog over a server; its window is open."""

    def __init__(self) -> None:
        self.told: Told = answer({})
        self.server = LoopbackServer(lambda _: self.told)
        self.transport = transport_to(self.server, connections=1)
        self.trader = WholeTrader(ScriptedStrategy(lambda _: Decision("enter", "always", (ENTRY,))))
        self.trader.catalog = GammaCatalog(self.transport, wake=lambda: None)
        self.trader.market_clock.market_ns = MARKET.open_ns + 10 * S
        self.trader.build()
        self.trader.ready()

    def list(self, **changes: Any) -> None:
        self.told = answer({"slug": SLUG, "markets": [listed(**changes)]})

    def trade(self, asked: int) -> None:
        """Let the trader work until the catalog was asked so often anew, and some turns more."""
        deadline = time.monotonic() + 5
        heard = len(self.server.heard) + asked
        while len(self.server.heard) < heard:
            assert time.monotonic() < deadline, "the catalog was not asked"
            self._turn()
        for _ in range(5):
            self._turn()

    def _turn(self) -> None:
        time.sleep(0.005)
        self.trader.market.put(frames.books(MARKET))
        self.trader.turn(0.6)


@pytest.fixture
def case() -> Iterator[Case]:
    made = Case()
    yield made
    made.transport.close()
    made.server.stop()


def test_a_good_listing_is_entered(case: Case) -> None:
    case.list()
    case.trade(asked=1)
    assert case.trader.gateway.posted


@pytest.mark.parametrize("code", BAD)
def test_a_bad_listing_is_refused_by_name_and_never_gets_an_order(case: Case, code: str) -> None:
    case.list(**BAD[code])
    case.trade(asked=2)
    assert case.trader.gateway.posted == []
    assert case.trader.strategy.views == []
    assert {event.code for event in case.trader.outbox.events(WindowRefused)} == {code}
    assert f"not trading {SLUG}: expected" in case.trader.service.status()


@pytest.mark.parametrize(("code", "changes"), WORSE)
def test_whatever_way_a_listing_is_bad_it_never_gets_an_order(
    case: Case, code: str, changes: dict[str, Any]
) -> None:
    case.list(**changes)
    case.trade(asked=2)
    assert case.trader.gateway.posted == []
    assert case.trader.strategy.views == []
    assert {event.code for event in case.trader.outbox.events(WindowRefused)} == {code}


def test_a_listing_that_is_mended_is_entered(case: Case) -> None:
    case.list(version="v3")
    case.trade(asked=1)
    assert case.trader.gateway.posted == []
    case.list()
    case.trade(asked=1)
    assert case.trader.gateway.posted
    assert "not trading" not in case.trader.service.status()


@pytest.mark.parametrize(
    "told", [answer(b"<html>error code: 1010</html>"), answer(b"<html>", 403)], ids=["200", "403"]
)
def test_html_instead_of_json_is_no_market_and_is_asked_for_again(
    case: Case, told: Told, caplog: pytest.LogCaptureFixture
) -> None:
    case.told = told
    case.trade(asked=1)
    assert case.trader.gateway.posted == []
    assert f"looking up {SLUG}" in caplog.text
