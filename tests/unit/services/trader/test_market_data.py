"""Books are kept from raw frames; what cannot be trusted is no book."""

import gzip
import logging
from pathlib import Path
from typing import Any

import msgspec
import pytest

from polybot.domain.market import Outcome
from polybot.errors import InvalidValue
from polybot.exchange.book_hash import book_hash
from polybot.exchange.wire_market import BookAnswer
from polybot.ports import StreamFrame
from polybot.services.trader.book_checks import BookFault
from polybot.services.trader.market_data import MarketData
from polybot.services.trader.missed_changes import KEPT
from polybot.strategies.base import TokenView
from tests.recordings_path import recordings_dir
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
    assert "market events that could not be read: 1 so far" in caplog.text


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
    said = [r.getMessage().split(": ")[1].split(" so far")[0] for r in caplog.records]
    assert said == ["1", "61", "121"]


def test_a_pong_is_no_event() -> None:
    data = watching()
    feed(data, b"PONG")
    assert data.events == 0


CROSSING = [
    frames.change(UP, "BUY", "0.95", "1"),
    frames.change(UP, "SELL", "0.93", "1"),
    frames.change(UP, "SELL", "0.10", "1"),
    msgspec.json.encode(frames.book(UP, bids=(("0.96", "1"),), asks=(("0.95", "1"),))),
]


@pytest.mark.parametrize("frame", CROSSING)
def test_a_book_that_crosses_is_no_book_and_says_why(frame: bytes) -> None:
    data = watching()
    feed(data, frames.books())
    data.touched.clear()
    feed(data, frame)
    assert up(data) == TokenView(Outcome.UP, UP)
    assert data.token_view(MARKET, Outcome.DOWN).bid_bps == 500
    assert data.touched == {MARKET.slug}
    (fault,) = data.faults
    assert (fault.token_id, fault.kind) == (UP, BookFault.CROSSED)
    assert fault.detail.startswith("expected bids below asks, was 0.9")
    assert data.missing() == [UP]


def test_changes_of_one_event_may_cross_in_between() -> None:
    data = watching()
    feed(data, frames.books())
    levels = [
        {"asset_id": UP, "side": "BUY", "price": "0.95", "size": "5"},
        {"asset_id": UP, "side": "SELL", "price": "0.95", "size": "0"},
    ]
    feed(data, msgspec.json.encode({"event_type": "price_change", "price_changes": levels}))
    assert (up(data).bid_bps, up(data).ask_bps, data.faults) == (9500, 9900, [])


def answer(**changes: Any) -> BookAnswer:
    told = frames.book(UP) | {"market": MARKET.condition_id, "timestamp": "1000"} | changes
    del told["event_type"]
    return with_hash(msgspec.convert(told, BookAnswer))


def with_hash(book: BookAnswer) -> BookAnswer:
    return msgspec.structs.replace(book, hash=book_hash(book))


def at(stamp_ms: int, side: str, price: str, size: str) -> bytes:
    change = msgspec.json.decode(frames.change(UP, side, price, size))
    return msgspec.json.encode(change | {"timestamp": str(stamp_ms)})


def test_a_book_by_request_gets_the_changes_it_lacks() -> None:
    data = watching()
    feed(data, at(998, "BUY", "0.94", "1"))
    feed(data, at(1000, "BUY", "0.92", "2"))
    feed(data, at(1001, "SELL", "0.95", "0"))
    assert data.restore(answer()) == ""
    view = up(data)
    # The change of the snapshot's own millisecond is applied, the one before it is not.
    assert (view.bid_bps, view.ask_bps) == (9300, 9900)
    assert data.missing() == [DOWN]
    assert data.touched == {MARKET.slug}
    feed(data, at(1002, "BUY", "0.93", "0"))
    assert (up(data).bid_bps, up(data).bid_shares) == (9200, 2_000_000)


def test_a_book_by_request_never_replaces_one_that_is_there() -> None:
    data = watching()
    feed(data, frames.books())
    assert data.restore(answer(bids=[], asks=[])) == ""
    assert up(data).bid_bps == 9300


def test_a_book_older_than_the_changes_kept_is_not_used() -> None:
    data = watching()
    for number in range(KEPT + 1):
        feed(data, at(1000 + number, "BUY", "0.5", str(number + 1)))
    assert "older than the changes" in data.restore(answer())
    assert data.restore(answer(timestamp="1001")) == ""


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (answer(bids=[{"price": "0.95", "size": "1"}]), "expected bids below asks"),
        (msgspec.structs.replace(answer(), hash="0" * 40), "expected hash"),
    ],
)
def test_a_book_by_request_that_cannot_be_true_is_not_used(wrong: BookAnswer, said: str) -> None:
    data = watching()
    assert said in data.restore(wrong)
    assert up(data).bid_bps is None


def test_an_impossible_level_in_a_book_by_request_is_an_error() -> None:
    data = watching()
    with pytest.raises(InvalidValue):
        data.restore(answer(bids=[{"price": "2", "size": "1"}]))
    assert up(data).bid_bps is None


def test_no_book_is_taken_for_a_token_nobody_watches_or_while_away() -> None:
    data = watching()
    data.accept(StreamFrame("market", 0, state="disconnected: closed"))
    assert data.restore(answer()) == ""
    assert up(data).bid_bps is None
    data.accept(StreamFrame("market", 0, state="connected"))
    data.watch([market_at(1)])
    assert data.restore(answer()) == ""
    assert data.missing() == [market_at(1).token_up, market_at(1).token_down]


def test_a_snapshot_with_another_hash_than_its_content_is_no_book() -> None:
    data = watching()
    told = frames.book(UP) | {"tick_size": "0.01", "hash": "0" * 40, "market": "0x1"}
    feed(data, msgspec.json.encode(told))
    assert up(data).bid_bps is None
    assert [fault.kind for fault in data.faults] == [BookFault.HASH]


def test_recorded_frames_apply_and_their_books_never_cross() -> None:
    recordings = recordings_dir()
    messages = None if recordings is None else recordings / "messages" / "clob_ws_market"
    if messages is None or not messages.is_dir():
        pytest.skip("no recorded messages beside this clone")
    books = [line["payload"] for line in lines(messages / "book_initial_list.jsonl.gz")]
    data = MarketData()
    tokens = sorted({book["asset_id"] for frame in books for book in frame})
    pairs = list(zip(tokens[::2], tokens[1::2], strict=False))
    data.watch(
        msgspec.structs.replace(market_at(number), token_up=one, token_down=other)
        for number, (one, other) in enumerate(pairs)
    )
    data.accept(StreamFrame("market", 0, state="connected"))
    for frame in books:
        feed(data, msgspec.json.encode(frame))
    for line in lines(messages / "price_change.jsonl.gz"):
        feed(data, msgspec.json.encode(line["payload"]))
    assert data.events > 300
    assert [f for f in data.faults if f.kind is not BookFault.CROSSED] == []
    assert data.hashes.failed == 0
    assert data.hashes.held > 5


def lines(path: Path) -> list[dict[str, Any]]:
    with gzip.open(path, "rb") as file:
        return [msgspec.json.decode(line) for line in file]
