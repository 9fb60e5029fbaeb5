"""Every answer of the exchange to every type of order, by whichever way it comes."""

import pytest

from polybot.domain.order import Order, OrderStatus, OrderTrigger, OrderType
from polybot.errors import (
    NotFound,
    OutcomeUnknown,
    PolybotError,
    ProtocolError,
    RateLimited,
    Rejected,
    Unauthorized,
    Unavailable,
)
from polybot.messages.trading import DriftFound
from polybot.ports import CancelAnswer, StreamFrame
from tests.story import SHARES, order_at
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
TYPES = list(OrderType)

# What each failure proves, the status it leaves, whether it is looked up, and whether it counts as
# a failed request.
FAILURES: list[tuple[PolybotError, OrderStatus, bool, int]] = [
    (Rejected("FAK no match", status=400, code="fak_no_match"), S.REJECTED, False, 0),
    (NotFound("market not found", status=404), S.REJECTED, False, 0),
    (RateLimited("slow down"), S.REJECTED, False, 1),
    (Unauthorized("no", status=401), S.REJECTED, False, 1),
    (Unavailable("restarting", status=425), S.REJECTED, False, 1),
    (Unavailable("connection refused"), S.NOT_PLACED, False, 1),
    (OutcomeUnknown("reset", code="no_answer"), S.UNKNOWN, True, 1),
    (OutcomeUnknown("server", status=500), S.UNKNOWN, True, 1),
    (OutcomeUnknown("duplicated", status=400, code="duplicated"), S.UNKNOWN, True, 1),
    (ProtocolError("garbage"), S.UNKNOWN, True, 1),
]


def submit(books: Books, order_type: OrderType, number: int = 0) -> Order:
    if order_type.rests:
        return books.submit(number, order_type=order_type)
    return books.submit_fak(number, order_type=order_type)


def frame(data: bytes) -> StreamFrame:
    return StreamFrame("user", 0, data=data)


@pytest.mark.parametrize("order_type", TYPES)
@pytest.mark.parametrize(("error", "status", "is_looked_up", "counted"), FAILURES)
def test_each_failure_means_what_it_proves(
    order_type: OrderType,
    error: PolybotError,
    status: OrderStatus,
    is_looked_up: bool,
    counted: int,
) -> None:
    books = Books()
    order = submit(books, order_type)
    books.answers.posted(refused(order.venue_order_id, error))
    assert books.status(order) is status
    assert (order.venue_order_id in books.answers.look_up) is is_looked_up
    assert books.answers.errors_in_a_row == counted


def test_failed_requests_are_counted_until_one_is_answered() -> None:
    books = Books()
    for number in range(3):
        order = books.submit(number)
        books.answers.posted(refused(order.venue_order_id, OutcomeUnknown("reset")))
    assert books.answers.errors_in_a_row == 3
    order = books.submit(3)
    books.answers.posted(refused(order.venue_order_id, Rejected("tick", status=400)))
    assert books.answers.errors_in_a_row == 0


@pytest.mark.parametrize("order_type", [OrderType.GTC, OrderType.GTD])
def test_a_resting_order_that_is_taken_is_accepted(order_type: OrderType) -> None:
    books = Books()
    order = submit(books, order_type)
    books.answers.posted(accepted(order.venue_order_id))
    assert books.status(order) is S.ACCEPTED
    assert books.answers.closing == {}


@pytest.mark.parametrize("order_type", TYPES)
@pytest.mark.parametrize("fills_first", [True, False])
def test_a_whole_fill_before_or_after_the_answer_ends_filled(
    order_type: OrderType, fills_first: bool
) -> None:
    books = Books()
    order = submit(books, order_type)
    steps = [
        lambda: books.answers.stream_frame(frame(trade_frame(order))),
        lambda: books.answers.posted(accepted(order.venue_order_id, "matched", "t0")),
    ]
    for step in steps if fills_first else reversed(steps):
        step()
    assert books.status(order) is S.FILLED
    assert books.answers.closing == {}
    assert books.order(order).filled_shares == SHARES


@pytest.mark.parametrize("order_type", TYPES)
@pytest.mark.parametrize("status", ["delayed", "live", "unmatched"])
def test_an_answer_before_the_fills_is_no_miss(order_type: OrderType, status: str) -> None:
    books = Books()
    order = submit(books, order_type)
    books.answers.posted(accepted(order.venue_order_id, status))
    assert books.status(order) is S.ACCEPTED
    assert (order.venue_order_id in books.answers.look_up) == (not order_type.rests)
    books.answers.stream_frame(frame(trade_frame(order)))
    assert books.status(order) is S.FILLED
    assert books.order(order).filled_shares == SHARES


@pytest.mark.parametrize("fills_first", [True, False])
def test_the_rest_of_a_fak_is_dropped_when_its_trades_are_booked(fills_first: bool) -> None:
    books = Books()
    order = books.submit_fak()
    fill = frame(trade_frame(order, size="10"))
    answer = accepted(order.venue_order_id, "matched", "t0")
    if fills_first:
        books.answers.stream_frame(fill)
        assert books.status(order) is S.PARTIALLY_FILLED
        books.answers.posted(answer)
    else:
        books.answers.posted(answer)
        assert books.status(order) is S.ACCEPTED
        books.answers.stream_frame(fill)
    assert books.status(order) is S.CANCELED
    assert books.order(order).filled_shares == 10_000_000


def test_a_fak_over_several_levels_waits_for_all_its_trades() -> None:
    books = Books()
    order = books.submit_fak()
    books.answers.posted(accepted(order.venue_order_id, "matched", "t0", "t1"))
    books.answers.stream_frame(frame(trade_frame(order, "t1", size="6")))
    assert books.status(order) is S.PARTIALLY_FILLED
    books.answers.stream_frame(frame(trade_frame(order, "t0", size="4")))
    assert books.status(order) is S.CANCELED


def test_a_fak_whose_trade_failed_at_once_still_ends() -> None:
    books = Books()
    order = books.submit_fak()
    books.answers.posted(accepted(order.venue_order_id, "matched", "t0"))
    books.answers.stream_frame(frame(trade_frame(order, status="FAILED", size="10")))
    assert books.status(order) is S.CANCELED
    assert books.order(order).filled_shares == 0


def test_a_fak_without_trades_is_no_miss_yet_and_is_looked_up_until_it_ends() -> None:
    books = Books()
    order = books.submit_fak()
    books.answers.posted(accepted(order.venue_order_id, "delayed"))
    assert books.status(order) is S.ACCEPTED
    assert order.venue_order_id in books.answers.look_up
    books.answers.looked_up(looked_up(order, venue_order(order, "DELAYED")))
    assert order.venue_order_id in books.answers.look_up
    books.answers.looked_up(looked_up(order, venue_order(order, "CANCELED")))
    assert books.status(order) is S.CANCELED
    assert books.answers.look_up == set()


def test_an_order_id_that_is_not_ours_is_mistrusted() -> None:
    books = Books()
    order = books.submit()
    error = OutcomeUnknown("expected 0x1, was 0x2", status=200, code="order_id_mismatch")
    books.answers.posted(refused(order.venue_order_id, error))
    assert books.status(order) is S.UNKNOWN
    assert books.answers.mistrust == "expected 0x1, was 0x2"


def test_an_answer_to_a_forgotten_order_is_dropped() -> None:
    books = Books()
    before = books.count()
    books.answers.posted(accepted("0xlongago"))
    assert books.count() == before


@pytest.mark.parametrize("order_type", TYPES)
def test_the_stream_may_end_an_order_before_its_answer_comes(order_type: OrderType) -> None:
    books = Books()
    order = submit(books, order_type)
    books.answers.stream_frame(frame(order_frame(order, "PLACEMENT")))
    assert books.status(order) is S.ACCEPTED
    books.answers.stream_frame(frame(order_frame(order, "CANCELLATION", "CANCELED_killed, sorry")))
    assert books.status(order) is S.CANCELED
    books.answers.posted(refused(order.venue_order_id, Rejected("killed", status=400)))
    assert books.status(order) is S.CANCELED


def test_an_update_of_an_order_changes_nothing_by_itself() -> None:
    books = Books()
    order = books.submit()
    before = books.count()
    books.answers.stream_frame(frame(order_frame(order, "UPDATE", "MATCHED")))
    assert books.count() == before


def test_events_about_foreign_orders_are_drift_once() -> None:
    books = Books()
    foreign = order_at(venue_order_id="0xforeign")
    for kind in ("PLACEMENT", "UPDATE", "CANCELLATION"):
        books.answers.stream_frame(frame(order_frame(foreign, kind)))
    assert [(d.kind, d.subject) for d in books.said(DriftFound)] == [("foreign_order", "0xforeign")]


@pytest.mark.parametrize(
    "data",
    [b"not json", b'{"event_type":"trade"}', b'[{"event_type":"order"}]'],
)
def test_an_event_nobody_can_read_asks_for_a_snapshot(data: bytes) -> None:
    books = Books()
    books.answers.stream_frame(frame(data))
    assert books.answers.snapshot_wanted


def test_a_flood_of_unreadable_events_is_one_line(caplog: pytest.LogCaptureFixture) -> None:
    books = Books()
    for _ in range(100):
        books.answers.stream_frame(frame(b"not json"))
    assert len(caplog.records) == 1
    assert "user events that could not be read: 1 so far" in caplog.text


def test_a_trade_with_unreadable_numbers_asks_for_a_snapshot() -> None:
    books = Books()
    order = books.submit()
    books.answers.stream_frame(frame(trade_frame(order, price="cheap")))
    assert books.answers.snapshot_wanted
    assert books.state.fills == {}


def test_a_pong_says_nothing() -> None:
    books = Books()
    books.answers.stream_frame(frame(b"PONG"))
    assert not books.answers.snapshot_wanted


def canceling(books: Books, number: int = 0) -> Order:
    order = books.submit(number)
    books.answers.posted(accepted(order.venue_order_id))
    books.keeper.move(order, OrderTrigger.REQUEST_CANCEL)
    return order


@pytest.mark.parametrize("by_stream", [True, False])
def test_a_confirmed_cancel_ends_the_order_once_it_is_known_what_it_traded(
    by_stream: bool,
) -> None:
    books = Books()
    order = canceling(books)
    ids = (order.venue_order_id,)
    books.answers.canceled(CancelAnswer(ids, {}, asked=ids))
    assert books.status(order) is S.PENDING_CANCEL
    assert books.answers.look_up == {order.venue_order_id}
    if by_stream:
        books.answers.stream_frame(frame(order_frame(order, "CANCELLATION", "CANCELED")))
    else:
        books.answers.looked_up(looked_up(order, venue_order(order, "CANCELED")))
        assert books.answers.look_up == set()
    assert books.status(order) is S.CANCELED


def test_a_refused_cancel_is_looked_up() -> None:
    books = Books()
    order = canceling(books)
    ids = (order.venue_order_id,)
    words = {order.venue_order_id: "already canceled or matched"}
    books.answers.canceled(CancelAnswer((), words, asked=ids))
    assert books.status(order) is S.UNKNOWN
    assert books.answers.look_up == {order.venue_order_id}


def test_a_refused_cancel_of_an_order_that_filled_meanwhile_changes_nothing() -> None:
    books = Books()
    order = canceling(books)
    books.keeper.fill(venue_fill(order))
    books.answers.canceled(CancelAnswer((), {order.venue_order_id: "order already matched"}))
    assert books.status(order) is S.FILLED
    assert books.answers.look_up == set()


def test_a_lost_cancel_is_looked_up_and_the_order_may_be_canceled_again() -> None:
    books = Books()
    order, other = canceling(books), canceling(books, 1)
    error = OutcomeUnknown("timed out")
    books.answers.canceled(CancelAnswer((), {}, error, asked=(order.venue_order_id,)))
    assert (books.status(order), books.status(other)) == (S.UNKNOWN, S.PENDING_CANCEL)
    books.answers.looked_up(looked_up(order, venue_order(order)))
    assert books.status(order) is S.ACCEPTED
    assert books.answers.errors_in_a_row == 1


def test_an_order_the_cancel_s_answer_does_not_mention_is_looked_up() -> None:
    books = Books()
    order, other = canceling(books), canceling(books, 1)
    asked = (order.venue_order_id, other.venue_order_id)
    books.answers.canceled(CancelAnswer((other.venue_order_id,), {}, asked=asked))
    assert (books.status(order), books.status(other)) == (S.UNKNOWN, S.PENDING_CANCEL)
    assert books.answers.look_up == set(asked)


def unknown(books: Books, order_type: OrderType = OrderType.GTC) -> Order:
    order = submit(books, order_type)
    books.answers.posted(refused(order.venue_order_id, OutcomeUnknown("timed out")))
    return order


@pytest.mark.parametrize(
    ("order_type", "told", "status", "wants_snapshot"),
    [
        (OrderType.GTC, {"status": "LIVE"}, S.ACCEPTED, False),
        (OrderType.GTC, {"status": "LIVE", "matched_shares": 5_000_000}, S.ACCEPTED, True),
        (OrderType.GTC, {"status": "UNMATCHED"}, S.ACCEPTED, False),
        (OrderType.FAK, {"status": "UNMATCHED"}, S.CANCELED, False),
        (OrderType.GTC, {"status": "CANCELED"}, S.CANCELED, False),
        (OrderType.GTC, {"status": "CANCELED", "matched_shares": 1}, S.UNKNOWN, True),
        (OrderType.GTC, {"status": "INVALID"}, S.CANCELED, False),
        (OrderType.GTC, {"status": "CANCELED_MARKET_RESOLVED"}, S.CANCELED, False),
        (OrderType.GTC, {"status": "MATCHED", "matched_shares": SHARES}, S.UNKNOWN, True),
        (OrderType.FAK, {"status": "MATCHED", "matched_shares": 10_000_000}, S.UNKNOWN, True),
    ],
)
def test_a_look_up_finds_an_unknown_order(
    order_type: OrderType, told: dict[str, object], status: OrderStatus, wants_snapshot: bool
) -> None:
    books = Books()
    order = unknown(books, order_type)
    assert not books.answers.looked_up(looked_up(order, venue_order(order, **told)))
    assert books.status(order) is status
    assert books.answers.snapshot_wanted is wants_snapshot


def test_an_unknown_fak_ends_once_the_snapshot_brought_its_trades() -> None:
    books = Books()
    order = unknown(books, OrderType.FAK)
    told = looked_up(order, venue_order(order, "MATCHED", matched_shares=10_000_000))
    books.answers.looked_up(told)
    books.keeper.fill(venue_fill(order, size_shares=10_000_000))
    assert books.status(order) is S.PARTIALLY_FILLED
    books.answers.looked_up(told)
    assert books.status(order) is S.CANCELED
    assert books.answers.look_up == set()


def test_only_a_positive_no_is_absence() -> None:
    books = Books()
    order = unknown(books)
    assert books.answers.looked_up(looked_up(order, None))
    assert not books.answers.looked_up(looked_up(order, None, OutcomeUnknown("timed out")))
    assert not books.answers.looked_up(looked_up(order_at(venue_order_id="0xother"), None))
    assert books.status(order) is S.UNKNOWN


@pytest.mark.parametrize("shrinks", [True, False])
def test_an_order_whose_trade_failed_ends_whether_or_not_its_matched_size_shrinks(
    shrinks: bool,
) -> None:
    books = Books()
    order = unknown(books, OrderType.FAK)
    books.keeper.fill(venue_fill(order, size_shares=10_000_000, status="MINED"))
    books.keeper.fill(venue_fill(order, size_shares=10_000_000, status="FAILED"))
    books.answers.look_up.add(order.venue_order_id)
    matched = 0 if shrinks else 10_000_000
    told = looked_up(order, venue_order(order, "MATCHED", matched_shares=matched))
    assert not books.answers.looked_up(told)
    assert not books.answers.snapshot_wanted
    assert books.status(order) is S.CANCELED
    assert books.answers.look_up == set()
