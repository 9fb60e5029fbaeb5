"""One market over a whole life of quotes, prints and orders: nothing is filled out of thin air."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from polybot.domain.book import OrderBook
from polybot.domain.market import Outcome
from polybot.domain.matcher import Matcher
from polybot.domain.matching import Consumption, Verdict, order_at, to_up
from polybot.domain.order import OrderType, Side
from polybot.domain.resting import TradePrint
from polybot.errors import InvalidValue

UP, DOWN, BUY, SELL = Outcome.UP, Outcome.DOWN, Side.BUY, Side.SELL
SHARE = 1_000_000


def a_matcher(
    bids: dict[int, int], asks: dict[int, int], unknown_depth_shares: int | None = None
) -> Matcher:
    book = OrderBook()
    book.apply_snapshot(bids.items(), asks.items())
    return Matcher(book, unknown_depth_shares=unknown_depth_shares)


def test_a_resting_order_stands_behind_what_was_displayed() -> None:
    matcher = a_matcher({5000: 40 * SHARE}, {5200: SHARE})
    result = matcher.submit("a", order_at(UP, BUY, OrderType.GTC, 5000, 10 * SHARE))
    assert result.verdict is Verdict.RESTS
    (resting,) = matcher.resting
    assert (resting.price_bps, resting.queue_ahead_shares) == (5000, 40 * SHARE)


def test_a_remainder_rests_and_does_not_take_the_same_level_again() -> None:
    matcher = a_matcher({}, {5000: 4 * SHARE})
    result = matcher.submit("a", order_at(UP, BUY, OrderType.GTC, 5100, 10 * SHARE))
    assert result.filled_shares == 4 * SHARE
    # The recording still shows the level that we took, below our bid.
    assert matcher.on_book() == []
    matcher.book.set_ask(5000, 5 * SHARE)
    (update,) = matcher.on_book()
    assert update.filled_shares == SHARE
    assert matcher.resting[0].remaining_shares == 5 * SHARE


def test_a_level_that_vanished_and_came_back_can_be_taken_again() -> None:
    matcher = a_matcher({}, {5000: SHARE})
    buy = order_at(UP, BUY, OrderType.FAK, 5000, 500_000)
    assert matcher.submit("a", buy).filled_shares == SHARE
    assert matcher.submit("b", buy).filled_shares == 0
    for displayed in (0, SHARE):
        matcher.book.set_ask(5000, displayed)
        matcher.on_book()
    assert matcher.submit("c", buy).filled_shares == SHARE


def test_a_quote_fills_the_better_price_first_and_once() -> None:
    matcher = a_matcher({}, {})
    matcher.submit("low", order_at(UP, BUY, OrderType.GTC, 5000, 10 * SHARE))
    matcher.submit("high", order_at(DOWN, SELL, OrderType.GTC, 4900, 10 * SHARE))
    matcher.book.set_ask(4900, 12 * SHARE)
    updates = matcher.on_book()
    assert [(u.order.order_id, u.filled_shares) for u in updates] == [
        ("high", 10 * SHARE),
        ("low", 2 * SHARE),
    ]
    assert [order.order_id for order in matcher.resting] == ["low"]
    assert matcher.on_book() == []


def test_a_print_that_only_shortens_the_queue_is_kept_but_not_reported() -> None:
    matcher = a_matcher({5000: 40}, {})
    matcher.submit("a", order_at(UP, BUY, OrderType.GTC, 5000, 10 * SHARE))
    trade = TradePrint(outcome=UP, price_bps=5000, size_shares=30, aggressor=SELL)
    assert matcher.on_print(trade) == []
    assert matcher.resting[0].queue_ahead_shares == 10
    (update,) = matcher.on_print(replace(trade, size_shares=15))
    assert update.filled_shares == 5


def test_a_canceled_order_is_gone_and_fills_no_more() -> None:
    matcher = a_matcher({}, {})
    matcher.submit("a", order_at(UP, BUY, OrderType.GTC, 5000, SHARE))
    canceled = matcher.cancel("a")
    assert canceled is not None
    assert canceled.remaining_shares == SHARE
    assert matcher.cancel("a") is None
    assert matcher.on_print(TradePrint(outcome=UP, price_bps=100, size_shares=SHARE)) == []
    matcher.book.set_ask(100, SHARE)
    assert matcher.on_book() == []


def test_an_id_that_rests_already_is_refused() -> None:
    matcher = a_matcher({}, {})
    order = order_at(UP, BUY, OrderType.GTC, 5000, SHARE)
    matcher.submit("a", order)
    with pytest.raises(InvalidValue, match="rests already"):
        matcher.submit("a", order)


def test_a_restored_matcher_goes_on_where_it_was() -> None:
    matcher = a_matcher({5000: 40 * SHARE}, {5200: SHARE})
    matcher.submit("a", order_at(UP, BUY, OrderType.GTC, 5000, 10 * SHARE))
    matcher.submit("b", order_at(UP, BUY, OrderType.FAK, 5200, 520_000))
    restored = Matcher(
        matcher.book, resting=matcher.resting, consumed=Consumption(matcher.consumed.rows())
    )
    assert restored.resting == matcher.resting
    again = restored.submit("c", order_at(UP, BUY, OrderType.FAK, 5200, 520_000))
    assert again.verdict is Verdict.KILLED


def test_with_unknown_depth_the_queue_is_assumed() -> None:
    matcher = a_matcher({5000: 70}, {5200: 70}, unknown_depth_shares=70)
    matcher.submit("behind", order_at(UP, BUY, OrderType.GTC, 4900, SHARE))
    matcher.submit("ahead", order_at(UP, BUY, OrderType.GTC, 5100, SHARE))
    assert [order.queue_ahead_shares for order in matcher.resting] == [70, 0]


EVENTS = st.lists(
    st.one_of(
        st.tuples(
            st.just("level"),
            st.sampled_from(Side),
            st.integers(min_value=45, max_value=55),
            st.integers(min_value=0, max_value=30),
        ),
        st.tuples(
            st.just("print"),
            st.sampled_from([BUY, SELL, None]),
            st.integers(min_value=45, max_value=55),
            st.integers(min_value=1, max_value=30),
        ),
        st.tuples(
            st.sampled_from(["up", "down"]),
            st.sampled_from(Side),
            st.integers(min_value=45, max_value=55),
            st.integers(min_value=1, max_value=30),
        ),
    ),
    max_size=40,
)


@settings(max_examples=200)
@given(EVENTS)
def test_what_we_get_was_shown_or_printed_and_never_twice(
    events: list[tuple[str, Side | None, int, int]],
) -> None:
    """Our fills never exceed what others offered: new displayed size and printed trades."""
    matcher = a_matcher({}, {})
    offered, filled = 0, 0
    remaining: dict[str, int] = {}
    for index, (kind, side, cents, size) in enumerate(events):
        price, shares = cents * 100, size * SHARE
        if kind == "level":
            assert side is not None
            offered += max(shares - matcher.book.size_at(side, price), 0)
            matcher.book.apply_level(side, price, shares)
            updates = matcher.on_book()
        elif kind == "print":
            offered += shares
            updates = matcher.on_print(
                TradePrint(outcome=UP, price_bps=price, size_shares=shares, aggressor=side)
            )
        else:
            assert side is not None
            outcome = UP if kind == "up" else DOWN
            order = order_at(outcome, side, OrderType.GTC, price, shares)
            result = matcher.submit(str(index), order)
            filled += result.filled_shares
            remaining[str(index)] = shares - result.filled_shares
            assert result.resting_shares == remaining[str(index)]
            continue
        for update in updates:
            filled += update.filled_shares
            remaining[update.order.order_id] -= update.filled_shares
            assert update.order.remaining_shares == remaining[update.order.order_id] >= 0
    assert filled <= offered
    live = {rest.order_id: rest.remaining_shares for rest in matcher.resting}
    assert live == {order_id: left for order_id, left in remaining.items() if left}
    for rest in matcher.resting:
        up_side, up_price = to_up(rest.outcome, rest.side, rest.price_bps)
        assert 0 <= rest.queue_ahead_shares <= matcher.book.size_at(up_side, up_price)


@given(EVENTS)
def test_a_recording_in_which_depth_only_shrinks_fills_nobody(
    events: list[tuple[str, Side | None, int, int]],
) -> None:
    everything = {cents * 100: 100 * SHARE for cents in range(1, 51)}
    matcher = a_matcher(everything, {cents * 100: 100 * SHARE for cents in range(51, 100)})
    matcher.submit("bid", order_at(UP, BUY, OrderType.GTC, 4800, SHARE))
    matcher.submit("ask", order_at(DOWN, BUY, OrderType.GTC, 4700, SHARE))
    for kind, side, cents, size in events:
        if kind == "level" and side is not None:
            shown = matcher.book.size_at(side, cents * 100)
            matcher.book.apply_level(side, cents * 100, min(shown, size * SHARE))
            assert matcher.on_book() == []
    assert len(matcher.resting) == 2
