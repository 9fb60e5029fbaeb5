from typing import Any

import msgspec
import pytest

from polybot.domain.audit import (
    AuditResult,
    Belief,
    Difference,
    Told,
    ToldFill,
    ToldOrder,
    compare,
    lasting,
)
from polybot.domain.fill import Fill, FillStatus
from polybot.domain.order import Order, OrderStatus, OrderType
from tests.story import OPENING_USDC, SHARES, fill_at, market_at, order_at, slug_at

UP = market_at().token_up
COST = 23_750_000 + 83_120
FILLED = order_at(status=OrderStatus.FILLED, filled_shares=SHARES)


def told_order(order: Order = FILLED, **changes: Any) -> ToldOrder:
    values: dict[str, Any] = {
        "order_id": order.venue_order_id,
        "status": "MATCHED",
        "token_id": order.token_id,
        "side": order.side.value,
        "price_bps": order.price_bps,
        "original_shares": order.size_shares,
        "matched_shares": order.filled_shares,
    }
    return ToldOrder(**(values | changes))


def told_fill(fill: Fill | None = None, **changes: Any) -> ToldFill:
    fill = fill or fill_at()
    values: dict[str, Any] = {
        "trade_id": fill.trade_id,
        "order_id": fill.venue_order_id,
        "token_id": fill.token_id,
        "side": fill.side.value,
        "price_bps": fill.price_bps,
        "size_shares": fill.size_shares,
        "status": "CONFIRMED",
        "matched_ns": fill.matched_ns,
    }
    return ToldFill(**(values | changes))


def belief(**changes: Any) -> Belief:
    values: dict[str, Any] = {
        "orders": {FILLED.venue_order_id: FILLED},
        "fills": {fill_at().key: fill_at(status=FillStatus.CONFIRMED)},
        "cash_usdc": OPENING_USDC - COST,
        "held": {UP: SHARES},
    }
    return Belief(**(values | changes))


def told(**changes: Any) -> Told:
    values: dict[str, Any] = {
        "orders": {FILLED.venue_order_id: told_order()},
        "fills": {fill_at().key: told_fill()},
        "cash_usdc": OPENING_USDC - COST,
        "shares": {UP: SHARES},
    }
    return Told(**(values | changes))


def texts(*, ours: Belief | None = None, theirs: Told | None = None) -> list[str]:
    return [difference.text for difference in compare(ours or belief(), theirs or told())]


def test_equal_books_differ_in_nothing() -> None:
    assert texts() == []


@pytest.mark.parametrize("amount", [1, -1, 1_000_000])
def test_cash_must_agree_to_the_micro_dollar(amount: int) -> None:
    [text] = texts(theirs=told(cash_usdc=OPENING_USDC - COST + amount))

    assert text.startswith("cash: expected $976.16688, was $")


def test_shares_must_agree_to_the_micro_share() -> None:
    assert texts(theirs=told(shares={UP: SHARES - 1})) == [
        f"Up of {slug_at()}: expected 25 shares, was 24.999999"
    ]


def test_shares_nobody_bought_are_found() -> None:
    assert texts(theirs=told(shares={UP: SHARES, "9": 5})) == [
        "token 9: expected 0 shares, was 0.000005"
    ]


def test_a_winner_counts_as_cash_before_and_after_it_is_redeemed() -> None:
    ours = belief(held={}, won={UP: SHARES}, cash_usdc=OPENING_USDC - COST + SHARES)

    waiting = told(shares={UP: SHARES})
    redeemed = told(shares={UP: 0}, cash_usdc=OPENING_USDC - COST + SHARES)

    assert texts(ours=ours, theirs=waiting) == []
    assert texts(ours=ours, theirs=redeemed) == []


def test_a_winner_paid_out_short_is_found() -> None:
    ours = belief(held={}, won={UP: SHARES}, cash_usdc=OPENING_USDC - COST + SHARES)

    found = texts(
        ours=ours, theirs=told(shares={UP: 0}, cash_usdc=OPENING_USDC - COST + SHARES - 1)
    )

    assert len(found) == 1
    assert found[0].startswith("cash:")


def test_a_winner_that_shrank_is_found() -> None:
    ours = belief(held={}, won={UP: SHARES}, cash_usdc=OPENING_USDC - COST + SHARES)

    found = texts(ours=ours, theirs=told(shares={UP: 1}))

    assert any("or, redeemed, 0" in text for text in found)


def test_a_loser_is_worth_nothing_and_may_stay_listed() -> None:
    ours = belief(held={}, lost=frozenset({UP}))

    assert texts(ours=ours, theirs=told(shares={UP: SHARES})) == []


def test_a_fill_the_exchange_has_and_we_do_not_is_found() -> None:
    extra = told_fill(trade_id="t9")

    [text] = texts(theirs=told(fills={**told().fills, ("t9", FILLED.venue_order_id): extra}))

    assert "expected a trade of our books, was BUY 25 at 0.95 there and none here" in text


def test_a_fill_we_have_and_the_exchange_does_not_is_found() -> None:
    assert "was no such trade at the exchange" in texts(theirs=told(fills={}))[0]


@pytest.mark.parametrize(
    "changes", [{"price_bps": 9400}, {"size_shares": SHARES - 10_000}, {"side": "SELL"}]
)
def test_a_fill_must_agree_in_every_term(changes: dict[str, Any]) -> None:
    [text] = texts(theirs=told(fills={fill_at().key: told_fill(**changes)}))

    assert "expected BUY 25 at 0.95, was " in text


def test_a_failed_fill_counts_on_neither_side() -> None:
    failed = fill_at(status=FillStatus.FAILED)
    ours = belief(
        fills={failed.key: failed},
        held={},
        cash_usdc=OPENING_USDC,
        orders={FILLED.venue_order_id: msgspec.structs.replace(FILLED, filled_shares=0)},
    )
    theirs = told(
        fills={failed.key: told_fill(status="FAILED")},
        shares={},
        cash_usdc=OPENING_USDC,
        orders={FILLED.venue_order_id: told_order(matched_shares=0)},
    )

    assert texts(ours=ours, theirs=theirs) == []
    found = texts(ours=ours, theirs=told(shares={}, cash_usdc=OPENING_USDC))
    assert any("expected FAILED, was CONFIRMED" in text for text in found)


@pytest.mark.parametrize("matched", [0, SHARES])
def test_the_matched_size_of_an_order_may_or_may_not_shrink_when_its_trade_failed(
    matched: int,
) -> None:
    failed = fill_at(status=FillStatus.FAILED)
    order = msgspec.structs.replace(FILLED, filled_shares=0, filled_usdc=0, fee_usdc=0)
    found = texts(
        ours=belief(orders={order.venue_order_id: order}, fills={failed.key: failed}),
        theirs=told(
            orders={order.venue_order_id: told_order(matched_shares=matched)},
            fills={failed.key: told_fill(status="FAILED")},
        ),
    )
    assert not any("shares filled" in text for text in found)


def test_a_failed_fill_we_never_booked_is_no_difference() -> None:
    failed = told_fill(trade_id="t9", status="FAILED")

    assert texts(theirs=told(fills={**told().fills, ("t9", "0x"): failed})) == []


@pytest.mark.parametrize(
    ("status", "there", "agrees"),
    [
        (OrderStatus.ACCEPTED, "LIVE", True),
        (OrderStatus.PARTIALLY_FILLED, "LIVE", True),
        (OrderStatus.UNKNOWN, "LIVE", True),
        (OrderStatus.CANCELED, "LIVE", False),
        (OrderStatus.FILLED, "LIVE", False),
        (OrderStatus.CANCELED, "CANCELED", True),
        (OrderStatus.EXPIRED, "CANCELED", True),
        (OrderStatus.EXPIRED, "INVALID", True),
        (OrderStatus.ACCEPTED, "CANCELED", False),
        # A killed order that was filled in part reads MATCHED there.
        (OrderStatus.CANCELED, "MATCHED", True),
        (OrderStatus.PARTIALLY_FILLED, "MATCHED", True),
        (OrderStatus.REJECTED, "CANCELED", True),
        (OrderStatus.REJECTED, "LIVE", False),
    ],
)
def test_an_order_must_be_at_the_same_stage(status: OrderStatus, there: str, agrees: bool) -> None:
    order = order_at(status=status)
    ours = belief(orders={order.venue_order_id: order}, fills={}, held={}, cash_usdc=5)
    theirs = Told(
        orders={order.venue_order_id: told_order(order, status=there)},
        fills={},
        cash_usdc=5,
        shares={},
    )

    assert (texts(ours=ours, theirs=theirs) == []) is agrees


@pytest.mark.parametrize(
    ("status", "agrees"),
    [
        (OrderStatus.REJECTED, True),
        (OrderStatus.NOT_PLACED, True),
        (OrderStatus.DENIED, True),
        (OrderStatus.UNKNOWN, True),
        (OrderStatus.ACCEPTED, False),
        (OrderStatus.FILLED, False),
        (OrderStatus.CANCELED, False),
    ],
)
def test_an_order_the_exchange_does_not_know_must_not_stand_in_our_books(
    status: OrderStatus, agrees: bool
) -> None:
    order = order_at(status=status)
    ours = belief(orders={order.venue_order_id: order}, fills={}, held={}, cash_usdc=5)

    found = texts(ours=ours, theirs=Told(orders={}, fills={}, cash_usdc=5, shares={}))

    assert (found == []) is agrees


def test_an_old_finished_order_may_be_forgotten_there() -> None:
    ours = belief(forgettable=frozenset({FILLED.venue_order_id}))

    assert texts(ours=ours, theirs=told(orders={})) == []


def test_an_order_nobody_here_knows_is_found() -> None:
    stranger = told_order(order_id="0xstranger")

    [text] = texts(theirs=told(orders={**told().orders, "0xstranger": stranger}))

    assert "order 0xstranger: expected an order of our books" in text


def test_what_is_known_not_to_be_ours_is_no_difference() -> None:
    foreign = told_fill(trade_id="t9", order_id="0xmanual", token_id="9")
    ours = belief(foreign=frozenset({"t9", "0xmanual"}))
    theirs = told(
        orders={**told().orders, "0xmanual": told_order(order_id="0xmanual")},
        fills={**told().fills, ("t9", "0xmanual"): foreign},
        shares={UP: SHARES, "9": SHARES},
    )

    assert texts(ours=ours, theirs=theirs) == []


def test_shares_by_hand_of_a_window_that_is_over_are_no_difference_wherever_they_are() -> None:
    for there in (0, SHARES, SHARES + 5):
        theirs = told(shares={UP: there})
        assert texts(ours=belief(external=frozenset({UP})), theirs=theirs) == []
        assert bool(texts(theirs=theirs)) is (there != SHARES)


def test_filled_shares_of_an_order_must_agree() -> None:
    found = texts(
        theirs=told(orders={FILLED.venue_order_id: told_order(matched_shares=SHARES - 1)})
    )

    assert found == [f"order {FILLED.venue_order_id}: expected 25 shares filled, was 24.999999"]


def test_the_limit_of_a_budget_is_not_compared() -> None:
    order = order_at(
        status=OrderStatus.FILLED,
        filled_shares=SHARES,
        order_type=OrderType.FAK,
        budget_usdc=23_750_000,
    )
    ours = belief(orders={order.venue_order_id: order})

    assert (
        texts(ours=ours, theirs=told(orders={order.venue_order_id: told_order(price_bps=9499)}))
        == []
    )
    assert texts(theirs=told(orders={FILLED.venue_order_id: told_order(price_bps=9499)})) != []


def test_fills_before_the_scope_are_left_to_cash_and_positions() -> None:
    ours = belief(orders={}, fills={}, since_ns=fill_at().matched_ns + 1)

    assert texts(ours=ours, theirs=told(orders={})) == []


def test_no_balance_in_the_books_is_a_difference_once_something_was_bought() -> None:
    assert texts(ours=belief(cash_usdc=None)) == [
        "cash: expected a first balance in the books, was none"
    ]
    empty = Belief(orders={}, fills={}, cash_usdc=None)
    assert compare(empty, Told(orders={}, fills={}, cash_usdc=5, shares={})) == ()


def test_only_what_differs_the_same_way_twice_lasts() -> None:
    before = (Difference("cash", "a", 5), Difference("order 1", "b"))
    after = (Difference("cash", "c", 6), Difference("order 1", "d"))

    assert lasting(before, after) == (after[1],)


def test_an_audit_agrees_when_it_was_carried_out_and_found_nothing() -> None:
    assert AuditResult((), 1, 1, 1).agrees
    assert not AuditResult(("cash",), 1, 1, 1).agrees
    assert not AuditResult((), 0, 0, 0, error="no exchange").agrees


def test_tokens_to_ask_for_are_those_held_and_those_to_be_redeemed() -> None:
    ours = belief(held={"1": 5, "2": 0}, won={"3": 5}, lost=frozenset({"4"}))

    assert ours.tokens() == ("1", "3")
