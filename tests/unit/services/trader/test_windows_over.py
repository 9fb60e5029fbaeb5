"""An official outcome settles each position once, counts the day, and stops a bad one."""

from datetime import UTC
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from polybot.domain.order import OrderTrigger
from polybot.domain.trading_state import TradingState
from polybot.messages.tracking import WindowSettled
from polybot.messages.trading import AgentResult, AgentResultCorrected, PositionSettled
from polybot.services.trader.claims import RECONCILE
from polybot.services.trader.windows_over import DAILY_LOSS, Settler
from tests.fakes import make_envelope
from tests.story import AGENT, CLOSE_NS, OPENING_USDC, SHARES, market_at, settled
from tests.unit.services.trader.books import Books
from tests.unit.services.trader.fakes_exchange import venue_fill

S = 1_000_000_000
DAY_NS = 86_400 * S
COST_USDC = 23_833_120
LIMIT_USDC = 40_000_000
UP, DOWN = market_at().token_up, market_at().token_down


class Case:
    """A settler in UTC whose day may lose $40."""

    def __init__(self) -> None:
        self.books = Books()
        self.settler = Settler(
            self.books.keeper, self.books.claims, self.books.clock, UTC, LIMIT_USDC
        )
        self.seq = 0

    def hold(self, number: int = 0, **changes: Any) -> None:
        order = self.books.submit(number, **changes)
        self.books.keeper.fill(venue_fill(order, f"t-{order.venue_order_id}", "CONFIRMED"))

    def hear(self, told: WindowSettled) -> None:
        self.seq += 1
        self.settler.hear(make_envelope(told, source="tracker", seq=self.seq), told)

    def settle(self, number: int = 0, outcome: str = "Up", at_ns: int = CLOSE_NS) -> None:
        self.hear(settled(number, outcome))
        self.settler.turn(at_ns)

    def payouts(self) -> list[tuple[str, str, int, int]]:
        said = self.books.said(PositionSettled)
        return [(p.agent, p.token_id, p.size_shares, p.payout_usdc) for p in said]

    def results(self) -> list[tuple[str, str, int]]:
        return [(r.agent, r.day, r.pnl_usdc) for r in self.books.said(AgentResult)]


@pytest.mark.parametrize(
    ("outcome", "payout", "pnl"), [("Up", SHARES, SHARES - COST_USDC), ("Down", 0, -COST_USDC)]
)
def test_a_position_becomes_a_dollar_a_share_or_nothing(
    outcome: str, payout: int, pnl: int
) -> None:
    case = Case()
    case.hold()
    case.settle(outcome=outcome)
    assert case.payouts() == [(AGENT, UP, SHARES, payout)]
    assert case.results() == [(AGENT, "2026-08-20", pnl)]
    assert case.books.state.cash_usdc == OPENING_USDC - COST_USDC + payout


@pytest.mark.parametrize("token", [UP, DOWN])
@pytest.mark.parametrize("outcome", ["Up", "Down"])
def test_an_outcome_heard_twice_settles_once(token: str, outcome: str) -> None:
    case = Case()
    case.hold(token_id=token, outcome=market_at().outcome_of(token))
    case.settle(outcome=outcome)
    before = case.books.count()
    for _ in range(3):
        case.settle(outcome=outcome)
    assert case.books.count() == before


def test_each_agent_gets_its_own_result() -> None:
    case = Case()
    case.hold()
    case.hold(agent="other", venue_order_id="0xother")
    down = {"token_id": DOWN, "outcome": market_at().outcome_of(DOWN)}
    case.hold(agent="other", venue_order_id="0xhedge", **down)
    case.settle()
    assert case.payouts() == [
        (AGENT, UP, SHARES, SHARES),
        ("other", UP, SHARES, SHARES),
        ("other", DOWN, SHARES, 0),
    ]
    assert [(agent, pnl) for agent, _, pnl in case.results()] == [
        (AGENT, SHARES - COST_USDC),
        ("other", SHARES - 2 * COST_USDC),
    ]


@pytest.mark.parametrize("kept", [1, 2, 3])
def test_a_settlement_cut_off_by_a_crash_goes_on_where_the_journal_ended(kept: int) -> None:
    whole = Case()
    whole.hold()
    whole.hold(agent="other", venue_order_id="0xother")
    start = whole.books.count()
    whole.settle()
    events = [body for _, body in whole.books.outbox.uncommitted]
    again = Case()
    for event in events[len(again.books.outbox.uncommitted) : start + kept]:
        again.books.keeper.record(event)
    again.settle()
    assert sorted(again.payouts()) == sorted(whole.payouts())
    assert sorted(again.results()) == sorted(whole.results())
    assert again.books.state.cash_usdc == whole.books.state.cash_usdc


def test_a_window_without_positions_or_unknown_settles_to_nothing() -> None:
    case = Case()
    before = case.books.count()
    case.settle(0)
    case.settle(7)
    assert case.books.count() == before


def test_an_outcome_waits_for_the_books_to_be_reconciled() -> None:
    case = Case()
    case.hold()
    case.books.claims.claim(RECONCILE, TradingState.RECONCILING, "starting")
    case.settle()
    assert case.payouts() == []
    assert case.settler.used_up_to("tracker", 9) == 0
    case.books.claims.clear(RECONCILE)
    case.settler.turn(CLOSE_NS)
    assert len(case.payouts()) == 1
    assert case.settler.used_up_to("tracker", 9) == 9


def test_an_outcome_waits_for_orders_that_may_still_have_been_filled() -> None:
    case = Case()
    order = case.books.submit()
    case.books.keeper.move(order, OrderTrigger.LOSE_ANSWER)
    case.settle()
    assert case.payouts() == []
    case.books.keeper.fill(venue_fill(order, status="CONFIRMED"))
    case.settler.turn(CLOSE_NS)
    assert case.payouts() == [(AGENT, UP, SHARES, SHARES)]


def test_one_window_that_waits_holds_no_other_up_but_is_heard_again_after_a_crash() -> None:
    case = Case()
    case.books.submit(0)
    case.hold(1)
    case.hear(settled(0))
    case.hear(settled(1))
    case.settler.turn(CLOSE_NS)
    assert [token for _, token, _, _ in case.payouts()] == [market_at(1).token_up]
    assert case.settler.used_up_to("tracker", 2) == 0
    assert case.settler.used_up_to("watchdog", 5) == 5


def test_shares_that_arrive_after_the_settlement_are_settled_too() -> None:
    case = Case()
    case.hold()
    late = case.books.submit(venue_order_id="0xlate")
    case.books.keeper.move(late, OrderTrigger.PROVE_ABSENT)
    case.settle()
    case.books.keeper.fill(venue_fill(late, "late", "CONFIRMED", size_shares=10_000_000))
    for _ in range(3):
        case.settler.turn(CLOSE_NS)
    assert case.payouts()[1:] == [(AGENT, UP, 10_000_000, 10_000_000)]
    assert case.books.state.unredeemed == {UP: SHARES + 10_000_000}


def test_a_fill_that_fails_after_the_settlement_takes_its_payout_back() -> None:
    case = Case()
    order = case.books.submit()
    case.books.keeper.fill(venue_fill(order))
    case.settle()
    case.books.keeper.fill(venue_fill(order, status="FAILED"))
    case.settler.turn(CLOSE_NS)
    assert case.payouts()[1:] == [(AGENT, UP, -SHARES, -SHARES)]
    assert case.books.state.cash_usdc == OPENING_USDC
    assert case.books.state.unredeemed == {}


def test_the_day_s_loss_stops_entries_until_the_next_trading_day() -> None:
    case = Case()
    for number in range(2):
        case.hold(number)
    case.settle(0, "Down")
    case.settler.turn(CLOSE_NS)
    assert case.books.claims.state is TradingState.ACTIVE
    case.settle(1, "Down")
    case.settler.turn(CLOSE_NS)
    assert case.books.claims.state is TradingState.REDUCING
    (claim,) = case.books.state.claims
    assert claim.reason == "lost $47.67 today, the limit is $40.00"
    since = claim.since_ns
    case.books.clock.advance(3600)
    case.settler.turn(CLOSE_NS + 3600 * S)
    assert case.books.state.claims[0].since_ns == since
    case.settler.turn(CLOSE_NS + DAY_NS)
    assert case.books.claims.state is TradingState.ACTIVE


def test_a_win_on_the_same_day_does_not_end_the_stop() -> None:
    case = Case()
    for number in range(2):
        case.hold(number)
        case.settle(number, "Down")
    case.settler.turn(CLOSE_NS)
    assert case.books.claims.is_claimed_by(DAILY_LOSS)
    case.hold(2, price_bps=1000)
    case.settle(2)
    case.settler.turn(CLOSE_NS)
    assert case.books.state.day_pnl_usdc > -LIMIT_USDC
    assert case.books.claims.is_claimed_by(DAILY_LOSS)


def test_a_stop_that_a_crash_swallowed_is_made_up_for() -> None:
    case = Case()
    case.books.keeper.record(
        AgentResult(agent=AGENT, slug="x", pnl_usdc=-LIMIT_USDC, day="2026-08-20", wall_ns=1)
    )
    case.settler.turn(CLOSE_NS)
    assert case.books.claims.is_claimed_by(DAILY_LOSS)


def test_the_day_is_the_configured_zone_s() -> None:
    case = Case()
    case.settler.zone = ZoneInfo("Pacific/Kiritimati")
    case.hold()
    case.settle()
    assert case.results()[0][1] == "2026-08-21"


def fail_late(case: Case, number: int = 0) -> None:
    """Let the trade of a window FAIL, and take a turn."""
    order = next(o for o in case.books.state.orders.values() if o.slug == market_at(number).slug)
    case.books.keeper.fill(venue_fill(order, f"t-{order.venue_order_id}", "FAILED"))
    case.settler.turn(CLOSE_NS)


def hold_matched(case: Case, number: int = 0, **changes: Any) -> None:
    order = case.books.submit(number, **changes)
    case.books.keeper.fill(venue_fill(order, f"t-{order.venue_order_id}", "MINED"))


@pytest.mark.parametrize("outcome", ["Up", "Down"])
def test_a_trade_that_failed_after_the_settlement_puts_cash_and_result_back(outcome: str) -> None:
    case = Case()
    hold_matched(case)
    case.settle(outcome=outcome)
    earned = case.results()[0][2]
    fail_late(case)
    (corrected,) = case.books.said(AgentResultCorrected)
    assert (corrected.pnl_usdc, corrected.change_usdc) == (0, -earned)
    assert case.books.state.day_pnl_usdc == 0
    assert case.books.state.cash_usdc == OPENING_USDC
    assert case.books.state.losses_in_a_row[AGENT] == 0
    before = case.books.count()
    case.settler.turn(CLOSE_NS)
    assert case.books.count() == before


def test_a_day_s_loss_that_a_failed_trade_undoes_stops_nothing_any_more() -> None:
    case = Case()
    hold_matched(case)
    hold_matched(case, 1)
    case.settle(0, "Down")
    case.settle(1, "Down", CLOSE_NS)
    case.settler.turn(CLOSE_NS)
    assert case.books.claims.is_claimed_by(DAILY_LOSS)
    fail_late(case, 1)
    assert not case.books.claims.is_claimed_by(DAILY_LOSS)
    assert case.books.state.day_pnl_usdc == -COST_USDC
    assert case.books.state.losses_in_a_row[AGENT] == 1


def test_an_order_that_turned_up_after_the_settlement_gets_its_result() -> None:
    case = Case()
    case.hold()
    late = case.books.submit(agent="other", venue_order_id="0xlate")
    case.books.keeper.move(late, OrderTrigger.LOSE_ANSWER)
    case.books.keeper.move(late, OrderTrigger.PROVE_ABSENT)
    case.settle(outcome="Down")
    case.books.keeper.fill(venue_fill(late, "t-late", "CONFIRMED"))
    case.settler.turn(CLOSE_NS)
    assert [(agent, pnl) for agent, _, pnl in case.results()] == [
        (AGENT, -COST_USDC),
        ("other", -COST_USDC),
    ]
    assert case.books.said(AgentResultCorrected) == []


def test_a_loss_that_was_none_is_taken_off_the_row_only_when_it_is_the_newest() -> None:
    case = Case()
    hold_matched(case)
    case.settle(0, "Down")
    case.books.clock.advance(1)
    hold_matched(case, 1)
    case.settle(1, "Down")
    fail_late(case, 0)
    assert case.books.state.losses_in_a_row[AGENT] == 2
    fail_late(case, 1)
    assert case.books.state.losses_in_a_row[AGENT] == 1


def test_a_win_that_turns_into_a_loss_counts_as_one() -> None:
    case = Case()
    hold_matched(case)
    down = {"token_id": DOWN, "outcome": market_at().outcome_of(DOWN), "price_bps": 300}
    case.hold(venue_order_id="0xhedge", **down)
    case.settle(outcome="Up")
    assert case.books.state.losses_in_a_row[AGENT] == 0
    fail_late(case)
    assert case.books.state.losses_in_a_row[AGENT] == 1
    assert case.books.state.last_loss_ns[AGENT] == case.books.clock.now_ns()
