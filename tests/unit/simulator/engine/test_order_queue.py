"""Resting orders stand by level of the Up token, oldest first, whichever token they are for."""

import msgspec
import pytest

from polybot.domain.market import Outcome
from polybot.domain.order import Side
from polybot.simulator.books.accounts import OrderRow
from polybot.simulator.books.records import OrderState
from polybot.simulator.engine.order_queue import OrderQueue
from tests.unit.simulator.crowd import Crowd
from tests.unit.simulator.samples import SHARES

BUY, SELL = Side.BUY, Side.SELL


@pytest.fixture
def rows() -> list[OrderRow]:
    crowd = Crowd(shares=100 * SHARES)
    crowd.show((), ())
    return [
        crowd.place("ann", BUY, 4000, 10 * SHARES),
        crowd.place("bob", SELL, 6000, 5 * SHARES, outcome=Outcome.DOWN),
        crowd.place("ann", BUY, 4100, 7 * SHARES),
        crowd.place("cid", BUY, 4000, 6 * SHARES, outcome=Outcome.DOWN),
    ]


def test_levels_add_up_best_first_and_forget_who_is_gone(rows: list[OrderRow]) -> None:
    queue = OrderQueue()
    assert (bool(queue), queue.best(BUY)) == (False, None)
    assert [queue.follow(row) for row in rows] == [
        (BUY, 4000),
        (BUY, 4000),
        (BUY, 4100),
        (SELL, 6000),
    ]
    assert list(queue.levels(BUY)) == [(4100, 7 * SHARES), (4000, 15 * SHARES)]
    assert (queue.best(BUY), queue.best(SELL)) == (4100, 6000)
    assert list(queue.at((BUY, 4000))) == rows[:2]
    assert queue.size_of(rows[0].address, (BUY, 4000)) == 10 * SHARES
    assert queue.follow(rows[0]) is None
    rows[0].filled_shares = 4 * SHARES
    assert queue.follow(rows[0]) == (BUY, 4000)
    assert queue.size_at((BUY, 4000)) == 11 * SHARES
    for row in rows:
        row.state = OrderState.CANCELED
        queue.follow(row)
    assert not queue
    assert list(queue.levels(BUY)) == list(queue.levels(SELL)) == []


def test_it_tells_whom_a_price_reaches(rows: list[OrderRow]) -> None:
    queue = OrderQueue()
    for row in rows:
        queue.follow(row)
    assert queue.met_by(4000) == rows[:3]
    assert queue.met_by(4050) == [rows[2]]
    assert queue.met_by(6000) == [rows[3]]
    assert queue.crossed_by(None, 4100) == (((BUY, 4100),), ())
    assert queue.crossed_by(6000, None) == ((), ((SELL, 6000),))
    assert queue.crossed_by(5900, 4200) == ((), ())
    assert queue.among([(BUY, 4100), (BUY, 4200), (SELL, 4100)]) == [(BUY, 4100)]
    assert [row.order_id for row in queue.of_side(BUY)] == [
        rows[index].order_id for index in (2, 0, 1)
    ]


def test_held_orders_are_not_in_it(rows: list[OrderRow]) -> None:
    held = msgspec.structs.replace(rows[0], state=OrderState.HELD)
    queue = OrderQueue()
    assert queue.follow(held) is None
    assert not queue
