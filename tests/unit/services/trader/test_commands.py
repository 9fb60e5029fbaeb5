"""Each command does what it says, once, and its events are durable before it is answered."""

from typing import Any

import pytest

from polybot.domain.trading_state import TradingState
from polybot.errors import ProtocolError
from polybot.messages.commands import (
    AdoptOrders,
    CheckArming,
    Done,
    GetHoldings,
    GetStatus,
    HaltTrading,
    Holdings,
    OrdersAdopted,
    ResumeTrading,
    StopEntries,
)
from polybot.ports import HeartbeatBroken
from tests.unit.services.trader.whole_trader import WholeTrader


class Case:
    """A trader that is reconciled and may trade."""

    def __init__(self) -> None:
        self.trader = WholeTrader().ready()

    def tell(self, command: Any) -> Any:
        answer = self.trader.service.handle(type(command).__name__, command)
        assert self.trader.outbox.uncommitted == []
        return answer

    @property
    def state(self) -> str:
        return self.trader.service.vitals().trading_state


STOP = StopEntries(source="watchdog", reason="feed is old")
HALT = HaltTrading(source="operator", reason="fire")


@pytest.mark.parametrize(
    ("command", "state"), [(STOP, TradingState.REDUCING), (HALT, TradingState.HALTED)]
)
def test_a_stop_is_durable_when_it_is_answered(command: Any, state: TradingState) -> None:
    case = Case()
    answer = case.tell(command)
    assert answer == Done(detail=f"trading is {state.value}: {command.reason}")
    assert case.state == state.value


def test_each_source_takes_back_its_own() -> None:
    case = Case()
    case.tell(STOP)
    case.tell(ResumeTrading(source="reflector", reason="mistaken"))
    assert case.state == "REDUCING"
    case.tell(ResumeTrading(source="watchdog", reason="feed is back"))
    assert case.state == "ACTIVE"


def test_the_operators_resume_ends_every_halt_that_waits_for_a_person() -> None:
    case = Case()
    case.tell(HALT)
    case.trader.gateway.answers.append(HeartbeatBroken("hb-1", "hb-x"))
    case.trader.turn()
    case.tell(ResumeTrading(source="operator", reason="looked at it"))
    assert case.state == "ACTIVE"


def test_where_there_is_nothing_to_resume_it_says_so() -> None:
    answer = Case().tell(ResumeTrading(source="operator", reason="just in case"))
    assert answer == Done(detail="nothing to resume; trading is ACTIVE")


def test_questions_and_adoptions_are_answered_in_their_own_words() -> None:
    case = Case()
    assert isinstance(case.tell(GetHoldings()), Holdings)
    adopt = AdoptOrders(command_id="c1", source="operator", reason="mine")
    assert isinstance(case.tell(adopt), OrdersAdopted)
    assert "ACTIVE" in case.tell(CheckArming()).detail


def test_what_is_no_command_of_the_trader_is_refused() -> None:
    with pytest.raises(ProtocolError, match="expected a command for the trader, was GetStatus"):
        Case().tell(GetStatus())
