"""Tests of a mirror's books: what frames do to them, and when they are not believed."""

import msgspec
import pytest

from polybot.domain.market import Outcome
from polybot.domain.order import Side
from polybot.domain.resting import TradePrint
from polybot.simulator.drivers.mirror_books import MirrorBooks
from polybot.simulator.happenings import ChangeTick, PrintTrade, SetBook, SetLevels
from tests.fakes import FakeClock
from tests.unit.simulator.samples import MARKET, SHARES, SLUG, START, S
from tests.unit.simulator.upstream import CONNECTED, FakeStream, at, book, change

EMPTY = (SetBook(at(9), SLUG, (), ()),)
SILENT_NS = 30 * S


@pytest.fixture
def stream() -> FakeStream:
    return FakeStream("market", FakeClock())


@pytest.fixture
def books(stream: FakeStream) -> MirrorBooks:
    made = MirrorBooks(stream, SILENT_NS)
    made.watch([MARKET], stream.clock.mono_ns)
    stream.put(state=CONNECTED)
    stream.put(book(), book(MARKET.token_down))
    made.take(START)
    return made


def test_a_whole_book_is_that_of_the_up_token(stream: FakeStream) -> None:
    made = MirrorBooks(stream, SILENT_NS)
    made.watch([MARKET], 0)
    assert stream.subscribed == ("1001", "1002")
    stream.put(book(), book(MARKET.token_down))
    bids = ((4900, 200 * SHARES), (5000, 100 * SHARES))
    asks = ((5300, 80 * SHARES), (5200, 50 * SHARES))
    assert made.take(START) == [SetBook(START, SLUG, bids, asks)]
    assert made.fresh() == 1


def test_a_changed_level_counts_once_although_it_comes_for_both_tokens(
    books: MirrorBooks, stream: FakeStream
) -> None:
    stream.put(change("0.51", "7.5", "BUY", ts_ns=at(2)))
    level = (Side.BUY, 5100, 7_500_000)
    assert books.take(at(3)) == [SetLevels(at(2), SLUG, (level,))]


def test_a_trade_of_either_token_is_told_with_its_takers_side(
    books: MirrorBooks, stream: FakeStream
) -> None:
    trade = {"event_type": "last_trade_price", "timestamp": str(at(2) // 1_000_000)}
    stream.put(trade | {"asset_id": MARKET.token_down, "price": "0.48", "size": "3", "side": "BUY"})
    expected = TradePrint(
        outcome=Outcome.DOWN, price_bps=4800, size_shares=3 * SHARES, aggressor=Side.BUY
    )
    assert books.take(at(3)) == [PrintTrade(at(2), SLUG, expected)]


@pytest.mark.parametrize(("price", "size"), [("0", "3"), ("1", "3"), ("0.5", "0"), ("0.5", "")])
def test_a_trade_that_cannot_have_been_is_left_out(
    books: MirrorBooks, stream: FakeStream, price: str, size: str
) -> None:
    token = MARKET.token_up
    trade = {"event_type": "last_trade_price", "asset_id": token, "price": price, "size": size}
    stream.put(trade)
    assert books.take(at(3)) == []


def test_a_new_tick_is_told(books: MirrorBooks, stream: FakeStream) -> None:
    event = {"event_type": "tick_size_change", "asset_id": MARKET.token_up}
    stream.put(event | {"old_tick_size": "0.01", "new_tick_size": "0.001"})
    assert books.take(at(3)) == [ChangeTick(at(3), SLUG, 10)]


def test_times_never_go_back_and_never_run_ahead(books: MirrorBooks, stream: FakeStream) -> None:
    told = []
    for seconds in (5, 3, 60):
        stream.put(change("0.51", str(seconds), "BUY", ts_ns=at(seconds)))
        told += books.take(at(8))
    assert [each.ts_ns for each in told] == [at(5), at(5), at(8)]


def test_a_lost_connection_empties_the_book_until_a_whole_one_comes(
    books: MirrorBooks, stream: FakeStream
) -> None:
    stream.put(state="disconnected: closed")
    assert tuple(books.take(at(9))) == EMPTY
    assert (books.connected, books.fresh()) == (False, 0)
    stream.put(state=CONNECTED)
    stream.put(change("0.51", "7", "BUY"))
    assert books.take(at(10)) == []
    stream.put(book())
    assert [type(each) for each in books.take(at(11))] == [SetBook]


def test_a_book_that_crosses_is_emptied_and_asked_for_anew(
    books: MirrorBooks, stream: FakeStream
) -> None:
    stream.put(change("0.52", "7", "BUY"))
    # The crossing itself is never shown: a resting order would fill on it.
    assert tuple(books.take(at(9))) == EMPTY
    books.watch([MARKET], stream.clock.mono_ns)
    assert stream.subscribed == ()
    stream.clock.advance(1.1)
    books.watch([MARKET], stream.clock.mono_ns)
    assert stream.subscribed == ("1001", "1002")
    stream.put(book())
    assert books.take(at(11)) != []


def test_a_book_may_cross_inside_a_frame(books: MirrorBooks, stream: FakeStream) -> None:
    stream.put(change("0.52", "7", "BUY", ts_ns=at(1)), change("0.52", "0", "SELL", ts_ns=at(2)))
    levels = ((Side.BUY, 5200, 7 * SHARES), (Side.SELL, 5200, 0))
    assert books.take(at(9)) == [SetLevels(at(2), SLUG, levels)]


def test_a_trade_between_two_changes_keeps_its_place(
    books: MirrorBooks, stream: FakeStream
) -> None:
    trade = {"event_type": "last_trade_price", "asset_id": MARKET.token_up, "side": "BUY"}
    stream.put(
        change("0.51", "7", "BUY"),
        trade | {"price": "0.52", "size": "50"},
        change("0.52", "0", "SELL"),
    )
    told = books.take(at(9))
    assert [type(each) for each in told] == [SetLevels, PrintTrade, SetLevels]


def test_an_impossible_level_costs_the_book(books: MirrorBooks, stream: FakeStream) -> None:
    stream.put(change("0.51", "-7", "BUY"))
    assert tuple(books.take(at(9))) == EMPTY
    assert books.dropped == 1


def test_an_open_window_that_says_nothing_loses_its_book(
    books: MirrorBooks, stream: FakeStream
) -> None:
    stream.clock.advance(29)
    assert books.drop_frozen(at(9), stream.clock.mono_ns) == []
    stream.clock.advance(2)
    assert tuple(books.drop_frozen(at(9), stream.clock.mono_ns)) == EMPTY
    assert books.drop_frozen(at(9), stream.clock.mono_ns) == []


def test_a_window_that_is_not_open_yet_may_be_silent(
    books: MirrorBooks, stream: FakeStream
) -> None:
    stream.clock.advance(100)
    assert books.drop_frozen(START - S, stream.clock.mono_ns) == []


def test_what_is_not_followed_any_more_is_not_subscribed(
    books: MirrorBooks, stream: FakeStream
) -> None:
    books.watch([], stream.clock.mono_ns)
    assert stream.subscribed == ()
    stream.put(book())
    assert books.take(at(9)) == []


def test_a_resolution_is_only_noted(books: MirrorBooks, stream: FakeStream) -> None:
    stream.put({"event_type": "market_resolved", "market": MARKET.condition_id})
    assert books.take(at(9)) == []
    assert books.resolved == {MARKET.condition_id}


def test_two_windows_do_not_touch_each_other(books: MirrorBooks, stream: FakeStream) -> None:
    other = msgspec.structs.replace(
        MARKET, slug="btc-updown-5m-1800000300", token_up="2001", token_down="2002"
    )
    books.watch([MARKET, other], stream.clock.mono_ns)
    assert stream.subscribed == ("1001", "1002", "2001", "2002")
    stream.put(book("2001"))
    told = books.take(at(9))
    assert [each.slug for each in told] == [other.slug]
