"""The 99c capture as a whole: a window from first look to last, and through any interruption."""

from typing import Any

import msgspec
import pytest

from polybot.domain.fill import FillStatus
from polybot.domain.market import Outcome
from polybot.domain.order import OrderStatus, Side
from polybot.domain.position import Position
from polybot.strategies.base import Decision, Strategy, View
from polybot.strategies.capture_99c import Capture99c
from polybot.strategies.capture_99c_memory import CaptureMemory
from polybot.strategies.capture_99c_parameters import CaptureParameters
from tests.unit.domain.test_fill import a_fill
from tests.unit.domain.test_order import an_order
from tests.unit.strategies.test_base import MARKET, a_view

CAPTURE = Capture99c(CaptureParameters())
FLAT = Position(agent="capture", slug=MARKET.slug, token_id=MARKET.token_up, outcome=Outcome.UP)
HELD = FLAT.apply_fill(a_fill(size_shares=25_000_000, price_bps=9700, status=FillStatus.CONFIRMED))
ENTRY = an_order(
    order_type=msgspec.convert("FAK", type(an_order().order_type)),
    size_shares=25_000_000,
    budget_usdc=24_250_000,
    filled_shares=25_000_000,
    status=OrderStatus.FILLED,
)
LOCK = an_order(
    venue_order_id="0x10c", side=Side.SELL, price_bps=9900, size_shares=25_000_000,
    purpose="profit_lock",
)  # fmt: skip
LOCK_GONE = LOCK.with_status(OrderStatus.CANCELED)
SOLD = an_order(
    venue_order_id="0x5e11", side=Side.SELL, price_bps=100, size_shares=25_000_000,
    purpose="hard_stop", filled_shares=25_000_000, status=OrderStatus.FILLED,
)  # fmt: skip

# (Up bid, Up ask, position, orders) of one market second each, from T-70 on.
STORY: list[tuple[int | None, int | None, Position, tuple[Any, ...]]] = [
    *[(9600, 9700, FLAT, ())] * 11,
    *[(9600, 9700, HELD, (ENTRY,))],
    *[(9700, 9800, HELD, (ENTRY, LOCK))] * 3,
    *[(None, 9800, HELD, (ENTRY, LOCK))],
    *[(6400, 6500, HELD, (ENTRY, LOCK))] * 2,
    *[(6300, 6400, HELD, (ENTRY, LOCK.with_status(OrderStatus.PENDING_CANCEL)))],
    *[(6300, 6400, HELD, (ENTRY, LOCK_GONE))],
    *[(6300, 6400, FLAT, (ENTRY, LOCK_GONE, SOLD))] * 2,
]


def look_at(second: int, memory: Any) -> View:
    bid, ask, position, orders = STORY[second]
    return a_view(
        bid, ask, 70 - second, positions={Outcome.UP: position}, orders=orders, memory=memory
    )


def run(interrupted_before: int = -1) -> list[Decision]:
    decisions: list[Decision] = []
    memory: Any = None
    capture = CAPTURE
    for second in range(len(STORY)):
        if second == interrupted_before:
            capture = Capture99c(CaptureParameters())
            if memory is not None:
                text = msgspec.json.encode(memory)
                memory = msgspec.json.decode(text, type=CaptureMemory)
        decision = capture.decide(look_at(second, memory))
        memory = decision.memory
        decisions.append(decision)
    return decisions


def test_a_window_from_the_first_look_to_the_exit() -> None:
    told = [(decision.action, decision.reason) for decision in run()]
    assert told == [
        *[("hold", "low_confidence")] * 10,
        ("enter", "entry"),
        ("exit", "profit_lock"),
        *[("hold", "holding")] * 4,
        ("cancel", "profit_lock_cancel"),
        ("cancel", "hard_stop"),
        ("hold", "leaving"),
        ("exit", "hard_stop"),
        *[("hold", "exited")] * 2,
    ]


@pytest.mark.parametrize("second", range(len(STORY)))
def test_stopped_anywhere_and_restored_it_decides_the_same(second: int) -> None:
    assert run(interrupted_before=second) == run()


def test_looks_between_two_seconds_change_no_count() -> None:
    memory: Any = None
    for second in range(11):
        memory = CAPTURE.decide(look_at(second, memory)).memory
    view = look_at(17, memory)
    counted = CAPTURE.decide(view).memory
    again = a_view(6400, 6500, 52.5, positions=view.positions, orders=view.orders,
                   memory=counted, new_second=False)  # fmt: skip
    assert CAPTURE.decide(again).memory.counters == counted.counters


def test_it_keeps_the_contract_of_a_strategy() -> None:
    strategy: Strategy = CAPTURE
    assert strategy.name == "capture_99c"
    assert strategy.parameters_type is CaptureParameters
    assert strategy.memory_type is CaptureMemory


def test_every_decision_shows_the_book_it_was_made_on() -> None:
    inputs = run()[0].inputs
    assert (inputs["up_bid_bps"], inputs["down_ask_bps"], inputs["remaining_s"]) == (9600, 400, 70)
    assert inputs["up_confidence_bps"] == 9400
