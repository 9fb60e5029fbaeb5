"""An order moves by its table only, and its sums follow its fills."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from polybot.domain.market import Outcome
from polybot.domain.order import (
    ORDER_TABLE,
    TERMINAL,
    Order,
    OrderStatus,
    OrderTrigger,
    OrderType,
    Side,
    next_status,
)
from polybot.errors import InvalidTransition, InvalidValue

S, T = OrderStatus, OrderTrigger


def an_order(**changes: Any) -> Order:
    fields: dict[str, Any] = {
        "intent_id": "i-1",
        "venue_order_id": "0xaa",
        "agent": "capture",
        "slug": "btc-updown-5m-1787236800",
        "token_id": "111",
        "outcome": Outcome.UP,
        "side": Side.BUY,
        "order_type": OrderType.GTC,
        "price_bps": 9500,
        "size_shares": 10_000_000,
        "created_ns": 1,
        "purpose": "entry",
        "status": S.ACCEPTED,
    }
    return Order(**(fields | changes))


@pytest.mark.parametrize(
    ("status", "trigger", "expected"),
    [
        (S.INITIALIZED, T.SUBMIT, S.SUBMITTED),
        (S.SUBMITTED, T.ACCEPT, S.ACCEPTED),
        (S.SUBMITTED, T.LOSE_ANSWER, S.UNKNOWN),
        (S.SUBMITTED, T.FILL_WHOLE, S.FILLED),  # a fill before the answer
        (S.FILLED, T.ACCEPT, S.FILLED),  # ... and then the answer
        (S.UNKNOWN, T.FILL_PART, S.PARTIALLY_FILLED),  # a fill while unknown
        (S.UNKNOWN, T.PROVE_ABSENT, S.NOT_PLACED),
        (S.NOT_PLACED, T.ACCEPT, S.ACCEPTED),  # a late arrival
        (S.NOT_PLACED, T.FILL_WHOLE, S.FILLED),
        (S.CANCELED, T.FILL_WHOLE, S.FILLED),  # a fill after the cancel
        (S.CANCELED, T.FILL_PART, S.CANCELED),
        (S.FILLED, T.CANCEL, S.FILLED),  # a cancel after the fill
        (S.PENDING_CANCEL, T.FILL_PART, S.PENDING_CANCEL),
        (S.PENDING_CANCEL, T.REFUSE_CANCEL, S.UNKNOWN),
        (S.REJECTED, T.CANCEL, S.REJECTED),  # a killed FOK, answer first
        (S.CANCELED, T.REJECT, S.CANCELED),  # a killed FOK, stream first
        (S.PENDING_CANCEL, T.PROVE_ABSENT, S.NOT_PLACED),  # withheld with its cancel
        (S.NOT_PLACED, T.LOSE_ANSWER, S.UNKNOWN),  # the post was still under way
        (S.CANCELED, T.FIND_ALIVE, S.UNKNOWN),  # listed after its end
        (S.EXPIRED, T.FIND_ALIVE, S.UNKNOWN),
        (S.FILLED, T.FIND_ALIVE, S.FILLED),
    ],
)
def test_the_real_world_has_its_rows(
    status: OrderStatus, trigger: OrderTrigger, expected: OrderStatus
) -> None:
    assert next_status(status, trigger) is expected


@pytest.mark.parametrize(
    ("status", "trigger"),
    [
        (S.DENIED, T.SUBMIT),
        (S.INITIALIZED, T.FILL_PART),
        (S.ACCEPTED, T.PROVE_ABSENT),
        (S.FILLED, T.PROVE_ABSENT),
        (S.FILLED, T.REQUEST_CANCEL),
        (S.PARTIALLY_FILLED, T.REJECT),
    ],
)
def test_what_has_no_row_is_refused_with_the_rows_there_are(
    status: OrderStatus, trigger: OrderTrigger
) -> None:
    with pytest.raises(InvalidTransition, match=f"{status.value}.*was {trigger.value}"):
        next_status(status, trigger)


def test_every_status_but_the_first_can_be_reached() -> None:
    assert set(ORDER_TABLE.values()) == set(OrderStatus) - {S.INITIALIZED}


def test_no_order_is_posted_a_second_time() -> None:
    assert [s for (s, t), _ in ORDER_TABLE.items() if t is T.SUBMIT] == [S.INITIALIZED]
    assert [key for key, after in ORDER_TABLE.items() if after is S.SUBMITTED] == [
        (S.INITIALIZED, T.SUBMIT)
    ]


def test_a_fill_is_never_forgotten() -> None:
    """Once any part is filled, no row leads to a status that says nothing was placed."""
    for (status, _), after in ORDER_TABLE.items():
        if status in (S.PARTIALLY_FILLED, S.FILLED):
            assert after not in (S.REJECTED, S.NOT_PLACED, S.DENIED, S.SUBMITTED)


def test_unknown_ends_only_by_evidence() -> None:
    assert {after for (s, _), after in ORDER_TABLE.items() if s is S.UNKNOWN} == {
        S.UNKNOWN,
        S.ACCEPTED,
        S.PARTIALLY_FILLED,
        S.FILLED,
        S.CANCELED,
        S.EXPIRED,
        S.REJECTED,
        S.NOT_PLACED,
    }


@given(st.sampled_from(OrderStatus), st.lists(st.sampled_from(OrderTrigger), max_size=8))
def test_a_filled_order_stays_filled_whatever_arrives_late(
    status: OrderStatus, triggers: list[OrderTrigger]
) -> None:
    was_filled = False
    for trigger in triggers:
        was_filled = was_filled or status is S.FILLED
        if (status, trigger) in ORDER_TABLE:
            status = next_status(status, trigger)
        assert not was_filled or status is S.FILLED


def test_partial_fills_add_up_to_a_whole_one() -> None:
    order = an_order().with_fill(size_shares=4_000_000, notional_usdc=3_800_000, fee_usdc=10)
    assert order.status is S.PARTIALLY_FILLED
    assert order.open_shares == 6_000_000
    assert order.worst_case_shares == 10_000_000
    order = order.with_fill(size_shares=6_000_000, notional_usdc=5_640_000, fee_usdc=20)
    assert order.status is S.FILLED
    assert (order.filled_shares, order.filled_usdc, order.fee_usdc) == (10_000_000, 9_440_000, 30)
    assert (order.open_shares, order.open_usdc) == (0, 0)


def test_a_fill_that_failed_is_taken_back_exactly_and_stays_terminal() -> None:
    filled = an_order().with_fill(size_shares=10_000_000, notional_usdc=9_500_000, fee_usdc=30)
    undone = filled.without_fill(size_shares=10_000_000, notional_usdc=9_500_000, fee_usdc=30)
    assert (undone.filled_shares, undone.filled_usdc, undone.fee_usdc) == (0, 0, 0)
    assert undone.is_terminal
    assert undone.worst_case_shares == 0


def test_what_failed_is_neither_filled_nor_open() -> None:
    order = an_order().with_fill(size_shares=4_000_000, notional_usdc=3_800_000, fee_usdc=30)
    order = order.without_fill(size_shares=4_000_000, notional_usdc=3_800_000, fee_usdc=30)
    assert (order.filled_shares, order.failed_shares, order.matched_shares) == (
        0,
        4_000_000,
        4_000_000,
    )
    assert (order.open_shares, order.open_usdc) == (6_000_000, 5_700_000)
    order = order.with_fill(size_shares=6_000_000, notional_usdc=5_700_000, fee_usdc=0)
    assert order.status is S.FILLED


@pytest.mark.parametrize("trigger", [T.REJECT, T.PROVE_ABSENT])
def test_fills_outweigh_whoever_says_there_was_no_order(trigger: OrderTrigger) -> None:
    order = an_order(status=S.PENDING_CANCEL).with_fill(size_shares=1, notional_usdc=0, fee_usdc=0)
    with pytest.raises(InvalidTransition, match=f"no {trigger.value}.*1 shares filled"):
        order.after(trigger)


def test_an_order_found_alive_with_fills_is_partially_filled() -> None:
    order = an_order(status=S.UNKNOWN, filled_shares=1)
    assert order.after(T.ACCEPT).status is S.PARTIALLY_FILLED


@pytest.mark.parametrize("trigger", list(T))
def test_only_what_the_exchange_shows_makes_an_order_placed(trigger: OrderTrigger) -> None:
    shows = {T.ACCEPT, T.FILL_PART, T.FILL_WHOLE, T.CANCEL, T.EXPIRE, T.FIND_ALIVE}
    assert an_order(status=S.UNKNOWN).moved(S.UNKNOWN, trigger).placed is (trigger in shows)


def test_no_status_strands_an_order() -> None:
    """From every status that is not over, an end is reached by what a look-up can prove."""
    provable = {T.ACCEPT, T.CANCEL, T.PROVE_ABSENT, T.FILL_WHOLE, T.LOSE_ANSWER, T.REFUSE_CANCEL}
    for status in set(OrderStatus) - TERMINAL:
        ends = {ORDER_TABLE[status, t] for t in provable if (status, t) in ORDER_TABLE}
        assert ends & TERMINAL, status


def test_a_budget_is_complete_when_the_dollars_are_spent_not_the_shares() -> None:
    order = an_order(
        order_type=OrderType.FAK, size_shares=10_526_300, budget_usdc=10_000_000
    ).with_fill(size_shares=10_600_000, notional_usdc=9_540_000, fee_usdc=0)
    # More shares than the limit promised, yet half a dollar is left to spend.
    assert order.status is S.PARTIALLY_FILLED
    assert (order.open_shares, order.open_usdc) == (0, 460_000)
    order = order.with_fill(size_shares=500_000, notional_usdc=459_999, fee_usdc=0)
    assert order.status is S.FILLED


def test_an_unknown_order_counts_as_if_filled() -> None:
    order = an_order(status=S.UNKNOWN)
    assert order.worst_case_shares == 10_000_000
    assert order.open_usdc == 9_500_000
    assert not order.is_terminal


@pytest.mark.parametrize("status", [s for s in OrderStatus if s in TERMINAL])
def test_a_terminal_order_has_nothing_open(status: OrderStatus) -> None:
    order = an_order(status=status)
    assert (order.open_shares, order.open_usdc, order.is_terminal) == (0, 0, True)


def test_a_sell_reserves_no_dollars() -> None:
    assert an_order(side=Side.SELL).open_usdc == 0


def test_open_dollars_are_rounded_up() -> None:
    assert an_order(price_bps=3333, size_shares=1).open_usdc == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"price_bps": 0},
        {"price_bps": 10_000},
        {"size_shares": 0},
        {"budget_usdc": 5},
        {"order_type": OrderType.FOK},
        {"order_type": OrderType.FAK, "side": Side.SELL, "budget_usdc": 5},
    ],
)
def test_an_impossible_order_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(InvalidValue, match="expected"):
        an_order(**changes)


def test_an_order_travels_as_json_and_comes_back_equal() -> None:
    order = an_order().after(T.REQUEST_CANCEL)
    assert msgspec.json.decode(msgspec.json.encode(order), type=Order) == order
    assert order.with_status(S.CANCELED).status is S.CANCELED
