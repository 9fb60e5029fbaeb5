"""A simulator that mirrors another one, each in a process of its own that may be killed."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.integration.simulator_process import SimulatorProcess

pytestmark = pytest.mark.timeout(240)

SERIES = ("btc-updown-5m",)
SPEED = 20


@pytest.fixture
def feed(tmp_path: Path) -> Iterator[SimulatorProcess]:
    upstream = SimulatorProcess(tmp_path / "feed", speed=SPEED, seed=7, series=SERIES)
    upstream.start()
    yield upstream
    upstream.stop()


@pytest.fixture
def mirror(feed: SimulatorProcess, tmp_path: Path) -> Iterator[SimulatorProcess]:
    keys = ("gamma_url", "ws_market_url", "ws_rtds_url")
    mirrored = {"clob_url": feed.url} | {key: feed.urls[key] for key in keys}
    made = SimulatorProcess(tmp_path / "mirror", mirrored=mirrored, series=SERIES)
    made.start()
    yield made
    made.stop()


def open_windows(exchange: SimulatorProcess) -> dict[str, dict[str, Any]]:
    windows = exchange.fetch("/simulator/ledger")["windows"]
    return {window["slug"]: window for window in windows if not window["closed_ns"]}


def book(exchange: SimulatorProcess, token: str) -> dict[str, Any] | None:
    """Return a book's levels, None while there is no window."""
    [told] = exchange_books(exchange, token) or [None]
    return told


def exchange_books(exchange: SimulatorProcess, token: str) -> list[dict[str, Any]]:
    try:
        return [exchange.fetch(f"/book?token_id={quote(token)}")]
    except OSError:
        return []


def levels(told: dict[str, Any]) -> set[tuple[str, str, str]]:
    return {
        (side, level["price"], level["size"]) for side in ("bids", "asks") for level in told[side]
    }


def wait_for(what: str, seen: Any, seconds: float = 60) -> Any:
    end = time.monotonic() + seconds
    while not (found := seen()):
        assert time.monotonic() < end, f"waited {seconds:.0f} s for {what}"
        time.sleep(0.1)
    return found


def shared_levels(feed: SimulatorProcess, mirror: SimulatorProcess) -> float:
    """Return the greatest share of equal levels of one window's two books, seen a moment apart."""
    shares = [0.0]
    for window in open_windows(mirror).values():
        ours, theirs = book(mirror, window["token_up"]), book(feed, window["token_up"])
        if ours and theirs and levels(theirs):
            shares.append(len(levels(ours) & levels(theirs)) / len(levels(theirs)))
    return max(shares)


def test_a_mirror_shows_the_other_exchanges_windows_books_prices_and_outcomes(
    feed: SimulatorProcess, mirror: SimulatorProcess
) -> None:
    wait_for("the same book", lambda: shared_levels(feed, mirror) > 0.8)
    ours, theirs = mirror.fetch("/simulator/time"), feed.fetch("/simulator/time")
    passed_ns = (theirs["mono_ns"] - ours["mono_ns"]) * SPEED
    behind_s = (theirs["market_ns"] - passed_ns - ours["market_ns"]) / 1e9
    assert ours["speed"] == SPEED
    # A fifth of a wall second at this speed: two busy processes answered one after the other.
    assert abs(behind_s) < 4

    def settled() -> list[dict[str, Any]]:
        windows = mirror.fetch("/simulator/ledger")["windows"]
        return [window for window in windows if window["resolved_ns"]]

    [window] = wait_for("a settled window", settled)[:1]
    known = {each["slug"]: each for each in feed.fetch("/simulator/ledger")["windows"]}
    official = known[window["slug"]]
    for name in ("outcome", "strike_e8", "close_e8", "condition_id", "token_up", "close_ns"):
        assert window[name] == official[name], name
    assert window["resolved_ns"] >= official["resolved_ns"]
    event = mirror.fetch(f"/events/slug/{window['slug']}")
    [market] = event["markets"]
    assert (
        json.loads(market["outcomes"])[json.loads(market["outcomePrices"]).index("1")]
        == (official["outcome"])
    )


def test_nothing_can_fill_while_the_other_exchange_is_away_and_everything_comes_back(
    feed: SimulatorProcess, mirror: SimulatorProcess
) -> None:
    wait_for("the same book", lambda: shared_levels(feed, mirror) > 0.8)
    feed.kill()

    def all_empty() -> bool:
        tokens = [window["token_up"] for window in open_windows(mirror).values()]
        books = [told for token in tokens if (told := book(mirror, token))]
        return bool(books) and not any(levels(told) for told in books)

    wait_for("empty books", all_empty, seconds=10)
    wait_for("a market at rest", lambda: mirror.fetch("/simulator/time")["speed"] == 0, seconds=10)
    feed.start()
    wait_for("the same book again", lambda: shared_levels(feed, mirror) > 0.8)
    # It ran ahead for the moment in which nobody knew, and lets the other exchange catch up.
    wait_for("market time", lambda: mirror.fetch("/simulator/time")["speed"] == SPEED)


def test_a_killed_mirror_goes_on_with_the_market_as_it_is_then(
    feed: SimulatorProcess, mirror: SimulatorProcess
) -> None:
    wait_for("the same book", lambda: shared_levels(feed, mirror) > 0.8)
    before = mirror.fetch("/simulator/ledger")
    mirror.kill()
    mirror.start()
    after = mirror.fetch("/simulator/ledger")
    assert after["market_ns"] >= before["market_ns"]
    kept = {window["slug"] for window in after["windows"]}
    assert {window["slug"] for window in before["windows"]} <= kept
    wait_for("the same book again", lambda: shared_levels(feed, mirror) > 0.8)
