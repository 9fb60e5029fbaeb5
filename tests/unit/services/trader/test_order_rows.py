"""What the real exchange does to orders, row by row, with its own frames and answers."""

from typing import Any

import msgspec
import pytest

from polybot.domain.fill import FillStatus
from polybot.domain.order import Order, OrderStatus, OrderTrigger, OrderType, Side
from polybot.errors import OutcomeUnknown, Rejected, Unavailable
from polybot.messages.trading import DriftFound, FillMatched, OrderStatusChanged
from polybot.ports import CancelAnswer, StreamFrame
from tests.story import AGENT, OPENING_USDC, SHARES
from tests.unit.services.trader.books import Books
from tests.unit.services.trader.fakes_exchange import (
    accepted,
    looked_up,
    order_frame,
    refused,
    trade_frame,
    venue_fill,
    venue_order,
)

S = OrderStatus
PART = 10_000_000


def hear(books: Books, data: bytes) -> None:
    books.answers.stream_frame(StreamFrame("user", 0, data=data))


def resting(books: Books, **changes: Any) -> Order:
    order = books.submit(**changes)
    books.answers.posted(accepted(order.venue_order_id))
    return order


def given_up(books: Books, order: Order) -> Order:
    """Lose an order's answer and prove it absent."""
    books.answers.posted(refused(order.venue_order_id, OutcomeUnknown("timed out")))
    books.keeper.move(order, OrderTrigger.PROVE_ABSENT)
    books.answers.look_up.clear()
    assert books.status(order) is S.NOT_PLACED
    return order


def ended(order: Order, matched: str, status: str = "CANCELED") -> bytes:
    """Return the stream's end of an order that had matched so much."""
    frame = msgspec.json.decode(order_frame(order, "CANCELLATION", status))
    return msgspec.json.encode(frame | {"size_matched": matched})


def confirm_cancel(books: Books, order: Order) -> None:
    ids = (order.venue_order_id,)
    books.answers.canceled(CancelAnswer(ids, {}, asked=ids))


def test_a_fill_after_the_cancel_is_booked_and_the_order_stays_canceled() -> None:
    books = Books()
    order = resting(books)
    hear(books, ended(order, ""))
    assert books.status(order) is S.CANCELED
    hear(books, trade_frame(order, size="10"))
    assert (books.status(order), books.order(order).filled_shares) == (S.CANCELED, PART)


def test_a_cancel_after_the_whole_fill_changes_nothing() -> None:
    books = Books()
    order = resting(books)
    hear(books, trade_frame(order))
    confirm_cancel(books, order)
    hear(books, ended(order, "25"))
    assert books.status(order) is S.FILLED
    assert books.said(DriftFound) == []


def test_a_trade_before_the_answer_is_booked_once() -> None:
    books = Books()
    order = books.submit()
    for _ in range(2):
        hear(books, trade_frame(order, size="10"))
    books.answers.posted(accepted(order.venue_order_id, "matched", "t0"))
    assert books.status(order) is S.PARTIALLY_FILLED
    assert len(books.said(FillMatched)) == 1


@pytest.mark.parametrize("side", list(Side))
def test_a_canceled_order_stays_open_while_a_trade_of_it_is_not_booked(side: Side) -> None:
    """A BUY used to end with the cancel's answer: for a moment its fill counted nowhere."""
    books = Books()
    order = resting(books, side=side)
    books.keeper.move(order, OrderTrigger.REQUEST_CANCEL)
    confirm_cancel(books, order)
    assert books.order(order).open_shares == SHARES
    hear(books, ended(order, "10"))
    assert (books.status(order), books.order(order).open_shares) == (S.PENDING_CANCEL, SHARES)
    hear(books, trade_frame(order, size="10"))
    told = venue_order(order, "CANCELED", matched_shares=PART)
    books.answers.looked_up(looked_up(order, told))
    assert (books.status(order), books.order(order).filled_shares) == (S.CANCELED, PART)


def test_a_row_from_before_the_cancel_does_not_end_the_search_for_its_trades() -> None:
    books = Books()
    order = resting(books)
    books.keeper.move(order, OrderTrigger.REQUEST_CANCEL)
    confirm_cancel(books, order)
    books.answers.looked_up(looked_up(order, venue_order(order, "LIVE")))
    assert books.answers.look_up == {order.venue_order_id}


def test_a_row_older_than_the_stream_brings_no_order_back_to_life() -> None:
    books = Books()
    order = resting(books)
    hear(books, ended(order, ""))
    books.answers.looked_up(looked_up(order, venue_order(order, "LIVE")))
    assert books.status(order) is S.CANCELED


def test_a_matched_size_that_shrank_hides_no_trade_that_is_not_booked() -> None:
    """12 of 25 FAILED unheard, 7 more matched unheard: 7 told are fewer than the 12 booked."""
    books = Books()
    order = resting(books)
    hear(books, trade_frame(order, size="12"))
    told = looked_up(order, venue_order(order, "CANCELED", matched_shares=7_000_000))
    books.answers.looked_up(told)
    assert not books.order(order).is_terminal
    assert books.answers.snapshot_wanted
    hear(books, trade_frame(order, status="FAILED", size="12"))
    hear(books, trade_frame(order, "t1", size="7"))
    books.answers.looked_up(told)
    assert (books.status(order), books.order(order).filled_shares) == (S.CANCELED, 7_000_000)


def test_a_matched_size_that_shrank_by_a_trade_known_to_have_failed_shows_the_missing_one() -> None:
    books = Books()
    order = resting(books)
    for status in ("MATCHED", "FAILED"):
        hear(books, trade_frame(order, status=status, size="12"))
    told = looked_up(order, venue_order(order, "CANCELED", matched_shares=7_000_000))
    books.answers.looked_up(told)
    assert not books.order(order).is_terminal
    hear(books, trade_frame(order, "t1", size="7"))
    books.answers.looked_up(told)
    assert (books.status(order), books.order(order).filled_shares) == (S.CANCELED, 7_000_000)


def test_a_matched_size_that_never_fits_strands_no_order_once_its_trades_are_final() -> None:
    books = Books()
    order = resting(books)
    hear(books, trade_frame(order, status="CONFIRMED", size="12"))
    told = venue_order(order, "CANCELED", matched_shares=11_000_000)
    books.answers.looked_up(looked_up(order, told))
    assert books.status(order) is S.CANCELED


@pytest.mark.parametrize("before", [(), ("MINED",), ("RETRYING",)])
def test_a_failed_settlement_voids_the_fill_and_its_shares_are_not_open_again(
    before: tuple[str, ...],
) -> None:
    books = Books()
    order = resting(books)
    for status in ("MATCHED", *before, "FAILED"):
        hear(books, trade_frame(order, status=status, size="10"))
    voided = books.order(order)
    assert (voided.filled_shares, voided.failed_shares, voided.open_shares) == (0, PART, 15_000_000)
    assert books.state.cash_usdc == OPENING_USDC
    assert books.state.positions[AGENT, order.token_id].shares == 0
    hear(books, trade_frame(order, "t1", size="15"))
    assert (books.status(order), books.order(order).filled_shares) == (S.FILLED, 15_000_000)


def test_a_retried_settlement_keeps_counting() -> None:
    books = Books()
    order = resting(books)
    for status in ("MATCHED", "RETRYING", "MINED", "CONFIRMED"):
        hear(books, trade_frame(order, status=status))
        assert books.state.positions[AGENT, order.token_id].shares == SHARES
    (fill,) = books.state.fills.values()
    assert fill.status is FillStatus.CONFIRMED


def test_what_rests_at_the_window_s_end_is_invalid_and_over() -> None:
    books = Books()
    order = resting(books)
    hear(books, trade_frame(order, size="10"))
    hear(books, ended(order, "10", "INVALID"))
    assert (books.status(order), books.order(order).filled_shares) == (S.CANCELED, PART)
    assert books.said(OrderStatusChanged)[-1].detail == "INVALID"


@pytest.mark.parametrize("status", ["delayed", "live", "unmatched"])
def test_a_fak_taken_with_zero_amounts_is_no_miss_until_its_end_is_told(status: str) -> None:
    books = Books()
    order = books.submit_fak()
    books.answers.posted(accepted(order.venue_order_id, status))
    hear(books, ended(order, "10", "CANCELED_the rest was killed"))
    assert books.order(order).open_shares == SHARES
    hear(books, trade_frame(order, size="10"))
    told = venue_order(order, "MATCHED", matched_shares=PART)
    books.answers.looked_up(looked_up(order, told))
    assert (books.status(order), books.order(order).filled_shares) == (S.CANCELED, PART)


@pytest.mark.parametrize("order_type", [OrderType.GTC, OrderType.FAK])
@pytest.mark.parametrize("by_trade", [True, False])
def test_a_late_arrival_is_adopted_and_asked_for(order_type: OrderType, by_trade: bool) -> None:
    """A FAK that arrived late used to wait for the next sweep before its end was known."""
    books = Books()
    order = books.submit() if order_type.rests else books.submit_fak()
    given_up(books, order)
    hear(books, trade_frame(order, size="10") if by_trade else order_frame(order, "PLACEMENT"))
    assert books.status(order) is (S.PARTIALLY_FILLED if by_trade else S.ACCEPTED)
    assert books.answers.look_up == {order.venue_order_id}


@pytest.mark.parametrize("by_stream", [True, False])
def test_a_late_arrival_that_is_over_already_counts_as_open_until_its_trades_are_known(
    by_stream: bool,
) -> None:
    """It used to be called canceled at once, while what it had traded counted nowhere."""
    books = Books()
    order = given_up(books, books.submit())
    if by_stream:
        hear(books, ended(order, "10"))
    else:
        confirm_cancel(books, order)
    assert books.order(order).open_shares == SHARES
    assert books.answers.look_up == {order.venue_order_id}
    hear(books, trade_frame(order, size="10"))
    told = venue_order(order, "CANCELED", matched_shares=PART)
    books.answers.looked_up(looked_up(order, told))
    assert (books.status(order), books.order(order).filled_shares) == (S.CANCELED, PART)


def test_a_late_arrival_that_traded_nothing_is_over_with_the_stream_s_word() -> None:
    books = Books()
    order = given_up(books, books.submit())
    hear(books, ended(order, ""))
    assert (books.status(order), books.answers.look_up) == (S.CANCELED, set())


def test_an_answer_lost_after_the_order_was_given_up_makes_it_unknown_again() -> None:
    books = Books()
    order = given_up(books, books.submit())
    books.answers.posted(refused(order.venue_order_id, OutcomeUnknown("reset")))
    assert books.status(order) is S.UNKNOWN
    assert books.answers.look_up == {order.venue_order_id}


def test_an_order_canceled_before_it_left_was_not_placed() -> None:
    """A refused connection used to be drift for an order whose cancel was under way."""
    books = Books()
    order = books.submit()
    books.keeper.move(order, OrderTrigger.REQUEST_CANCEL)
    books.answers.posted(refused(order.venue_order_id, Unavailable("connection refused")))
    assert books.status(order) is S.NOT_PLACED
    assert books.said(DriftFound) == []


def test_a_cancel_refused_late_makes_an_order_unknown_until_it_is_found() -> None:
    books = Books()
    order = resting(books)
    ids = (order.venue_order_id,)
    books.answers.canceled(CancelAnswer((), {ids[0]: "order not found"}, asked=ids))
    assert books.status(order) is S.UNKNOWN
    assert books.answers.look_up == set(ids)
    books.answers.looked_up(looked_up(order, venue_order(order, "LIVE")))
    assert books.status(order) is S.ACCEPTED


def test_an_unknown_order_found_alive_with_fills_is_partially_filled() -> None:
    books = Books()
    order = resting(books)
    hear(books, trade_frame(order, size="10"))
    books.keeper.move(order, OrderTrigger.REFUSE_CANCEL)
    found = venue_order(order, "LIVE", matched_shares=PART)
    books.answers.looked_up(looked_up(order, found))
    assert books.status(order) is S.PARTIALLY_FILLED


def test_what_the_exchange_has_shown_is_remembered_while_a_cancel_is_under_way() -> None:
    books = Books()
    order = books.submit()
    books.keeper.move(order, OrderTrigger.REQUEST_CANCEL)
    assert not books.order(order).placed
    hear(books, order_frame(order, "PLACEMENT"))
    assert (books.status(order), books.order(order).placed) == (S.PENDING_CANCEL, True)
    before = books.count()
    hear(books, order_frame(order, "PLACEMENT"))
    assert books.count() == before


def test_a_refusal_of_an_order_with_fills_is_drift_and_changes_nothing() -> None:
    books = Books()
    order = books.submit()
    hear(books, trade_frame(order, size="10"))
    books.keeper.move(order, OrderTrigger.REQUEST_CANCEL)
    books.answers.posted(refused(order.venue_order_id, Rejected("no", status=400)))
    assert (books.status(order), books.order(order).filled_shares) == (S.PENDING_CANCEL, PART)
    assert [drift.kind for drift in books.said(DriftFound)] == ["order"]


def test_a_trade_told_otherwise_than_before_is_drift_and_booked_as_before() -> None:
    books = Books()
    order = resting(books)
    books.keeper.fill(venue_fill(order, size_shares=PART))
    books.keeper.fill(venue_fill(order, size_shares=PART + 1))
    assert [drift.kind for drift in books.said(DriftFound)] == ["fill_changed"]
    assert books.order(order).filled_shares == PART


@pytest.mark.parametrize(("side", "level"), [(Side.SELL, "INFO"), (Side.BUY, "WARNING")])
def test_a_sale_of_shares_that_cannot_move_yet_is_explained_and_no_alarm(
    side: Side, level: str, caplog: pytest.LogCaptureFixture
) -> None:
    books = Books()
    order = books.submit(side=side)
    error = Rejected("not enough balance / allowance", status=400, code="not_enough_balance")
    with caplog.at_level("INFO", logger="polybot.services.trader.order_answers"):
        books.answers.posted(refused(order.venue_order_id, error))
    (record,) = caplog.records
    assert record.levelname == level
    assert ("a moment after their trade" in record.getMessage()) is (side is Side.SELL)
    assert books.status(order) is S.REJECTED
