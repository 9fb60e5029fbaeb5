"""A missing book is asked for, ever less often; a false one is dropped and said."""

import msgspec
import pytest

from polybot.domain.market import Outcome
from polybot.errors import NotFound, Unavailable
from polybot.messages.trading import BookDistrusted
from polybot.ports import BookReply, StreamFrame
from polybot.services.trader.book_repair import BookRepair
from polybot.services.trader.market_data import MarketData
from tests.story import market_at
from tests.unit.services.trader import frames
from tests.unit.services.trader.books import Books
from tests.unit.services.trader.fakes_exchange import FakeBookSource

UP, DOWN = market_at().token_up, market_at().token_down


class Case:
    """Books of one market, connected and without any yet."""

    def __init__(self) -> None:
        self.books = Books()
        self.clock = self.books.clock
        self.data = MarketData()
        self.data.watch([market_at()])
        self.source = FakeBookSource()
        self.repair = BookRepair(self.data, self.source, self.books.keeper, self.clock)
        self.say(state="connected")

    def say(self, data: bytes = b"", state: str = "") -> None:
        self.data.accept(StreamFrame("market", self.clock.mono_ns, data=data, state=state))

    def turn(self, *replies: BookReply, after_s: float = 0) -> list[str]:
        self.clock.advance(after_s)
        self.source.asked.clear()
        self.repair.turn(replies)
        return self.source.asked

    def bid(self) -> int | None:
        return self.data.token_view(market_at(), Outcome.UP).bid_bps


def reply(token: str = UP, **changes: object) -> BookReply:
    told = frames.book(token) | {"market": "0x1", "timestamp": "1000"} | changes
    return BookReply(token, msgspec.json.encode(told))


def test_the_stream_is_given_three_seconds_before_a_book_is_asked_for() -> None:
    case = Case()
    assert case.turn() == []
    assert case.turn(after_s=2.9) == []
    assert case.turn(after_s=0.2) == [UP, DOWN]
    assert case.turn(after_s=0.2) == []


def test_a_book_that_stays_away_is_asked_for_ever_less_often() -> None:
    case = Case()
    case.turn()
    moments = [second for second in range(1, 120) if case.turn(after_s=1)]
    assert moments == [3, 6, 12, 24, 48, 78, 108]


def test_a_book_that_came_is_used_and_not_asked_for_again() -> None:
    case = Case()
    case.turn()
    case.turn(after_s=3)
    case.turn(reply())
    assert case.bid() == 9300
    assert case.repair.repaired == 1
    assert case.turn(after_s=30) == [DOWN]


def test_a_stream_that_sends_its_snapshots_is_never_asked() -> None:
    case = Case()
    case.turn()
    case.say(frames.books())
    assert case.turn(after_s=60) == []
    # A book that is there again is waited for anew when it is lost again.
    case.say(frames.tick(UP, "0.001"))
    assert case.turn() == []
    assert case.turn(after_s=3) == [UP]


def test_nothing_is_asked_while_the_stream_is_away() -> None:
    case = Case()
    case.turn()
    case.say(state="disconnected: closed")
    assert case.turn(after_s=60) == []
    case.say(state="connected")
    assert case.turn() == []
    assert case.turn(after_s=3) == [UP, DOWN]


def test_a_false_book_is_recorded_said_and_fetched(caplog: pytest.LogCaptureFixture) -> None:
    case = Case()
    case.say(frames.books())
    case.say(frames.change(UP, "SELL", "0.20", "3"))
    case.turn()
    (said,) = case.books.said(BookDistrusted)
    assert (said.slug, said.token_id, said.fault) == (market_at().slug, UP, "crossed")
    assert "not trading on a book, fetching it anew" in caplog.text
    assert "expected bids below asks, was 0.93 to 0.2" in caplog.text
    assert case.repair.distrusted == 1
    assert case.turn(after_s=3) == [UP]
    case.turn(reply())
    assert case.bid() == 9300


@pytest.mark.parametrize(
    "bad",
    [
        BookReply(UP, b"<html>busy</html>"),
        BookReply(UP, error=Unavailable("restarting")),
        reply(bids=[{"price": "0.97", "size": "1"}]),
        reply(bids=[{"price": "7", "size": "1"}]),
        reply(hash="0" * 40),
        BookReply(UP, reply(DOWN).body),
    ],
)
def test_an_answer_that_is_no_book_is_said_and_asked_for_again(
    bad: BookReply, caplog: pytest.LogCaptureFixture
) -> None:
    case = Case()
    case.turn()
    case.turn(after_s=3)
    assert case.turn(bad) == []
    assert case.bid() is None
    assert "a book that was asked for cannot be used" in caplog.text
    assert UP in case.turn(after_s=3)


def test_a_market_that_has_no_book_is_nothing_to_say(caplog: pytest.LogCaptureFixture) -> None:
    case = Case()
    case.turn()
    case.turn(after_s=3)
    case.turn(BookReply(UP, error=NotFound("no orderbook")))
    assert caplog.records == []


def test_an_answer_nobody_waits_for_any_more_is_dropped() -> None:
    case = Case()
    case.say(frames.books(bids=(("0.5", "1"),)))
    case.turn(reply())
    assert case.bid() == 5000


def test_hashes_that_never_hold_are_given_up_with_one_line(
    caplog: pytest.LogCaptureFixture,
) -> None:
    case = Case()
    case.turn()
    for _ in range(6):
        case.turn(after_s=31)
        case.turn(reply(hash="0" * 40))
    assert case.bid() == 9300
    assert caplog.text.count("book hashes are no longer checked") == 1
