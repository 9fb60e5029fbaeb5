"""`polybot markets`: the followed windows, any market by slug, and why one is refused."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.unit.adapters.loopback import CLOSE, Told, answer
from tests.unit.cli.conftest import Command
from tests.unit.cli.exchange import StubExchange, exchange
from tests.unit.cli.history import OPEN, OPEN_S
from tests.unit.exchange.listings import SLUG, listed

__all__ = ["exchange"]


@pytest.fixture(autouse=True)
def one_series(monkeypatch: pytest.MonkeyPatch) -> None:
    """Follow one series."""
    monkeypatch.setenv("POLYBOT__TRADER__SERIES", "btc-updown-5m")
    monkeypatch.setenv("POLYBOT__SIMULATOR__SERIES", "btc-updown-5m")


def test_the_open_and_the_next_window_are_shown_listed_or_not(
    polybot_json: Callable[..., Any], history: Path, exchange: StubExchange
) -> None:
    told = polybot_json("markets")
    assert [(row["slug"], row["status"]) for row in told] == [
        (OPEN, "not listed"),
        (f"btc-updown-5m-{OPEN_S + 900}", "not listed"),
    ]


def test_a_slug_tells_tick_fee_version_and_best_prices(
    polybot_json: Callable[..., Any], exchange: StubExchange
) -> None:
    exchange.listed[SLUG] = listed(bestBid=0.53, bestAsk=0.54)
    (row,) = polybot_json("markets", SLUG)
    assert (row["tick"], row["fee_rate"], row["version"]) == ("0.01", "0.07", "v1")
    assert (row["best_bid"], row["best_ask"]) == ("0.53", "0.54")
    assert (row["tradable"], row["followed"], row["refused"]) == (True, True, None)


def test_a_market_that_would_not_be_traded_says_why(
    polybot: Command, exchange: StubExchange
) -> None:
    exchange.listed[SLUG] = listed(version="v9")
    output = polybot("markets", SLUG).stdout
    assert "refused: expected market version 'v1' or 'v2', was 'v9'" in output
    assert "1 market, 1 refused" in output


def test_words_search_the_catalog(polybot_json: Callable[..., Any], exchange: StubExchange) -> None:
    event = {"slug": "rain", "markets": [{"slug": "rain-tomorrow", "question": "Rain?"}]}
    exchange.failing["/public-search"] = answer({"events": [event]})
    (row,) = polybot_json("markets", "rain tomorrow")
    assert (row["slug"], row["tradable"], row["status"]) == ("rain-tomorrow", False, "closed")


def test_a_search_that_finds_nothing_is_not_found(polybot: Command, exchange: StubExchange) -> None:
    assert "expected a market for 'btc-nothing'" in polybot("markets", "btc-nothing", code=2).stderr


def test_a_phone_shows_prices_whole(polybot: Command, exchange: StubExchange) -> None:
    exchange.listed[SLUG] = listed(bestBid=0.53, bestAsk=0.54)
    assert max(map(len, polybot("markets", SLUG).stdout.splitlines())) <= 60


def test_a_catalog_that_is_away_in_a_floor_that_does_not_run(
    polybot: Command, exchange: StubExchange
) -> None:
    exchange.failing[f"/events/slug/{SLUG}"] = Told(then=CLOSE)
    assert "no floor runs here" in polybot("markets", SLUG, code=3).stderr
