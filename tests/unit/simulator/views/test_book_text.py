"""A book kept as text says at every moment what the book itself would say."""

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from polybot.domain.market import Outcome
from polybot.domain.order import Side
from polybot.simulator.engine.window_book import WindowBook
from polybot.simulator.views.book import best_texts, book_answer
from polybot.simulator.views.book_text import BookText
from tests.unit.simulator.samples import ASKS, BIDS, MARKET, SHARES, SLUG, START
from tests.unit.simulator.stand import Stand

LEVEL = st.tuples(
    st.sampled_from(list(Side)),
    st.integers(1, 99).map(lambda cents: cents * 100),
    st.sampled_from([0, 1, 5 * SHARES, 12_345_678]),
)


def opened() -> WindowBook:
    stand = Stand()
    stand.step()
    book = stand.world.exchange.book(SLUG)
    assert book is not None
    return book


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(LEVEL, min_size=1, max_size=3), max_size=8))
def test_item_04_the_hash_after_any_changes_is_that_of_the_whole_book(
    changes: list[list[tuple[Side, int, int]]],
) -> None:
    book = opened()
    text = BookText(book)
    for number, levels in enumerate(changes):
        text.change(book.set_levels(levels), START + number)
        for outcome in Outcome:
            assert text.hash(outcome, START + number) == (
                book_answer(book, outcome, START + number).hash
            )
            assert text.best(outcome) == best_texts(book, outcome)


def test_item_13_a_change_is_told_for_both_tokens() -> None:
    book = opened()
    text = BookText(book)
    told = json.loads(text.change(book.set_levels([(Side.SELL, 5150, 7 * SHARES)]), START))
    up, down = told["price_changes"]
    assert (up["asset_id"], up["price"], up["size"], up["side"]) == (
        MARKET.token_up,
        "0.515",
        "7",
        "SELL",
    )
    assert (down["asset_id"], down["price"], down["size"], down["side"]) == (
        MARKET.token_down,
        "0.485",
        "7",
        "BUY",
    )
    assert (up["best_bid"], up["best_ask"]) == ("0.5", "0.515")
    assert (down["best_bid"], down["best_ask"]) == ("0.485", "0.5")
    assert list(told) == ["market", "price_changes", "timestamp", "event_type"]


def test_an_empty_side_reads_zero_and_one() -> None:
    book = opened()
    text = BookText(book)
    gone = [(Side.BUY, price, 0) for price, _ in BIDS] + [
        (Side.SELL, price, 0) for price, _ in ASKS
    ]
    told = json.loads(text.change(book.set_levels(gone), START))
    assert {(row["best_bid"], row["best_ask"]) for row in told["price_changes"]} == {("0", "1")}
    assert {row["size"] for row in told["price_changes"]} == {"0"}
