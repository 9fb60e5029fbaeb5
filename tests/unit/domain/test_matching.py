"""An incoming order takes what is displayed, at its limit or better, once."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from polybot.domain.book import MirroredBook, OrderBook
from polybot.domain.market import Outcome
from polybot.domain.matching import (
    Consumption,
    Execution,
    IncomingOrder,
    Verdict,
    available_levels,
    book_of,
    match_order,
    order_at,
    to_up,
    would_self_cross,
)
from polybot.domain.money import PRICE_ONE_BPS
from polybot.domain.order import OrderType, Side
from polybot.domain.resting import RestingOrder
from polybot.errors import InvalidValue

UP, DOWN, BUY, SELL = Outcome.UP, Outcome.DOWN, Side.BUY, Side.SELL
GTC, FOK, FAK = OrderType.GTC, OrderType.FOK, OrderType.FAK
SHARE = 1_000_000


def a_book(bids: dict[int, int], asks: dict[int, int]) -> OrderBook:
    """Build a book from {price: whole shares}."""
    book = OrderBook()
    book.apply_snapshot(
        ((price, size * SHARE) for price, size in bids.items()),
        ((price, size * SHARE) for price, size in asks.items()),
    )
    return book


BOOK = a_book({9400: 50, 9300: 100}, {9500: 10, 9600: 20, 9700: 1000})


def resting(outcome: Outcome, side: Side, price: int) -> RestingOrder:
    return RestingOrder(
        order_id="r",
        outcome=outcome,
        side=side,
        price_bps=price,
        remaining_shares=SHARE,
        queue_ahead_shares=0,
    )


def matched(order: IncomingOrder, book: OrderBook = BOOK) -> list[tuple[int, int]]:
    return [
        (e.price_bps, e.size_shares) for e in match_order(order, book, Consumption()).executions
    ]


def test_a_buy_takes_the_best_price_first_and_keeps_the_improvement() -> None:
    result = match_order(order_at(UP, BUY, GTC, 9600, 25 * SHARE), BOOK, Consumption())
    assert result.verdict is Verdict.FILLED
    assert result.executions == (Execution(9500, 10 * SHARE), Execution(9600, 15 * SHARE))
    assert result.notional_usdc == 9_500_000 + 14_400_000


def test_a_gtc_that_is_not_filled_at_once_rests() -> None:
    result = match_order(order_at(UP, BUY, GTC, 9500, 25 * SHARE), BOOK, Consumption())
    assert (result.verdict, result.resting_shares) == (Verdict.RESTS, 15 * SHARE)
    assert result.filled_shares == 10 * SHARE


def test_a_gtc_buy_gets_its_shares_and_pays_less_when_the_price_improves() -> None:
    result = match_order(order_at(UP, BUY, GTC, 9700, 10 * SHARE), BOOK, Consumption())
    assert (result.filled_shares, result.notional_usdc) == (10 * SHARE, 9_500_000)


def test_a_fak_buy_spends_its_dollars_and_gets_more_shares_when_the_price_improves() -> None:
    result = match_order(order_at(UP, BUY, FAK, 9700, 9_000_000), BOOK, Consumption())
    assert result.verdict is Verdict.FILLED
    assert result.filled_shares == 9_000_000 * PRICE_ONE_BPS // 9500
    assert 9_000_000 - result.notional_usdc <= 1


def test_a_fak_takes_what_there_is_and_drops_the_rest() -> None:
    result = match_order(order_at(UP, BUY, FAK, 9500, 20_000_000), BOOK, Consumption())
    assert result.verdict is Verdict.KILLED
    assert result.executions == (Execution(9500, 10 * SHARE),)
    assert result.resting_shares == 0


def test_a_fak_that_meets_nothing_is_killed() -> None:
    result = match_order(order_at(UP, BUY, FAK, 9400, 20_000_000), BOOK, Consumption())
    assert (result.verdict, result.executions) == (Verdict.KILLED, ())


def test_a_fok_takes_all_or_nothing() -> None:
    whole = match_order(order_at(UP, SELL, FOK, 9300, 150 * SHARE), BOOK, Consumption())
    assert whole.executions == (Execution(9400, 50 * SHARE), Execution(9300, 100 * SHARE))
    short = match_order(order_at(UP, SELL, FOK, 9300, 151 * SHARE), BOOK, Consumption())
    assert (short.verdict, short.executions) == (Verdict.KILLED, ())
    budget = match_order(order_at(UP, BUY, FOK, 9500, 9_500_002), BOOK, Consumption())
    assert (budget.verdict, budget.executions) == (Verdict.KILLED, ())


def test_dust_that_rounds_to_no_money_is_not_given_away() -> None:
    book = OrderBook()
    book.apply_snapshot([], [(4000, 2), (5000, 10 * SHARE)])
    assert matched(order_at(UP, BUY, FAK, 5000, 1_000_000), book) == [(5000, 2 * SHARE)]


def test_an_implied_price_a_hair_below_the_ask_does_not_buy() -> None:
    book = a_book({}, {700: 100})
    # 1.00 / 14.29 = 0.069979: rounding the shares up put the limit below 0.07.
    order = IncomingOrder(
        outcome=UP, side=BUY, order_type=FAK, maker_amount=1_000_000, taker_amount=14_290_000
    )
    assert order.limit_bps == 700
    assert match_order(order, book, Consumption()).verdict is Verdict.KILLED
    rounded_down = replace(order, taker_amount=14_285_700)
    assert match_order(rounded_down, book, Consumption()).verdict is Verdict.FILLED


def test_an_implied_price_a_hair_above_the_bid_does_not_sell() -> None:
    order = IncomingOrder(
        outcome=UP, side=SELL, order_type=FAK, maker_amount=10 * SHARE, taker_amount=9_400_001
    )
    assert match_order(order, BOOK, Consumption()).verdict is Verdict.KILLED
    assert matched(replace(order, taker_amount=9_400_000)) == [(9400, 10 * SHARE)]


@pytest.mark.parametrize("price", [9500, 9600])
def test_a_post_only_order_that_would_cross_is_refused(price: int) -> None:
    order = replace(order_at(UP, BUY, GTC, price, SHARE), post_only=True)
    result = match_order(order, BOOK, Consumption())
    assert (result.verdict, result.executions) == (Verdict.REFUSED, ())


def test_a_post_only_order_that_does_not_cross_rests_whole() -> None:
    order = replace(order_at(UP, BUY, GTC, 9400, SHARE), post_only=True)
    result = match_order(order, BOOK, Consumption())
    assert (result.verdict, result.resting_shares) == (Verdict.RESTS, SHARE)


def test_a_buy_of_down_meets_the_bids_of_up() -> None:
    # Bids for Up at 0.94 are offers of Down at 0.06.
    assert matched(order_at(DOWN, BUY, GTC, 700, 60 * SHARE)) == [
        (600, 50 * SHARE),
        (700, 10 * SHARE),
    ]
    assert matched(order_at(DOWN, SELL, GTC, 500, 5 * SHARE)) == [(500, 5 * SHARE)]


@pytest.mark.parametrize(
    ("outcome", "side", "expected"),
    [
        (UP, BUY, (BUY, 3000)),
        (UP, SELL, (SELL, 3000)),
        (DOWN, BUY, (SELL, 7000)),
        (DOWN, SELL, (BUY, 7000)),
    ],
)
def test_every_order_can_be_written_for_up(
    outcome: Outcome, side: Side, expected: tuple[Side, int]
) -> None:
    assert to_up(outcome, side, 3000) == expected


def test_each_outcome_sees_its_own_view_of_the_one_book() -> None:
    assert book_of(UP, BOOK) is BOOK
    assert isinstance(book_of(DOWN, BOOK), MirroredBook)
    assert book_of(DOWN, BOOK).best_ask == 600


def test_what_was_taken_is_not_taken_again() -> None:
    book, consumed = a_book({}, {9500: 10, 9600: 20}), Consumption()
    order = order_at(UP, BUY, GTC, 9500, 6 * SHARE)
    for expected in (6, 4, 0):
        result = match_order(order, book, consumed)
        consumed.take(UP, SELL, result.executions)
        assert result.filled_shares == expected * SHARE
    assert consumed.taken(UP, SELL, 9500) == 10 * SHARE
    # The same level, seen as a bid for Down.
    assert consumed.taken(DOWN, BUY, 500) == 10 * SHARE


def test_only_growth_of_a_consumed_level_is_new() -> None:
    book, consumed = a_book({}, {9500: 10}), Consumption()
    consumed.take(UP, SELL, [Execution(9500, 10 * SHARE)])
    for displayed, offered in ((12, 2), (7, 0), (10, 3)):
        book.set_ask(9500, displayed * SHARE)
        consumed.on_book(book)
        levels = dict(available_levels(UP, SELL, book, consumed))
        assert levels.get(9500, 0) == offered * SHARE


def test_a_level_that_vanished_and_came_back_is_new() -> None:
    book, consumed = a_book({}, {9500: 10}), Consumption()
    consumed.take(UP, SELL, [Execution(9500, 10 * SHARE)])
    book.set_ask(9500, 0)
    consumed.on_book(book)
    book.set_ask(9500, 10 * SHARE)
    consumed.on_book(book)
    assert dict(available_levels(UP, SELL, book, consumed)) == {9500: 10 * SHARE}
    assert consumed.rows() == ()


def test_what_was_taken_survives_a_checkpoint() -> None:
    consumed = Consumption()
    consumed.take(DOWN, SELL, [Execution(600, 5)])
    restored = Consumption(consumed.rows())
    assert restored.taken(UP, BUY, 9400) == 5
    assert consumed.rows() == (("BUY", 9400, 5),)


@pytest.mark.parametrize(
    ("new", "other", "crosses"),
    [
        ((UP, BUY, 5000), (UP, SELL, 5000), True),
        ((UP, BUY, 4900), (UP, SELL, 5000), False),
        ((UP, SELL, 5000), (UP, BUY, 5000), True),
        ((UP, BUY, 5000), (UP, BUY, 6000), False),
        ((UP, BUY, 5000), (DOWN, BUY, 5000), True),  # minting
        ((UP, BUY, 5000), (DOWN, BUY, 4900), False),
        ((UP, SELL, 5000), (DOWN, SELL, 5000), True),  # merging
        ((UP, SELL, 5100), (DOWN, SELL, 5000), False),
        ((DOWN, SELL, 4000), (DOWN, BUY, 4100), True),
    ],
)
def test_an_order_that_could_meet_our_own_is_detected(
    new: tuple[Outcome, Side, int], other: tuple[Outcome, Side, int], crosses: bool
) -> None:
    assert would_self_cross(resting(*new), [resting(*other)]) is crosses
    assert would_self_cross(resting(*other), [resting(*new)]) is crosses


@pytest.mark.parametrize(
    ("maker", "taker"), [(0, 5), (5, 0), (10 * SHARE, 10 * SHARE), (1, 10 * SHARE)]
)
def test_impossible_amounts_are_refused(maker: int, taker: int) -> None:
    with pytest.raises(InvalidValue, match="expected"):
        IncomingOrder(outcome=UP, side=BUY, order_type=GTC, maker_amount=maker, taker_amount=taker)


PRICES = st.integers(min_value=1, max_value=99).map(lambda cents: cents * 100)
LEVELS = st.dictionaries(
    PRICES, st.integers(min_value=1, max_value=500 * SHARE), min_size=0, max_size=12
)
ORDERS = st.builds(
    order_at,
    st.sampled_from(Outcome),
    st.sampled_from(Side),
    st.sampled_from(OrderType),
    PRICES,
    st.integers(min_value=SHARE, max_value=2000 * SHARE),
)


@given(LEVELS, LEVELS, st.lists(ORDERS, min_size=1, max_size=6))
def test_orders_never_get_more_than_is_displayed_nor_worse_than_their_limit(
    bids: dict[int, int], asks: dict[int, int], orders: list[IncomingOrder]
) -> None:
    book, consumed = OrderBook(), Consumption()
    book.apply_snapshot(bids.items(), asks.items())
    taken: dict[tuple[Side, int], int] = {}
    for order in orders:
        result = match_order(order, book, consumed)
        consumed.take(order.outcome, order.side.opposite, result.executions)
        limit = order.limit_bps
        for execution in result.executions:
            assert execution.size_shares > 0
            price = execution.price_bps
            assert price <= limit if order.side is BUY else price >= limit
            key = to_up(order.outcome, order.side.opposite, price)
            taken[key] = taken.get(key, 0) + execution.size_shares
        prices = [execution.price_bps for execution in result.executions]
        assert prices == sorted(prices, reverse=order.side is SELL)
    for (side, price), shares in taken.items():
        assert shares <= book.size_at(side, price)


@given(LEVELS, LEVELS, ORDERS)
def test_what_an_order_asked_for_is_conserved(
    bids: dict[int, int], asks: dict[int, int], order: IncomingOrder
) -> None:
    book = OrderBook()
    book.apply_snapshot(bids.items(), asks.items())
    result = match_order(order, book, Consumption())
    if order.spends_budget:
        assert result.notional_usdc <= order.maker_amount
        if result.verdict is Verdict.FILLED:
            assert order.maker_amount - result.notional_usdc <= 1
    else:
        assert result.filled_shares <= order.size_shares
        # What a limit buyer pays is never more than the amount it signed.
        if order.side is BUY:
            assert result.notional_usdc <= order.maker_amount
        if result.verdict is Verdict.FILLED:
            assert result.filled_shares == order.size_shares
    if result.verdict is Verdict.RESTS:
        assert order.order_type.rests
        assert result.filled_shares + result.resting_shares == order.size_shares
    else:
        assert result.resting_shares == 0
    if order.order_type is FOK:
        assert result.verdict is Verdict.FILLED or not result.executions


@given(LEVELS, LEVELS, ORDERS)
def test_an_order_stops_only_when_it_is_done_or_nothing_more_is_in_reach(
    bids: dict[int, int], asks: dict[int, int], order: IncomingOrder
) -> None:
    book, consumed = OrderBook(), Consumption()
    book.apply_snapshot(bids.items(), asks.items())
    result = match_order(order, book, consumed)
    if result.verdict is Verdict.FILLED or order.order_type is FOK:
        return
    consumed.take(order.outcome, order.side.opposite, result.executions)
    left = available_levels(order.outcome, order.side.opposite, book, consumed)
    reachable = [(price, size) for price, size in left if order.accepts(price)]
    # Only dust may stay: less than a micro-dollar's worth of shares.
    assert all(price * size < PRICE_ONE_BPS for price, size in reachable)


@given(ORDERS)
def test_an_order_built_from_a_price_accepts_that_price_and_no_worse(order: IncomingOrder) -> None:
    limit = order.limit_bps
    assert limit % 100 == 0
    assert order.accepts(limit)
    assert not order.accepts(limit + 1 if order.side is BUY else limit - 1)
