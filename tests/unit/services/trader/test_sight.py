"""A decision is made on this agent's part of the books; risk judges by everybody's."""

from datetime import UTC
from typing import Any

import pytest

from polybot.domain.market import Outcome
from polybot.domain.order import OrderStatus, OrderTrigger, Side
from polybot.domain.reference_price import POLYBOLT, ReferencePrice
from polybot.domain.risk_limits import ForeignOrder, RiskState
from polybot.domain.trading_state import TradingState
from polybot.messages.trading import AgentResult
from polybot.ports import StreamFrame
from polybot.services.trader.agents import Agent
from polybot.services.trader.market_data import MarketData
from polybot.services.trader.reference import ReferenceBook
from polybot.services.trader.sight import Sight
from polybot.strategies.base import View
from tests.story import AGENT, CLOSE_NS, OPENING_USDC, SHARES, market_at, order_at, paid_out
from tests.unit.services.trader import frames
from tests.unit.services.trader.books import NOW_NS, Books
from tests.unit.services.trader.fakes_exchange import (
    ScriptedStrategy,
    venue_fill,
    venue_order,
)

S = 1_000_000_000
CAPITAL = 200_000_000
COST = 23_833_120


class Case:
    """Sight over books with a full order book and one agent."""

    def __init__(self) -> None:
        self.books = Books()
        self.data, self.reference = MarketData(), ReferenceBook()
        self.data.watch([market_at()])
        self.data.accept(StreamFrame("market", 0, data=frames.books()))
        self.agent = Agent(AGENT, ScriptedStrategy(), CAPITAL, frozenset())
        self.sight = Sight(
            state=self.books.state,
            claims=self.books.claims,
            data=self.data,
            reference=self.reference,
            clock=self.books.clock,
            market_clock=self.books.market_clock,
            zone=UTC,
        )

    def view(self) -> View:
        return self.sight.view(self.agent, market_at())

    def risk(self, outcome: Outcome = Outcome.UP) -> RiskState:
        return self.sight.risk_state(self.agent, market_at(), outcome, sent_last_minute=3)

    def hold(self, number: int = 0, **changes: Any) -> None:
        order = self.books.submit(number, **changes)
        self.books.keeper.fill(venue_fill(order, f"t-{order.venue_order_id}", "CONFIRMED"))


def test_the_view_shows_books_prices_time_and_memory() -> None:
    case = Case()
    case.reference.accept(
        ReferencePrice(
            asset="btc", feed=POLYBOLT, source="chainlink", price_ns=NOW_NS - S, price_e8=7
        )
    )
    view = case.view()
    assert (view.now_ns, view.market) == (NOW_NS, market_at())
    assert (view.up.bid_bps, view.down.ask_bps) == (9300, 700)
    assert (view.reference.price_e8, view.reference.age_ns) == (7, S)
    assert (view.memory, view.new_second, view.entries_allowed) == (None, True, True)
    assert (view.positions, view.orders, view.unknown) == ({}, (), False)
    assert not case.view().new_second


def test_positions_and_orders_are_the_agent_s_own() -> None:
    case = Case()
    case.hold()
    case.hold(agent="other", venue_order_id="0xother")
    view = case.view()
    assert view.positions[Outcome.UP].shares == SHARES
    assert [order.status for order in view.orders] == [OrderStatus.FILLED]


@pytest.mark.parametrize("state", [TradingState.REDUCING, TradingState.HALTED])
def test_entries_are_allowed_while_nobody_claims_anything(state: TradingState) -> None:
    case = Case()
    case.books.claims.claim("watchdog", state, "disk")
    assert not case.view().entries_allowed


def test_capital_is_what_the_agent_has_not_tied_up() -> None:
    case = Case()
    case.hold()
    assert case.view().capital_usdc == CAPITAL - COST
    case.hold(1, agent="other")
    assert case.view().capital_usdc == CAPITAL - COST
    order = case.books.submit(2)
    assert case.view().capital_usdc < CAPITAL - 2 * COST + 100_000
    case.books.keeper.move(order, OrderTrigger.REJECT)
    assert case.view().capital_usdc == CAPITAL - COST


def test_a_settled_position_ties_nothing_up_even_before_it_is_paid_out() -> None:
    case = Case()
    case.hold()
    case.books.keeper.record(paid_out())
    assert case.view().capital_usdc == CAPITAL
    assert case.risk().commitments == ()
    assert case.risk().balance_usdc == OPENING_USDC - COST


def test_an_order_of_unknown_fate_is_shown_as_such() -> None:
    case = Case()
    case.books.keeper.move(case.books.submit(), OrderTrigger.LOSE_ANSWER)
    assert case.view().unknown


def test_risk_sees_all_agents_in_the_market_and_all_commitments() -> None:
    case = Case()
    case.hold()
    case.hold(agent="other", venue_order_id="0xother")
    case.hold(1)
    open_order = case.books.submit(2)
    case.books.keeper.move(case.books.submit(3), OrderTrigger.REJECT)
    risk = case.risk()
    assert {p.agent for p in risk.positions} == {AGENT, "other"}
    assert [order.slug for order in risk.orders] == [market_at().slug] * 2
    assert {(c.agent, c.slug) for c in risk.commitments} == {
        (AGENT, market_at(0).slug),
        ("other", market_at(0).slug),
        (AGENT, market_at(1).slug),
        (AGENT, market_at(2).slug),
    }
    assert (risk.open_orders, risk.orders_last_minute) == (1, 3)
    assert risk.reserved_usdc > open_order.price_bps * SHARES // 10_000
    assert risk.balance_usdc == OPENING_USDC - 3 * COST


def test_risk_sees_the_best_ask_of_the_token_wished_for() -> None:
    case = Case()
    assert case.risk(Outcome.UP).best_ask_bps == 9500
    assert case.risk(Outcome.DOWN).best_ask_bps == 700


def test_the_day_s_loss_is_today_s_only() -> None:
    case = Case()
    for day in ("2026-08-19", "2026-08-20"):
        case.books.keeper.record(
            AgentResult(agent=AGENT, slug=day, pnl_usdc=-50, day=day, wall_ns=9)
        )
    assert case.risk().day_pnl_usdc == -50
    assert (case.risk().consecutive_losses, case.risk().last_loss_ns) == (2, 9)
    case.books.market_clock.market_ns = CLOSE_NS + 86_400 * S
    assert case.risk().day_pnl_usdc == 0


def test_foreign_orders_hold_money_back_and_are_shown_to_risk_in_their_own_market() -> None:
    case = Case()
    theirs = venue_order(order_at(venue_order_id="0xforeign"), matched_shares=SHARES - 3)
    sale = venue_order(order_at(1, venue_order_id="0xsale", side=Side.SELL))
    case.sight.foreign_orders = lambda: (theirs, sale)
    risk = case.risk()
    assert risk.reserved_usdc == 3
    assert risk.foreign_orders == (ForeignOrder(outcome=Outcome.UP, side=Side.BUY, price_bps=9500),)
