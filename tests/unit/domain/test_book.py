"""The book agrees with a naive one after any sequence of changes."""

import gzip
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polybot.domain.book import MirroredBook, OrderBook, Quote
from polybot.domain.money import PRICE_ONE_BPS, parse_price, parse_shares
from polybot.domain.order import Side
from polybot.errors import InvalidValue
from tests.recordings_path import recordings_dir

# Mostly few prices close together at both ends, so that levels are neighbors and best ones go.
PRICES = st.one_of(
    st.integers(min_value=1, max_value=4),
    st.integers(min_value=9996, max_value=9999),
    st.integers(min_value=1, max_value=9999),
)
SIZES = st.one_of(st.just(0), st.integers(min_value=1, max_value=10**13))
CHANGES = st.lists(st.tuples(st.sampled_from(Side), PRICES, SIZES), max_size=60)


class NaiveBook:
    """The same book as two dictionaries, sorted at each reading."""

    def __init__(self) -> None:
        self.sides: dict[Side, dict[int, int]] = {Side.BUY: {}, Side.SELL: {}}

    def apply(self, side: Side, price: int, size: int) -> None:
        self.sides[side][price] = size
        if not size:
            del self.sides[side][price]

    def levels(self, side: Side) -> list[tuple[int, int]]:
        return sorted(self.sides[side].items(), reverse=side is Side.BUY)

    def depth(self, side: Side) -> int:
        return sum(price * size for price, size in self.sides[side].items())


def assert_same(book: OrderBook, naive: NaiveBook) -> None:
    bids, asks = naive.levels(Side.BUY), naive.levels(Side.SELL)
    assert list(book.levels(Side.BUY)) == bids
    assert list(book.levels(Side.SELL)) == asks
    assert book.best_bid == (bids[0][0] if bids else None)
    assert book.best_ask == (asks[0][0] if asks else None)
    for side in Side:
        assert book.depth_usdc(side) == naive.depth(side) // PRICE_ONE_BPS
    assert book.is_crossed == bool(bids and asks and bids[0][0] >= asks[0][0])


@given(CHANGES)
def test_any_changes_leave_the_book_a_naive_one_would_be(
    changes: list[tuple[Side, int, int]],
) -> None:
    book, naive = OrderBook(), NaiveBook()
    for side, price, size in changes:
        book.apply_level(side, price, size)
        naive.apply(side, price, size)
        assert book.size_at(side, price) == size
        assert_same(book, naive)


@given(CHANGES, CHANGES)
def test_a_snapshot_leaves_nothing_of_what_was_before(
    before: list[tuple[Side, int, int]], after: list[tuple[Side, int, int]]
) -> None:
    book, naive = OrderBook(), NaiveBook()
    for side, price, size in before:
        book.apply_level(side, price, size)
    for side, price, size in after:
        naive.apply(side, price, size)
    book.apply_snapshot(reversed(naive.levels(Side.BUY)), reversed(naive.levels(Side.SELL)))
    assert_same(book, naive)


@given(CHANGES)
def test_the_mirror_is_the_book_of_the_mirrored_changes(
    changes: list[tuple[Side, int, int]],
) -> None:
    up, down = OrderBook(), OrderBook()
    mirror = MirroredBook(up)
    for side, price, size in changes:
        up.apply_level(side, price, size)
        down.apply_level(side.opposite, PRICE_ONE_BPS - price, size)
    for side in Side:
        assert list(mirror.levels(side)) == list(down.levels(side))
        assert mirror.depth_usdc(side) == down.depth_usdc(side)
        for price, size in down.levels(side):
            assert mirror.size_at(side, price) == size
    assert (mirror.best_bid, mirror.best_ask) == (down.best_bid, down.best_ask)
    assert mirror.quote() == down.quote() == up.quote().mirrored()
    assert mirror.imbalance() == down.imbalance()
    assert mirror.is_crossed == down.is_crossed


@given(CHANGES)
def test_imbalance_stays_between_minus_one_and_one(changes: list[tuple[Side, int, int]]) -> None:
    book = OrderBook()
    for side, price, size in changes:
        book.apply_level(side, price, size)
    assert -1.0 <= book.imbalance() <= 1.0


def test_an_empty_book_has_no_prices_and_no_imbalance() -> None:
    book = OrderBook()
    assert book.quote() == Quote()
    assert book.imbalance() == 0.0
    assert not book.is_crossed


def test_imbalance_weighs_size_by_price() -> None:
    book = OrderBook()
    book.apply_snapshot([(5000, 100_000_000)], [(5100, 100_000_000)])
    assert book.imbalance() == pytest.approx((50 - 51) / 101)


def test_a_quote_shows_the_best_prices_with_their_sizes() -> None:
    book = OrderBook()
    book.apply_snapshot([(9400, 3), (9500, 7)], [(9700, 2), (9600, 5)])
    assert book.quote() == Quote(bid_bps=9500, bid_shares=7, ask_bps=9600, ask_shares=5)


def test_a_quote_mirrors_a_missing_side_to_the_other_side() -> None:
    quote = Quote(bid_bps=9900, bid_shares=7)
    assert quote.mirrored() == Quote(ask_bps=100, ask_shares=7)
    assert quote.mirrored().mirrored() == quote


def test_best_prices_alone_replace_the_whole_book() -> None:
    book = OrderBook()
    book.apply_snapshot([(4900, 7), (4800, 7)], [(5100, 7), (5200, 7)])
    book.apply_quote(4900, 5300, 50)
    assert list(book.levels(Side.BUY)) == [(4900, 50)]
    assert list(book.levels(Side.SELL)) == [(5300, 50)]
    book.apply_quote(None, 5300, 50)
    assert book.best_bid is None
    assert book.best_ask == 5300


@pytest.mark.parametrize("price", [-1, 0, 10_000, 10_001])
@pytest.mark.parametrize("side", Side)
def test_a_price_outside_the_book_is_refused_and_changes_nothing(side: Side, price: int) -> None:
    book = OrderBook()
    book.apply_snapshot([(4900, 7)], [(5100, 7)])
    before = book.quote()
    with pytest.raises(InvalidValue, match="expected a price"):
        book.apply_level(side, price, 5)
    with pytest.raises(InvalidValue, match="expected a price"):
        book.size_at(side, price)
    assert book.quote() == before


@pytest.mark.parametrize("side", Side)
def test_a_negative_size_is_refused(side: Side) -> None:
    with pytest.raises(InvalidValue, match="size of 0 or more"):
        OrderBook().apply_level(side, 5000, -1)


@pytest.mark.recordings
def test_replayed_changes_show_the_best_prices_that_were_recorded() -> None:
    directory = recordings_dir()
    if directory is None:
        pytest.skip("the recorded markets are not on this machine")
    path = next(iter(sorted((directory / "dev" / "cronosvirus").glob("*.jsonl.gz"))))
    books = {"Up": OrderBook(), "Down": OrderBook()}
    compared = 0
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            row = json.loads(line, parse_float=str, parse_int=str)
            book = books[row["outcome"]]
            bids, asks = (
                [(parse_price(price), parse_shares(size)) for price, size in row[side]]
                for side in ("bids", "asks")
            )
            if row["kind"] == "book":
                book.apply_snapshot(bids, asks)
            else:
                for price, size in bids:
                    book.set_bid(price, size)
                for price, size in asks:
                    book.set_ask(price, size)
            compared += 1
            recorded = [row["best_bid"], row["best_ask"]]
            shown = [None if text is None else parse_price(text) for text in recorded]
            assert [book.best_bid, book.best_ask] == shown
            if book.best_bid is not None:
                assert book.size_at(Side.BUY, book.best_bid) == parse_shares(row["bid_size"])
    assert compared > 500
