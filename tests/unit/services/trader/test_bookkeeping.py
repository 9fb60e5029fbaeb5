"""Every fact is booked once, whichever way it comes and however often."""

import itertools

import pytest

from polybot.domain.fill import FillStatus
from polybot.domain.order import OrderStatus, OrderTrigger
from polybot.messages.trading import (
    DriftFound,
    FillMatched,
    FillStatusChanged,
    OrderStatusChanged,
)
from polybot.services.trader.state import FORGET_AFTER_NS
from tests.story import AGENT, OPENING_USDC, market_at, order_at
from tests.unit.services.trader.books import NOW_NS, Books
from tests.unit.services.trader.fakes_exchange import venue_fill

FEE_USDC = 83_120
COST_USDC = 23_750_000


def test_an_event_is_applied_when_it_is_recorded() -> None:
    books = Books()
    order = books.submit()
    assert books.order(order) == order
    assert books.outbox.uncommitted[-1][0].ts_event == books.market_clock.now_ns()


def test_a_move_is_recorded_with_the_exchange_s_words() -> None:
    books = Books()
    order = books.submit()
    books.keeper.move(order, OrderTrigger.REJECT, code="tick_size", detail="no")
    (said,) = books.said(OrderStatusChanged)
    assert (said.status, said.code, said.detail) == (OrderStatus.REJECTED, "tick_size", "no")
    assert books.status(order) is OrderStatus.REJECTED
    assert books.outbox.uncommitted[-1][0].correlation_id == order.intent_id


def test_a_move_that_changes_nothing_records_nothing() -> None:
    books = Books()
    order = books.submit()
    books.keeper.move(order, OrderTrigger.ACCEPT)
    before = books.count()
    assert books.keeper.move(order, OrderTrigger.ACCEPT) is OrderStatus.ACCEPTED
    assert books.count() == before


def test_a_move_starts_from_what_is_booked_not_from_what_the_caller_holds() -> None:
    books = Books()
    stale = books.submit()
    books.keeper.move(stale, OrderTrigger.ACCEPT)
    books.keeper.move(stale, OrderTrigger.CANCEL)
    assert books.keeper.move(stale, OrderTrigger.LOSE_ANSWER) is OrderStatus.CANCELED


def test_an_impossible_move_is_drift_and_changes_nothing() -> None:
    books = Books()
    order = books.submit()
    books.keeper.move(order, OrderTrigger.REJECT)
    books.keeper.move(order, OrderTrigger.PROVE_ABSENT)
    (drift,) = books.said(DriftFound)
    assert (drift.kind, drift.subject) == ("order", order.venue_order_id)
    assert books.status(order) is OrderStatus.REJECTED


def test_a_whole_fill_moves_order_position_and_cash() -> None:
    books = Books()
    order = books.submit()
    books.keeper.fill(venue_fill(order))
    assert books.status(order) is OrderStatus.FILLED
    position = books.state.positions[AGENT, order.token_id]
    assert position.shares == order.size_shares
    assert books.state.cash_usdc == OPENING_USDC - COST_USDC - FEE_USDC
    (matched,) = books.said(FillMatched)
    assert matched.fill.fee_usdc == FEE_USDC
    (moved,) = books.said(OrderStatusChanged)
    assert moved.trigger is OrderTrigger.FILL_WHOLE


def test_a_maker_pays_no_fee() -> None:
    books = Books()
    order = books.submit()
    books.keeper.fill(venue_fill(order, is_maker=True))
    assert books.state.cash_usdc == OPENING_USDC - COST_USDC


def test_a_part_leaves_the_order_open() -> None:
    books = Books()
    order = books.submit()
    books.keeper.fill(venue_fill(order, size_shares=10_000_000))
    assert books.status(order) is OrderStatus.PARTIALLY_FILLED
    assert books.order(order).open_shares == 15_000_000


STAGES = ("MATCHED", "MINED", "CONFIRMED")


@pytest.mark.parametrize("order_of_reports", list(itertools.permutations(STAGES)))
def test_the_stages_of_a_trade_in_any_order_end_the_same(
    order_of_reports: tuple[str, ...],
) -> None:
    books = Books()
    order = books.submit()
    for status in (*order_of_reports, *order_of_reports):
        books.keeper.fill(venue_fill(order, status=status))
    assert len(books.said(FillMatched)) == 1
    (fill,) = books.state.fills.values()
    assert fill.status is FillStatus.CONFIRMED
    assert books.state.cash_usdc == OPENING_USDC - COST_USDC - FEE_USDC


@pytest.mark.parametrize("before", [(), ("MATCHED",), ("MATCHED", "RETRYING"), ("MINED",)])
def test_a_failed_trade_puts_everything_back(before: tuple[str, ...]) -> None:
    books = Books()
    order = books.submit()
    for status in (*before, "FAILED", "FAILED"):
        books.keeper.fill(venue_fill(order, status=status))
    assert books.state.cash_usdc == OPENING_USDC
    assert books.state.positions[AGENT, order.token_id].shares == 0
    assert books.order(order).filled_shares == 0
    assert [e.status for e in books.said(FillStatusChanged)][-1] is FillStatus.FAILED


def test_a_trade_first_heard_of_as_failed_is_known_from_then_on() -> None:
    books = Books()
    order = books.submit()
    books.keeper.fill(venue_fill(order, status="FAILED"))
    assert ("t0", order.venue_order_id) in books.state.fills


def test_two_final_reports_that_contradict_are_drift() -> None:
    books = Books()
    order = books.submit()
    books.keeper.fill(venue_fill(order, status="CONFIRMED"))
    books.keeper.fill(venue_fill(order, status="FAILED"))
    assert [d.kind for d in books.said(DriftFound)] == ["fill"]
    assert books.state.positions[AGENT, order.token_id].shares == order.size_shares


def test_a_status_nobody_knows_counts_as_matched_and_is_drift() -> None:
    books = Books()
    order = books.submit()
    books.keeper.fill(venue_fill(order, status="TELEPORTED"))
    books.keeper.fill(venue_fill(order, status="TELEPORTED"))
    assert [d.kind for d in books.said(DriftFound)] == ["fill_status"]
    (fill,) = books.state.fills.values()
    assert fill.status is FillStatus.MATCHED


@pytest.mark.parametrize("changes", [{"size_shares": 0}, {"price_bps": 0}])
def test_an_empty_fill_is_drift_and_not_booked(changes: dict[str, int]) -> None:
    books = Books()
    order = books.submit()
    books.keeper.fill(venue_fill(order, **changes))
    assert [d.kind for d in books.said(DriftFound)] == ["empty_fill"]
    assert books.state.fills == {}


def test_a_fill_of_a_foreign_order_is_drift_once() -> None:
    books = Books()
    foreign = order_at(venue_order_id="0xforeign")
    for _ in range(3):
        books.keeper.fill(venue_fill(foreign, "t9"))
    assert [(d.kind, d.subject) for d in books.said(DriftFound)] == [("foreign_fill", "t9")]
    assert books.state.positions == {}


def test_a_foreign_fill_older_than_what_is_remembered_is_no_news() -> None:
    books = Books()
    foreign = order_at(venue_order_id="0xforeign")
    old = NOW_NS - FORGET_AFTER_NS
    books.keeper.fill(venue_fill(foreign, "t9", matched_ns=old))
    assert books.said(DriftFound) == []
    books.keeper.fill(venue_fill(foreign, "t9", matched_ns=old + 1))
    assert len(books.said(DriftFound)) == 1


def test_a_fill_after_the_cancel_still_counts() -> None:
    books = Books()
    order = books.submit()
    books.keeper.move(order, OrderTrigger.ACCEPT)
    books.keeper.move(order, OrderTrigger.CANCEL)
    books.keeper.fill(venue_fill(order, size_shares=5_000_000))
    assert books.status(order) is OrderStatus.CANCELED
    assert books.state.positions[AGENT, order.token_id].shares == 5_000_000


def test_a_fill_without_a_time_takes_market_time() -> None:
    books = Books()
    order = books.submit()
    books.keeper.fill(venue_fill(order, matched_ns=0))
    (fill,) = books.state.fills.values()
    assert fill.matched_ns == books.market_clock.now_ns()


def test_one_trade_may_fill_two_of_our_orders() -> None:
    books = Books()
    first = books.submit()
    second = books.submit(venue_order_id="0xsecond")
    books.keeper.fill(venue_fill(first, "shared", is_maker=True))
    books.keeper.fill(venue_fill(second, "shared", is_maker=True))
    assert len(books.state.fills) == 2
    assert books.state.positions[AGENT, market_at().token_up].shares == 50_000_000
