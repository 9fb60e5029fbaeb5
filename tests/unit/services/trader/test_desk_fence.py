"""Behind the fence the desk sends nothing; what it had in hand was never placed."""

import pytest

from polybot.domain.order import OrderStatus
from polybot.messages.trading import OrderStatusChanged
from polybot.ports.crash_points import on_reach
from tests.unit.services.trader.fakes_exchange import accepted
from tests.unit.services.trader.test_desk import ENTRY, OTHER, Case, cancel, enter

RAISED = "the watchdog raised the fence to epoch 2, this session began under 1"


@pytest.fixture
def case() -> Case:
    case = Case()
    case.decide(enter(ENTRY, OTHER))
    return case


def statuses(case: Case) -> list[OrderStatus]:
    return [order.status for order in case.books.state.orders.values()]


def test_a_raised_fence_keeps_every_order_here_and_says_that_none_was_placed(case: Case) -> None:
    case.fence.raised = RAISED

    assert case.send() == 0

    assert case.gateway.posted == []
    assert statuses(case) == [OrderStatus.NOT_PLACED] * 2
    told = case.books.said(OrderStatusChanged)
    assert [(event.code, event.detail) for event in told] == [("fence", RAISED)] * 2
    case.fence.raised = ""
    assert case.send() == 0, "what was kept here is not sent later"


def test_a_fence_raised_between_two_orders_keeps_the_second(case: Case) -> None:
    handed: list[str] = []

    def raise_after_first(point: str) -> None:
        if point == "order.handed":
            handed.append(point)
            case.fence.raised = RAISED

    on_reach(raise_after_first)
    try:
        assert case.send() == 1
    finally:
        on_reach(None)

    assert len(handed) == 1
    assert statuses(case) == [OrderStatus.SUBMITTED, OrderStatus.NOT_PLACED]


def test_the_fence_is_asked_after_the_point_where_a_stopped_process_wakes(case: Case) -> None:
    def raise_while_stopped(point: str) -> None:
        if point == "order.unsent":
            case.fence.raised = RAISED

    on_reach(raise_while_stopped)
    try:
        assert case.send() == 0
    finally:
        on_reach(None)

    assert case.gateway.posted == []


def test_each_order_is_asked_for_since_its_turn_began(case: Case) -> None:
    began_ns = case.books.clock.monotonic_ns()

    assert case.send() == 2

    assert case.fence.asked == [began_ns] * 2


def test_an_order_that_became_too_old_stays_here_though_no_fence_was_raised(case: Case) -> None:
    case.fence.stale = "it waited 2.1 s"

    assert case.send() == 0

    assert statuses(case) == [OrderStatus.NOT_PLACED] * 2


def test_behind_a_fence_nothing_is_canceled_either(case: Case) -> None:
    case.send()
    for order_id in case.gateway.ids():
        case.books.answers.posted(accepted(order_id))
    case.decide(cancel(case.gateway.ids()[0]))
    case.fence.raised = RAISED

    assert case.send() == 0

    assert case.gateway.canceled == []
