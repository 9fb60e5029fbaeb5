"""Books are kept from raw frames; what cannot be trusted is no book."""

import logging

import msgspec
import pytest

from polybot.domain.market import Outcome
from polybot.ports import StreamFrame
from polybot.services.trader.market_data import MarketData
from polybot.strategies.base import TokenView
from tests.story import market_at
from tests.unit.services.trader import frames

MARKET = market_at()
UP, DOWN = MARKET.token_up, MARKET.token_down


def watching(*numbers: int) -> MarketData:
    data = MarketData()
    data.watch([market_at(number) for number in numbers or (0,)])
    data.accept(StreamFrame("market", 0, state="connected"))
    return data


def feed(data: MarketData, frame: bytes, mono_ns: int = 0) -> None:
    data.accept(StreamFrame("market", mono_ns, data=frame))


def up(data: MarketData) -> TokenView:
    return data.token_view(MARKET, Outcome.UP)


def test_a_token_without_a_snapshot_has_no_book() -> None:
    data = watching()
    assert up(data) == TokenView(Outcome.UP, UP)
    feed(data, frames.change(UP, "BUY", "0.5", "10"))
    assert up(data) == TokenView(Outcome.UP, UP)
    assert data.touched == set()


def test_a_snapshot_and_its_changes_make_the_best_prices() -> None:
    data = watching()
    feed(data, frames.books())
    view = up(data)
    assert (view.bid_bps, view.bid_shares) == (9300, 40_000_000)
    assert (view.ask_bps, view.ask_shares) == (9500, 50_000_000)
    assert data.token_view(MARKET, Outcome.DOWN).bid_bps == 500
    feed(data, frames.change(UP, "SELL", "0.95", "0"))
    feed(data, frames.change(UP, "BUY", "0.94", "7.5"))
    view = up(data)
    assert (view.bid_bps, view.bid_shares, view.ask_bps) == (9400, 7_500_000, 9900)
    assert data.events == 4


def test_a_changed_level_touches_its_window() -> None:
    data = watching()
    feed(data, frames.books())
    data.touched.clear()
    feed(data, frames.change(UP, "BUY", "0.94", "7.5"))
    assert data.touched == {MARKET.slug}


def test_an_empty_side_has_no_price() -> None:
    data = watching()
    feed(data, frames.books(asks=()))
    assert (up(data).ask_bps, up(data).ask_shares) == (None, None)
    assert up(data).imbalance == 1.0


def test_touched_windows_are_those_whose_books_changed() -> None:
    data = watching(0, 1)
    feed(data, frames.books(market_at(1)))
    assert data.touched == {market_at(1).slug}


@pytest.mark.parametrize("state", ["disconnected: closed", "connected"])
def test_no_book_survives_a_change_of_the_connection(state: str) -> None:
    data = watching()
    feed(data, frames.books())
    data.touched.clear()
    data.accept(StreamFrame("market", 0, state=state))
    assert up(data).bid_bps is None
    assert data.touched == {MARKET.slug}


def test_a_market_no_longer_watched_loses_its_books() -> None:
    data = watching()
    feed(data, frames.books())
    assert data.watch([market_at(1)]) == (market_at(1).token_up, market_at(1).token_down)
    data.watch([MARKET])
    assert up(data).bid_bps is None


def test_unknown_tokens_are_ignored() -> None:
    data = watching()
    for frame in (
        frames.books(market_at(5)),
        frames.change("nobody", "BUY", "0.5", "1"),
        frames.tick("nobody", "0.001"),
    ):
        feed(data, frame)
    assert (data.touched, data.ticks) == (set(), {})


def test_a_new_tick_is_noted_and_the_old_book_dropped() -> None:
    data = watching()
    feed(data, frames.books())
    data.touched.clear()
    feed(data, frames.tick(UP, "0.001"))
    assert data.ticks == {MARKET.slug: 10}
    assert data.touched == {MARKET.slug}
    assert up(data).bid_bps is None
    assert data.token_view(MARKET, Outcome.DOWN).bid_bps == 500


@pytest.mark.parametrize("new", ["0", "1", "0.00001", "fine"])
def test_an_impossible_tick_is_counted_and_not_taken_over(
    new: str, caplog: pytest.LogCaptureFixture
) -> None:
    data = watching()
    feed(data, frames.tick(UP, new))
    assert data.ticks == {}
    assert "1 market events could not be read" in caplog.text


UNREADABLE = [
    frames.change(UP, "BUY", "cheap", "10"),
    frames.change(UP, "BUY", "0.5", "-10"),
    frames.change(UP, "SELL", "0", "10"),
    frames.change(UP, "SELL", "1", "10"),
    msgspec.json.encode(frames.book(UP, bids=(("0.5", "many"),))),
    msgspec.json.encode(frames.book(UP, bids=(("0.4", "1"), ("1", "1")))),
]


@pytest.mark.parametrize("frame", UNREADABLE)
def test_a_book_that_missed_something_is_no_book_until_the_next_snapshot(
    frame: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    data = watching()
    feed(data, frames.books())
    data.touched.clear()
    feed(data, frame)
    assert up(data).bid_bps is None
    assert data.token_view(MARKET, Outcome.DOWN).bid_bps == 500
    assert data.touched == {MARKET.slug}
    assert "the last: expected" in caplog.text
    feed(data, frames.books())
    assert up(data).bid_bps == 9300


@pytest.mark.parametrize("frame", [b"", b"<html>", b"[1,2]", b'{"event_type":"invented"}'])
def test_malformed_frames_are_counted_and_harmless(
    frame: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    data = watching()
    feed(data, frames.books())
    feed(data, frame)
    assert up(data).bid_bps == 9300
    assert "could not be read" in caplog.text


def test_malformed_frames_are_said_once_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    data = watching()
    with caplog.at_level(logging.WARNING):
        for second in range(130):
            feed(data, b"junk", mono_ns=(100 + second) * 1_000_000_000)
    said = [r.getMessage().split(" market")[0] for r in caplog.records]
    assert said == ["1", "61", "121"]


def test_a_pong_is_no_event() -> None:
    data = watching()
    feed(data, b"PONG")
    assert data.events == 0
