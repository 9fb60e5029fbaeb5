"""Single orders are asked for until what became of them is known; absence must last to count."""

import pytest

from polybot.domain.order import Order, OrderStatus, OrderTrigger
from polybot.errors import OutcomeUnknown
from polybot.messages.trading import OrderStatusChanged
from polybot.ports import OrderLookup
from polybot.services.trader.look_ups import ANSWER_TIMEOUT_NS, MOST_AT_ONCE, LookUps
from tests.unit.services.trader.books import Books
from tests.unit.services.trader.fakes_exchange import looked_up, venue_fill, venue_order

S = 1_000_000_000
GRACE = 10 * S


class Case:
    """Look-ups over books with one order of a status."""

    def __init__(self, *triggers: OrderTrigger) -> None:
        self.books = Books()
        self.look_ups = LookUps(
            self.books.keeper, self.books.answers, self.books.access, grace_ns=GRACE
        )
        self.order = self.books.submit()
        for trigger in triggers:
            self.books.keeper.move(self.order, trigger)

    @property
    def status(self) -> OrderStatus:
        return self.books.status(self.order)

    def absent(self, at_s: float, order: Order | None = None) -> None:
        self.look_ups.take(looked_up(order or self.order, None), int(at_s * S))


LOST = OrderTrigger.LOSE_ANSWER


def test_an_unknown_order_is_asked_for_once_a_second() -> None:
    case = Case(LOST)
    for tenths in range(25):
        case.look_ups.turn(tenths * S // 10)
        case.absent(tenths / 10)
    assert case.books.gateway.looked_up == [case.order.venue_order_id] * 3


def test_a_question_without_an_answer_is_repeated_only_when_it_is_overdue() -> None:
    case = Case(LOST)
    timeout_s = ANSWER_TIMEOUT_NS // S
    for second in range(timeout_s):
        case.look_ups.turn(second * S)
    assert len(case.books.gateway.looked_up) == 1
    case.look_ups.turn(timeout_s * S)
    assert len(case.books.gateway.looked_up) == 2


def test_only_a_few_orders_are_asked_for_at_a_time_and_each_gets_its_turn() -> None:
    case = Case(LOST)
    orders = [case.order]
    for number in range(2 * MOST_AT_ONCE):
        orders.append(case.books.submit(intent_id=f"i{number}", venue_order_id=f"0x{number:03d}"))
        case.books.keeper.move(orders[-1], LOST)
    looked_up = case.books.gateway.looked_up
    for second in range(3):
        case.look_ups.turn(second * S)
        case.look_ups.turn(second * S)
        assert len(looked_up) == (second + 1) * MOST_AT_ONCE
        for venue_order_id in looked_up[second * MOST_AT_ONCE :]:
            case.look_ups.take(OrderLookup(venue_order_id, None), second * S)
    # Who was not asked for yet comes before who is asked for again.
    assert set(looked_up[: len(orders)]) == {order.venue_order_id for order in orders}


def test_an_order_whose_fate_is_known_is_not_asked_for() -> None:
    case = Case(OrderTrigger.ACCEPT)
    case.look_ups.turn(0)
    assert case.books.gateway.looked_up == []


def test_questions_end_with_the_order() -> None:
    case = Case(LOST)
    case.look_ups.turn(0)
    case.books.keeper.fill(venue_fill(case.order))
    case.look_ups.turn(5 * S)
    assert len(case.books.gateway.looked_up) == 1
    assert case.books.answers.look_up == set()


def test_an_order_absent_for_the_grace_by_every_route_was_not_placed() -> None:
    case = Case(LOST)
    case.absent(1)
    case.absent(10.9)
    assert case.status is OrderStatus.UNKNOWN
    case.look_ups.snapshot_ns = 11 * S
    case.absent(11.5)
    assert case.status is OrderStatus.NOT_PLACED
    moved = case.books.said(OrderStatusChanged)[-1]
    assert (moved.trigger, moved.detail) == (OrderTrigger.PROVE_ABSENT, "absent for 10.5 s")


@pytest.mark.parametrize("snapshot_s", [-1, 0.5, 1, 5, 10.9])
def test_without_a_snapshot_asked_for_at_the_end_of_the_grace_one_is_wanted_first(
    snapshot_s: float,
) -> None:
    case = Case(LOST)
    case.look_ups.snapshot_ns = int(snapshot_s * S)
    case.absent(1)
    case.absent(11)
    assert case.status is OrderStatus.UNKNOWN
    assert case.books.answers.snapshot_wanted


def test_while_the_user_stream_is_away_absence_proves_nothing() -> None:
    case = Case(LOST)
    case.absent(1)
    case.look_ups.stream_changed(connected=False)
    case.look_ups.snapshot_ns = 30 * S
    for second in (15, 31):
        case.absent(second)
    assert case.status is OrderStatus.UNKNOWN
    case.look_ups.stream_changed(connected=True)
    case.absent(32)
    case.look_ups.snapshot_ns = 41 * S
    case.absent(41.9)
    assert case.status is OrderStatus.UNKNOWN
    case.look_ups.snapshot_ns = 42 * S
    case.absent(42)
    assert case.status is OrderStatus.NOT_PLACED


def test_an_order_the_exchange_had_shown_before_its_fate_was_unknown_has_ended() -> None:
    case = Case(OrderTrigger.ACCEPT, OrderTrigger.REQUEST_CANCEL, OrderTrigger.REFUSE_CANCEL)
    assert case.status is OrderStatus.UNKNOWN
    case.absent(1)
    case.look_ups.snapshot_ns = 11 * S
    case.absent(11)
    assert case.status is OrderStatus.CANCELED


def test_an_order_canceled_before_anybody_saw_it_was_not_placed() -> None:
    case = Case(OrderTrigger.REQUEST_CANCEL)
    case.absent(1)
    case.look_ups.snapshot_ns = 11 * S
    case.absent(11)
    assert case.status is OrderStatus.NOT_PLACED


def test_being_found_once_starts_the_grace_anew() -> None:
    case = Case(LOST)
    case.absent(1)
    case.look_ups.take(looked_up(case.order, venue_order(case.order)), 2 * S)
    assert case.status is OrderStatus.ACCEPTED
    case.books.keeper.move(case.order, OrderTrigger.REQUEST_CANCEL)
    case.books.keeper.move(case.order, OrderTrigger.REFUSE_CANCEL)
    case.look_ups.snapshot_ns = 40 * S
    case.absent(20)
    case.absent(29.9)
    assert case.status is OrderStatus.UNKNOWN


def test_an_error_is_neither_absence_nor_presence() -> None:
    case = Case(LOST)
    case.absent(1)
    case.look_ups.take(looked_up(case.order, None, OutcomeUnknown("timed out")), 5 * S)
    case.look_ups.snapshot_ns = 11 * S
    case.absent(11)
    assert case.status is OrderStatus.NOT_PLACED


def test_an_order_lost_after_the_exchange_had_shown_it_has_ended() -> None:
    for triggers in ((OrderTrigger.ACCEPT,), (OrderTrigger.ACCEPT, OrderTrigger.REQUEST_CANCEL)):
        case = Case(*triggers)
        case.absent(1)
        case.look_ups.snapshot_ns = 11 * S
        case.absent(11)
        assert case.status is OrderStatus.CANCELED


def test_an_unknown_order_with_fills_was_placed_and_has_ended() -> None:
    case = Case(LOST)
    case.books.keeper.fill(venue_fill(case.order, size_shares=1_000_000))
    case.absent(1)
    case.look_ups.snapshot_ns = 11 * S
    case.absent(11)
    assert case.status is OrderStatus.CANCELED


def test_absence_proves_nothing_while_the_answer_to_the_post_may_come() -> None:
    case = Case()
    case.look_ups.snapshot_ns = 30 * S
    case.absent(1)
    case.absent(19)
    assert case.status is OrderStatus.SUBMITTED


def test_a_late_arrival_is_adopted() -> None:
    case = Case(LOST)
    case.absent(1)
    case.look_ups.snapshot_ns = 11 * S
    case.absent(11)
    case.books.keeper.fill(venue_fill(case.order))
    assert case.status is OrderStatus.FILLED


@pytest.mark.parametrize("triggers", [(), (OrderTrigger.ACCEPT, OrderTrigger.REQUEST_CANCEL)])
def test_an_answer_that_never_comes_is_given_up(triggers: tuple[OrderTrigger, ...]) -> None:
    case = Case(*triggers)
    case.look_ups.turn(S)
    case.look_ups.turn(S + ANSWER_TIMEOUT_NS - 1)
    assert case.status in (OrderStatus.SUBMITTED, OrderStatus.PENDING_CANCEL)
    case.look_ups.turn(S + ANSWER_TIMEOUT_NS)
    assert case.status is OrderStatus.UNKNOWN
    assert case.books.said(OrderStatusChanged)[-1].code == "no_answer"
    case.look_ups.turn(S + ANSWER_TIMEOUT_NS)
    assert case.books.gateway.looked_up == [case.order.venue_order_id]


def test_each_wait_is_timed_by_itself() -> None:
    case = Case()
    case.look_ups.turn(0)
    case.books.keeper.move(case.order, OrderTrigger.REQUEST_CANCEL)
    case.look_ups.turn(ANSWER_TIMEOUT_NS)
    assert case.status is OrderStatus.PENDING_CANCEL
