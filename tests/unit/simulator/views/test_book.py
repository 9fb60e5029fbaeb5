"""Books on the wire: the best price last, and a hash anybody can check."""

import msgspec

from polybot.domain.market import Outcome
from polybot.domain.order import Side
from polybot.exchange.book_hash import book_hash
from polybot.simulator.engine.window_book import WindowBook
from polybot.simulator.views.book import best_texts, book_answer, book_frame
from tests.unit.simulator.samples import MARKET, SHARES, SLUG, START, Venue


def made() -> WindowBook:
    venue = Venue()
    venue.show()
    book = venue.exchange.book(SLUG)
    assert book is not None
    return book


def test_bids_ascend_and_asks_descend_for_both_tokens() -> None:
    up, down = (book_answer(made(), outcome, START) for outcome in Outcome)
    assert [(level.price, level.size) for level in up.bids] == [("0.49", "200"), ("0.5", "100")]
    assert [(level.price, level.size) for level in up.asks] == [("0.53", "80"), ("0.52", "50")]
    assert [level.price for level in down.bids] == ["0.47", "0.48"]
    assert [level.price for level in down.asks] == ["0.51", "0.5"]
    assert (down.asset_id, down.market) == (MARKET.token_down, MARKET.condition_id)
    assert (up.min_order_size, up.tick_size, up.timestamp) == ("5", "0.01", "1800000000000")


def test_the_hash_is_that_of_the_rest() -> None:
    book = book_answer(made(), Outcome.UP, START)
    assert book.hash == book_hash(book)
    assert book.hash != book_answer(made(), Outcome.UP, START + 1_000_000).hash


def test_a_frame_says_the_same_as_the_route() -> None:
    frame = book_frame(made(), Outcome.UP, START)
    route = book_answer(made(), Outcome.UP, START)
    assert (frame.hash, frame.bids, frame.asks) == (route.hash, route.bids, route.asks)
    assert msgspec.json.encode(frame).endswith(b'"event_type":"book","last_trade_price":""}')


def test_an_empty_side_reads_nothing_or_everything() -> None:
    book = made()
    assert best_texts(book, Outcome.UP) == ("0.5", "0.52")
    book.set_book((), ((5200, SHARES),))
    assert best_texts(book, Outcome.UP) == ("0", "0.52")
    book.take(Outcome.UP, Side.SELL, [(5200, SHARES)])
    assert best_texts(book, Outcome.DOWN) == ("0", "1")
