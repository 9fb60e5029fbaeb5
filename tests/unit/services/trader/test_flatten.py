"""Flattening sells what is held by ordinary orders, once, over restarts, and says what is left."""

import msgspec
import pytest

from polybot.domain.market import Outcome
from polybot.domain.order import OrderStatus, OrderType, Side
from polybot.domain.trading_state import OPERATOR
from polybot.exchange.classify import classify
from polybot.messages.commands import FlattenPositions, GetHoldings, Holdings, ResumeTrading
from polybot.messages.trading import (
    DecisionMade,
    FillMatched,
    FlattenFinished,
    FlattenStarted,
    OrderSubmitted,
)
from polybot.ports import CancelAnswer
from polybot.strategies.base import Decision, Intent, View
from tests.story import AGENT, CLOSE_NS, fill_at, market_at, order_at
from tests.unit.services.trader import frames
from tests.unit.services.trader.fakes_exchange import (
    HOLD,
    ScriptedStrategy,
    looked_up,
    order_frame,
    refused,
    trade_frame,
    venue_order,
)
from tests.unit.services.trader.test_kill_at_every_step import Floor
from tests.unit.services.trader.whole_trader import S, WholeTrader

FLATTEN = FlattenPositions(
    command_id="f1", source=OPERATOR, reason="flatten asked by the operator", min_price_bps=5000
)
SHARES = 10_000_000


def holding(agent: str = AGENT, *, status: str = "CONFIRMED") -> WholeTrader:
    """Return a trader that holds ten shares of Up and sees a book."""
    trader = WholeTrader().ready()
    trader.market.put(frames.books())
    trader.turn()
    books = trader.service._ledger.books  # noqa: SLF001
    order = order_at(agent=agent, size_shares=SHARES, status=OrderStatus.FILLED)
    books.record(OrderSubmitted(order=order, decision_id="d", body="{}"))
    fill = fill_at(agent=agent, size_shares=SHARES)
    fill = type(fill)(
        **{name: getattr(fill, name) for name in fill.__struct_fields__}
        | {"status": type(fill.status)(status)}
    )
    books.record(FillMatched(fill=fill))
    return trader


def sales(trader: WholeTrader) -> list[OrderSubmitted]:
    events = trader.outbox.events(OrderSubmitted)
    return [event for event in events if event.order.side is Side.SELL]


def holdings(trader: WholeTrader) -> Holdings:
    answer = trader.service.handle("GetHoldings", GetHoldings())
    assert isinstance(answer, Holdings)
    return answer


def test_what_is_held_is_sold_by_a_fak_at_the_floor_on_the_journaled_path() -> None:
    trader = holding()
    trader.service.handle("FlattenPositions", FLATTEN)
    trader.turn()
    (sale,) = sales(trader)
    assert (sale.order.order_type, sale.order.price_bps) == (OrderType.FAK, 5000)
    assert (sale.order.size_shares, sale.order.purpose) == (SHARES, "flatten")
    assert trader.gateway.ids() == [sale.order.venue_order_id]
    decision = trader.outbox.events(DecisionMade)[-1]
    assert (decision.reason, decision.inputs["command_id"]) == ("flatten", "f1")
    assert trader.service.vitals().trading_state == "REDUCING"


def test_one_sale_at_a_time_and_the_strategy_is_not_asked_meanwhile() -> None:
    trader = holding()
    trader.service.handle("FlattenPositions", FLATTEN)
    looks = len(trader.strategy.views)
    for _ in range(5):
        trader.turn()
    assert len(sales(trader)) == 1
    assert len(trader.strategy.views) == looks
    assert holdings(trader).positions[0].waits_for == "a sale of it is under way"


def test_nothing_is_sold_below_the_floor_and_the_reason_is_told() -> None:
    trader = holding()
    command = type(FLATTEN)(command_id="f1", source=OPERATOR, reason="r", min_price_bps=9400)
    trader.service.handle("FlattenPositions", command)
    trader.turn()
    assert sales(trader) == []
    (position,) = holdings(trader).positions
    assert position.waits_for == "the best bid 0.9300 is below the floor 0.9400"


def test_shares_that_are_not_on_the_chain_yet_wait() -> None:
    trader = holding(status="MATCHED")
    trader.service.handle("FlattenPositions", FLATTEN)
    trader.turn()
    assert sales(trader) == []
    assert "cannot move it yet" in holdings(trader).positions[0].waits_for


def test_a_sale_refused_for_missing_shares_is_tried_again_as_soon_as_the_exchange_has_them() -> (
    None
):
    trader = holding()
    trader.service.handle("FlattenPositions", FLATTEN)
    trader.turn()
    for tries in (2, 3):
        # Our books have the trade MINED, the exchange's balance does not yet.
        text = b'{"error":"not enough balance / allowance: the balance is not enough"}'
        trader.gateway.answers.append(refused(trader.gateway.ids()[-1], classify(400, text)))
        trader.turn()
        trader.turn()
        assert len(sales(trader)) == tries, "an exit waits a second at most"
    assert len(set(trader.gateway.ids())) == 3
    sold = {event.order.token_id for event in sales(trader)}
    assert set(trader.preflight.refreshed) == sold, "the exchange looks again at what was sold"
    assert set(trader.service._parts.refusals.gate.markets) <= {market_at().slug}  # noqa: SLF001
    assert {claim.source for claim in trader.state.claims} == {OPERATOR}


@pytest.mark.parametrize("by_stream", [False, True], ids=["answer", "stream"])
def test_what_a_canceled_sale_sold_on_its_way_out_is_not_sold_again(by_stream: bool) -> None:
    trader = holding()
    books = trader.service._ledger.books  # noqa: SLF001
    lock = order_at(
        venue_order_id="0xlock",
        side=Side.SELL,
        order_type=OrderType.GTC,
        price_bps=9900,
        size_shares=SHARES,
        status=OrderStatus.ACCEPTED,
        purpose="profit_lock",
    )
    books.record(OrderSubmitted(order=lock, decision_id="d", body="{}"))
    trader.service.handle("FlattenPositions", FLATTEN)
    trader.turn()
    if by_stream:
        canceled = msgspec.json.decode(order_frame(lock, "CANCELLATION", "CANCELED"))
        trader.user.put(msgspec.json.encode(canceled | {"size_matched": "4"}))
    else:
        trader.gateway.answers.append(CancelAnswer(("0xlock",), {}, asked=("0xlock",)))
    trader.turn()
    told = venue_order(lock, "CANCELED", matched_shares=4_000_000)
    trader.gateway.answers.append(looked_up(lock, told))
    trader.turn()
    assert [sale.order.purpose for sale in sales(trader)] == ["profit_lock"]
    trader.user.put(trade_frame(lock, status="MATCHED", size="4"))
    trader.gateway.answers.append(looked_up(lock, told))
    trader.turn()
    trader.turn()
    assert [sale.order.size_shares for sale in sales(trader)] == [SHARES, SHARES - 4_000_000]


def test_another_agent_s_positions_stay() -> None:
    trader = holding()
    command = type(FLATTEN)(command_id="f1", source=OPERATOR, reason="r", agent="other")
    trader.service.handle("FlattenPositions", command)
    trader.turn()
    assert sales(trader) == []
    (finished,) = trader.outbox.events(FlattenFinished)
    assert finished.left == ()


def test_an_agent_that_is_configured_no_more_is_sold_out_too() -> None:
    trader = holding(agent="gone")
    trader.service.handle("FlattenPositions", FLATTEN)
    trader.turn()
    assert [sale.order.agent for sale in sales(trader)] == ["gone"]


def test_half_of_a_hedge_may_be_sold_although_it_raises_the_worst_case() -> None:
    trader = holding()
    books = trader.service._ledger.books  # noqa: SLF001
    down = {
        "outcome": Outcome.DOWN,
        "token_id": market_at().token_down,
        "venue_order_id": "0xdown",
        "price_bps": 500,
    }
    hedge = order_at(size_shares=SHARES, status=OrderStatus.FILLED, **down)
    books.record(OrderSubmitted(order=hedge, decision_id="d", body="{}"))
    books.record(FillMatched(fill=fill_at(trade_id="t9", size_shares=SHARES, **down)))
    trader.service.handle("FlattenPositions", FLATTEN)
    trader.turn()
    assert {sale.order.outcome for sale in sales(trader)} == {Outcome.UP}


def test_a_window_that_closes_ends_the_flatten_and_says_what_is_left() -> None:
    trader = holding()
    command = type(FLATTEN)(command_id="f1", source=OPERATOR, reason="r", min_price_bps=9900)
    trader.service.handle("FlattenPositions", command)
    while trader.market_clock.market_ns < CLOSE_NS + S:
        trader.turn()
    (finished,) = trader.outbox.events(FlattenFinished)
    assert "its window is closed" in finished.left[0]
    assert trader.service.vitals().trading_state == "REDUCING"


def test_resume_ends_a_flatten_under_way() -> None:
    trader = holding(status="MATCHED")
    trader.service.handle("FlattenPositions", FLATTEN)
    trader.turn()
    trader.service.handle("ResumeTrading", ResumeTrading(source=OPERATOR, reason="enough"))
    (finished,) = trader.outbox.events(FlattenFinished)
    assert finished.reason == "resumed by the operator"
    trader.turn()
    assert trader.service.vitals().trading_state == "ACTIVE"


class FlattenedFloor(Floor):
    """A position that is flattened from turn 12 on by a command that is repeated until taken."""

    def __init__(self, kill_at: int | None = None, *, keeps_unsynced: bool = False) -> None:
        super().__init__("accept", kill_at, keeps_unsynced=keeps_unsynced)
        self.trader.strategy = ScriptedStrategy(_buys)
        self.trader.build()

    def turn(self, number: int) -> None:
        if 12 <= number < 20 and self.down_left_s is None:
            self._guarded(lambda: self.trader.service.handle("FlattenPositions", FLATTEN))
        super().turn(number)


def _buys(view: View) -> Decision:
    if view.orders or not view.up.bid_bps or not view.entries_allowed:
        return HOLD
    wish = Intent(
        outcome=Outcome.UP,
        side=Side.BUY,
        order_type=OrderType.GTC,
        price_bps=9400,
        size_shares=SHARES,
        purpose="entry",
    )
    return Decision("enter", "entry", (wish,))


def _steps() -> int:
    floor = FlattenedFloor()
    floor.run()
    floor.check()
    state = floor.trader.state
    assert state.positions[AGENT, market_at().token_up].shares == 0
    assert len(floor.trader.outbox.events(FlattenStarted)) == 1
    assert len(floor.trader.outbox.events(FlattenFinished)) == 1
    return floor.steps.count


@pytest.mark.parametrize("keeps_unsynced", [False, True], ids=["power cut", "kill"])
def test_killed_at_any_step_everything_is_sold_once_and_no_more(keeps_unsynced: bool) -> None:
    for kill_at in range(1, _steps() + 1):
        floor = FlattenedFloor(kill_at, keeps_unsynced=keeps_unsynced)
        floor.run()
        try:
            floor.check()
            sold = sum(f.size_shares for f in floor.venue.fills if f.side == "SELL")
            bought = sum(f.size_shares for f in floor.venue.fills if f.side == "BUY")
            assert sold <= bought
            assert len(floor.trader.outbox.events(FlattenStarted)) == 1
            assert len(floor.trader.outbox.events(FlattenFinished)) == 1
        except AssertionError as error:
            error.add_note(f"killed at step {kill_at}")
            raise
