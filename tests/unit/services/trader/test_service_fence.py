"""A trader that wakes behind the fence ends, and the next one reconciles first."""

import asyncio

import pytest

from polybot.domain.order import OrderStatus
from polybot.domain.trading_state import TradingState
from polybot.errors import FatalError
from polybot.messages.trading import ReconcileFinished
from tests.unit.services.trader.fake_fence import FakeFence
from tests.unit.services.trader.fakes_exchange import ScriptedStrategy
from tests.unit.services.trader.test_desk import ENTRY, enter
from tests.unit.services.trader.whole_trader import WholeTrader

RAISED = "the watchdog raised the fence to epoch 2, this session began under 1"


def begun() -> tuple[WholeTrader, FakeFence, ScriptedStrategy]:
    strategy, fence = ScriptedStrategy(), FakeFence()
    trader = WholeTrader(strategy, fence=fence).ready()
    return trader, fence, strategy


def test_a_turn_behind_the_fence_does_nothing_but_end() -> None:
    trader, fence, strategy = begun()
    looks, beats = len(strategy.views), trader.gateway.beats
    strategy.next = enter(ENTRY)
    fence.raised = RAISED

    with pytest.raises(FatalError, match="shut out"):
        trader.turn(30)

    assert len(strategy.views) == looks
    assert trader.gateway.beats == beats
    assert trader.gateway.posted == []


def test_an_order_in_hand_ends_not_placed_and_durable_before_the_process_is_gone() -> None:
    trader, fence, strategy = begun()
    strategy.always = lambda _: enter(ENTRY)
    fence.stale = RAISED

    def raise_it(point: str) -> None:
        if point == "after commit":
            fence.raised = RAISED

    trader.outbox.step = raise_it
    with pytest.raises(FatalError, match="shut out"):
        trader.turn()
    asyncio.run(trader.service.stop())

    assert trader.gateway.posted == []
    assert trader.outbox.uncommitted == []
    assert {order.status for order in trader.state.orders.values()} == {OrderStatus.NOT_PLACED}


def test_the_next_trader_reconciles_and_enters_nothing_until_the_fence_is_cleared() -> None:
    trader, fence, strategy = begun()
    fence.raised = RAISED
    with pytest.raises(FatalError):
        trader.turn()
    asyncio.run(trader.service.stop())
    reconciles = len(trader.outbox.events(ReconcileFinished))

    fence.raised, fence.cleared = "", False
    trader.build()
    trader.ready()
    assert len(trader.outbox.events(ReconcileFinished)) == reconciles + 1
    assert trader.service.vitals().trading_state == TradingState.REDUCING.value
    strategy.always = lambda _: enter(ENTRY)
    trader.turn()
    assert trader.gateway.posted == []

    fence.cleared = True
    trader.turn()
    trader.turn()

    assert trader.service.vitals().trading_state == TradingState.ACTIVE.value
    assert len(trader.gateway.posted) >= 1
