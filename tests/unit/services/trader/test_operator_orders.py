"""The operator's commands about orders: each is taken once, journaled, and answered."""

import pytest

from polybot.domain.order import OrderStatus
from polybot.domain.trading_state import OPERATOR
from polybot.errors import InvalidValue
from polybot.messages.commands import (
    CancelOrders,
    FlattenPositions,
    GetHoldings,
    HaltTrading,
    Holdings,
    OrdersCanceling,
)
from polybot.messages.trading import CancelOrdersTaken, CancelRequested, FlattenStarted
from tests.story import AGENT
from tests.unit.services.trader.fakes_exchange import accepted
from tests.unit.services.trader.test_service import trading
from tests.unit.services.trader.whole_trader import WholeTrader

CANCEL = CancelOrders(command_id="c1", source=OPERATOR, reason="cancel-all")


def resting() -> tuple[WholeTrader, str]:
    """Return a trader with one accepted order that rests."""
    trader = trading()
    trader.turn()
    (order_id,) = trader.gateway.ids()
    trader.gateway.answers.append(accepted(order_id))
    trader.turn()
    return trader, order_id


def test_cancel_all_journals_then_cancels_what_rests_and_names_it() -> None:
    trader, order_id = resting()
    assert trader.service.handle("CancelOrders", CANCEL) == OrdersCanceling(order_ids=(order_id,))
    (taken,) = trader.outbox.events(CancelOrdersTaken)
    assert taken.order_ids == (order_id,)
    assert trader.gateway.canceled == []
    trader.turn()
    assert trader.gateway.canceled == [order_id]


def test_a_repeated_command_is_answered_alike_and_carried_out_once() -> None:
    trader, order_id = resting()
    first = trader.service.handle("CancelOrders", CANCEL)
    for _ in range(4):
        trader.turn()
    assert trader.service.handle("CancelOrders", CANCEL) == first
    trader.turn()
    assert len(trader.outbox.events(CancelRequested)) == 1
    assert trader.gateway.canceled == [order_id]


def test_a_restarted_trader_still_knows_the_command() -> None:
    trader, _ = resting()
    first = trader.service.handle("CancelOrders", CANCEL)
    trader.build()
    trader.start()
    assert trader.service.handle("CancelOrders", CANCEL) == first
    assert len(trader.outbox.events(CancelOrdersTaken)) == 1


def test_commands_and_flattens_survive_in_a_checkpoint() -> None:
    trader, order_id = resting()
    trader.service.handle("CancelOrders", CANCEL)
    flatten = FlattenPositions(command_id="f1", source=OPERATOR, reason="r", min_price_bps=9900)
    trader.service.handle("FlattenPositions", flatten)
    trader.outbox.commit()
    state = type(trader.state).from_snapshot(trader.state.to_snapshot({}))
    assert state.commands == {"c1": (order_id,), "f1": ()}
    assert list(state.flattens) == ["f1"]


@pytest.mark.parametrize(
    ("agent", "series", "found"),
    [
        ("", "", True),
        (AGENT, "btc-updown-5m", True),
        ("other", "", False),
        ("", "btc-updown-15m", False),
    ],
)
def test_agent_and_series_choose_what_is_canceled(agent: str, series: str, found: bool) -> None:
    trader, order_id = resting()
    command = CancelOrders(command_id="c1", source=OPERATOR, reason="r", agent=agent, series=series)
    answer = trader.service.handle("CancelOrders", command)
    assert answer == OrdersCanceling(order_ids=(order_id,) if found else ())


def test_only_the_newest_commands_are_remembered() -> None:
    trader, _ = resting()
    for number in range(250):
        trader.service.handle(
            "CancelOrders",
            CancelOrders(command_id=f"n{number}", source=OPERATOR, reason="r", agent="none"),
        )
    assert len(trader.state.commands) == 200
    assert "n249" in trader.state.commands
    assert "n0" not in trader.state.commands


def test_holdings_tell_orders_and_what_they_reserve() -> None:
    trader, order_id = resting()
    answer = trader.service.handle("GetHoldings", GetHoldings())
    assert isinstance(answer, Holdings)
    (order,) = answer.orders
    assert (order.order_id, order.status) == (order_id, OrderStatus.ACCEPTED.value)
    assert answer.reserved_usdc > 0
    assert answer.cash_usdc == 1_000_000_000
    assert answer.positions == ()


@pytest.mark.parametrize("price_bps", [0, -5, 10_000])
def test_a_floor_that_is_no_price_is_refused(price_bps: int) -> None:
    trader, _ = resting()
    flatten = FlattenPositions(
        command_id="f1", source=OPERATOR, reason="r", min_price_bps=price_bps
    )
    with pytest.raises(InvalidValue, match="expected a floor price"):
        trader.service.handle("FlattenPositions", flatten)
    assert trader.outbox.events(FlattenStarted) == []


def test_a_halted_trader_refuses_to_flatten() -> None:
    trader, _ = resting()
    trader.service.handle("HaltTrading", HaltTrading(source=OPERATOR, reason="strange"))
    flatten = FlattenPositions(command_id="f1", source=OPERATOR, reason="r")
    with pytest.raises(InvalidValue, match="polybot resume"):
        trader.service.handle("FlattenPositions", flatten)
