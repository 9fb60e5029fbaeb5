"""A resting order waits its turn: prints and quotes fill it, shrinking depth never does."""

import pytest

from polybot.domain.book import OrderBook
from polybot.domain.market import Outcome
from polybot.domain.matching import Consumption, Execution
from polybot.domain.order import Side
from polybot.domain.resting import (
    RestingOrder,
    TradePrint,
    after_book,
    displayed_at,
    fill_on_print,
    fill_through_quote,
    in_priority,
)

UP, DOWN, BUY, SELL = Outcome.UP, Outcome.DOWN, Side.BUY, Side.SELL


def a_rest(
    order_id: str = "r",
    *,
    outcome: Outcome = UP,
    side: Side = BUY,
    price: int = 5000,
    shares: int = 10,
    ahead: int = 100,
) -> RestingOrder:
    return RestingOrder(
        order_id=order_id,
        outcome=outcome,
        side=side,
        price_bps=price,
        remaining_shares=shares,
        queue_ahead_shares=ahead,
    )


def a_print(
    price: int, size: int, aggressor: Side | None = None, outcome: Outcome = UP
) -> TradePrint:
    return TradePrint(outcome=outcome, price_bps=price, size_shares=size, aggressor=aggressor)


def a_book(bids: dict[int, int], asks: dict[int, int]) -> OrderBook:
    book = OrderBook()
    book.apply_snapshot(bids.items(), asks.items())
    return book


def filled(orders: list[RestingOrder], trade: TradePrint) -> dict[str, int]:
    updates = fill_on_print(orders, trade, Consumption())
    return {update.order.order_id: update.filled_shares for update in updates}


def test_a_print_at_our_price_serves_the_queue_before_us() -> None:
    (update,) = fill_on_print([a_rest()], a_print(5000, 60), Consumption())
    assert (update.filled_shares, update.order.queue_ahead_shares) == (0, 40)
    (update,) = fill_on_print([update.order], a_print(5000, 44), Consumption())
    assert (update.filled_shares, update.order.queue_ahead_shares) == (4, 0)
    assert update.order.remaining_shares == 6


def test_a_print_through_our_price_fills_us_up_to_its_size() -> None:
    assert filled([a_rest()], a_print(4900, 7)) == {"r": 7}
    assert filled([a_rest()], a_print(4900, 70)) == {"r": 10}
    assert filled([a_rest(side=SELL)], a_print(5100, 7)) == {"r": 7}


def test_a_print_on_the_far_side_of_our_price_is_nothing_to_us() -> None:
    assert filled([a_rest()], a_print(5100, 1000)) == {}
    assert filled([a_rest(side=SELL)], a_print(4900, 1000)) == {}


def test_a_print_whose_taker_was_on_our_side_cannot_have_met_us_at_our_price() -> None:
    assert filled([a_rest(ahead=0)], a_print(5000, 50, BUY)) == {}
    assert filled([a_rest(ahead=0)], a_print(5000, 50, SELL)) == {"r": 10}
    assert filled([a_rest(ahead=0, side=SELL)], a_print(5000, 50, BUY)) == {"r": 10}


def test_a_print_of_the_other_token_counts_mirrored() -> None:
    # A buyer of Down at 0.50 takes from bids for Up at 0.50 and better.
    assert filled([a_rest(ahead=0)], a_print(5000, 5, BUY, DOWN)) == {"r": 5}
    assert filled([a_rest(ahead=0)], a_print(5000, 5, SELL, DOWN)) == {}
    assert filled([a_rest(outcome=DOWN, price=4000, ahead=0)], a_print(6100, 5)) == {"r": 5}
    assert filled([a_rest(outcome=DOWN, price=4000, ahead=0)], a_print(5900, 5)) == {}


def test_several_orders_of_ours_share_one_print_and_one_queue() -> None:
    orders = [a_rest("old", ahead=100), a_rest("new", ahead=150)]
    # 100 were ahead of both, then old takes 10, then 50 stood between, then new.
    assert filled(orders, a_print(5000, 105)) == {"old": 5, "new": 0}
    assert filled(orders, a_print(5000, 164)) == {"old": 10, "new": 4}
    updates = fill_on_print(orders, a_print(5000, 120), Consumption())
    assert [u.order.queue_ahead_shares for u in updates] == [0, 40]


def test_the_better_price_is_served_first_whatever_its_age() -> None:
    orders = [a_rest("low", price=5000, ahead=0), a_rest("high", price=5100, ahead=0)]
    assert [order.order_id for order in in_priority(orders)] == ["high", "low"]
    assert filled(orders, a_print(4900, 12)) == {"high": 10, "low": 2}
    sells = [a_rest("dear", side=SELL, price=5100), a_rest("cheap", side=SELL, price=5000)]
    assert [order.order_id for order in in_priority(sells)] == ["cheap", "dear"]


def test_a_print_at_a_level_we_consumed_is_not_counted_twice() -> None:
    consumed = Consumption()
    consumed.take(UP, SELL, [Execution(4900, 8)])
    (update,) = fill_on_print([a_rest()], a_print(4900, 10), consumed)
    assert update.filled_shares == 2
    assert fill_on_print([a_rest()], a_print(4900, 8), consumed) == []


def test_shrinking_depth_moves_us_up_but_never_fills_us() -> None:
    order = a_rest()
    for displayed, ahead in ((120, 100), (70, 70), (90, 70), (0, 0), (50, 0)):
        order = after_book(order, a_book({5000: displayed}, {5100: 5}))
        assert order.queue_ahead_shares == ahead
        assert order.remaining_shares == 10


def test_a_quote_through_our_price_fills_us_up_to_its_size() -> None:
    book = a_book({}, {4800: 3, 4900: 4, 5000: 100})
    update = fill_through_quote(a_rest(ahead=0), book, Consumption())
    assert update is not None
    assert update.filled_shares == 7
    assert update.taken == (Execution(4800, 3), Execution(4900, 4))
    assert update.order.remaining_shares == 3


def test_a_quote_at_our_price_does_not_fill_us() -> None:
    assert fill_through_quote(a_rest(ahead=0), a_book({}, {5000: 100}), Consumption()) is None
    assert fill_through_quote(a_rest(ahead=0), a_book({4900: 5}, {}), Consumption()) is None


def test_a_quote_through_an_order_for_down_is_seen_in_the_mirror() -> None:
    # We bid 0.40 for Down; a bid for Up at 0.61 offers Down at 0.39.
    order = a_rest(outcome=DOWN, price=4000, ahead=0)
    update = fill_through_quote(order, a_book({6100: 6, 6000: 50}, {}), Consumption())
    assert update is not None
    assert (update.filled_shares, update.taken) == (6, (Execution(3900, 6),))
    assert fill_through_quote(order, a_book({6000: 50}, {}), Consumption()) is None


def test_in_a_crossed_book_the_queue_ahead_is_served_first() -> None:
    crossed = a_book({5000: 100}, {4900: 104})
    update = fill_through_quote(a_rest(ahead=100), crossed, Consumption())
    assert update is not None
    assert update.filled_shares == 4
    assert fill_through_quote(a_rest(ahead=104), crossed, Consumption()) is None


@pytest.mark.parametrize(
    ("side", "price", "ahead"),
    [
        (BUY, 5000, 40),  # at the best bid
        (BUY, 4900, 70),  # behind it, where nothing is known
        (BUY, 5100, 0),  # improving on it
        (SELL, 5200, 40),
        (SELL, 5300, 70),
        (SELL, 5100, 0),
    ],
)
def test_unknown_depth_is_assumed_behind_the_best_price_only(
    side: Side, price: int, ahead: int
) -> None:
    book = a_book({5000: 40}, {5200: 40})
    assert displayed_at(a_rest(side=side, price=price), book, 70) == ahead


def test_with_full_depth_an_empty_level_is_empty() -> None:
    assert displayed_at(a_rest(price=4900), a_book({5000: 40}, {})) == 0
    assert displayed_at(a_rest(price=4900), a_book({}, {}), 70) == 0
