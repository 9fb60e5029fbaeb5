"""A window's book shows the outside market less what our orders took."""

from polybot.domain.market import Outcome
from polybot.domain.order import Side
from polybot.domain.resting import TradePrint
from polybot.simulator.books.accounts import WindowRow
from polybot.simulator.engine.window_book import WindowBook
from tests.unit.simulator.samples import ASKS, BIDS, MARKET, SHARES, START


def make(depth: int = 0) -> WindowBook:
    return WindowBook(
        WindowRow(number=1, market=MARKET, unknown_depth_shares=depth, listed_ns=START)
    )


def full() -> WindowBook:
    book = make()
    book.set_book(BIDS, ASKS)
    return book


def test_a_whole_book_touches_only_what_differs() -> None:
    book = full()
    touched = book.set_book((*BIDS[:1], (4800, 1)), ASKS)
    assert set(touched) == {(Side.BUY, 4900), (Side.BUY, 4800)}
    assert book.best(Outcome.UP) == (5000, 5200)
    assert book.best(Outcome.DOWN) == (4800, 5000)


def test_what_is_taken_is_hidden_from_both_tokens() -> None:
    book = full()
    touched = book.take(Outcome.DOWN, Side.SELL, [(5000, 100 * SHARES)])
    assert touched == [(Side.BUY, 5000)]
    assert book.size_at(Side.BUY, 5000) == 0
    assert book.best(Outcome.UP) == (4900, 5200)
    assert list(book.levels(Outcome.DOWN, Side.SELL)) == [(5100, 200 * SHARES)]


def test_best_prices_without_sizes_get_the_assumed_size() -> None:
    book = make(50 * SHARES)
    assert book.set_best(4000, 4100) == [(Side.BUY, 4000), (Side.SELL, 4100)]
    assert book.size_at(Side.SELL, 4100) == 50 * SHARES
    assert book.set_best(4000, 4100) == []
    assert book.set_best(4000, None) == [(Side.SELL, 4100)]
    assert book.unknown_depth_shares == 50 * SHARES
    assert full().unknown_depth_shares is None


def test_a_prints_taker_follows_from_the_best_prices() -> None:
    def side_of(outcome: Outcome, price: int) -> Side | None:
        trade = TradePrint(outcome=outcome, price_bps=price, size_shares=1)
        return full().aggressor_of(trade)

    assert side_of(Outcome.UP, 5200) is Side.BUY
    assert side_of(Outcome.UP, 5000) is Side.SELL
    assert side_of(Outcome.UP, 5100) is None
    assert side_of(Outcome.DOWN, 5000) is Side.BUY
    told = TradePrint(outcome=Outcome.UP, price_bps=5100, size_shares=1, aggressor=Side.SELL)
    assert full().aggressor_of(told) is Side.SELL


def test_the_last_trade_is_seen_from_either_token() -> None:
    book = full()
    assert book.last_price(Outcome.UP) is None
    book.note_trade(Outcome.DOWN, 4800, Side.BUY)
    assert book.last_trade == (5200, Side.SELL)
    assert book.last_price(Outcome.DOWN) == 4800
