"""The books are made to agree with the exchange: at start, after a lost stream, and for ever."""

from typing import Any

import pytest

from polybot.domain.order import Order, OrderStatus, OrderTrigger, Side
from polybot.domain.trading_state import TradingState
from polybot.errors import OutcomeUnknown
from polybot.messages.trading import DriftFound, FillMatched, ReconcileFinished
from polybot.services.trader.cash_check import CashCheck
from polybot.services.trader.claims import RECONCILE
from polybot.services.trader.holdings_check import HoldingsCheck
from polybot.services.trader.look_ups import LookUps
from polybot.services.trader.reconcile import ANSWER_TIMEOUT_NS, Reconciler
from polybot.services.trader.strangers import Strangers
from tests.story import OPENING_USDC, SHARES, bought, market_at, order_at, paid_out
from tests.unit.services.trader.books import NOW_NS, Books
from tests.unit.services.trader.fakes_exchange import looked_up, venue_fill, venue_order

S = 1_000_000_000
SWEEP = 30 * S
COST_USDC = 23_833_120


class Case:
    """A reconciler over fresh books, at its start."""

    def __init__(self, *, funded: bool = True) -> None:
        self.books = Books(funded=funded)
        keeper, answers = self.books.keeper, self.books.answers
        self.reconciler = Reconciler(
            books=keeper,
            answers=answers,
            claims=self.books.claims,
            access=self.books.access,
            market_clock=self.books.market_clock,
            look_ups=LookUps(keeper, answers, self.books.access, grace_ns=10 * S),
            cash=CashCheck(keeper, answers, self.books.market_clock),
            holdings=HoldingsCheck(keeper, answers, self.books.market_clock),
            strangers=Strangers(keeper, self.books.claims),
            sweep_ns=SWEEP,
        )
        self.books.claims.claim(RECONCILE, TradingState.RECONCILING, "starting")

    @property
    def gateway(self) -> Any:
        return self.books.gateway

    def asks(self) -> int:
        return len(self.gateway.snapshots)

    def answer(self, at_s: float = 0, **values: Any) -> None:
        self.reconciler.accept(self.gateway.snapshot(**values), int(at_s * S))

    def reconcile(self, at_s: float = 0, **values: Any) -> None:
        self.reconciler.turn(int(at_s * S))
        self.answer(at_s, **values)


def test_the_first_snapshot_ends_reconciling() -> None:
    case = Case()
    case.reconciler.turn(0)
    assert case.books.claims.state is TradingState.RECONCILING
    case.answer(balance_usdc=OPENING_USDC)
    assert case.books.claims.state is TradingState.ACTIVE
    assert case.reconciler.done_once
    (said,) = case.books.said(ReconcileFinished)
    assert (said.trigger, said.balance_usdc, said.differences) == ("start", OPENING_USDC, ())


def test_a_sweep_runs_for_ever_and_is_silent_while_nothing_differs() -> None:
    case = Case()
    case.reconcile()
    for second in range(1, 100):
        asked = case.asks()
        case.reconciler.turn(second * S)
        if case.asks() > asked:
            case.answer(second)
    assert case.asks() == 4
    assert len(case.books.said(ReconcileFinished)) == 1


def test_only_one_question_is_under_way_and_a_lost_one_is_asked_again() -> None:
    case = Case()
    for second in range(15):
        case.reconciler.turn(second * S)
    assert case.asks() == 1
    case.reconciler.turn(SWEEP)
    assert case.asks() == 2
    assert SWEEP > ANSWER_TIMEOUT_NS


def test_a_failed_snapshot_is_asked_again_after_a_second_and_counted() -> None:
    case = Case()
    case.reconcile(0, error=OutcomeUnknown("timed out"))
    assert case.books.claims.state is TradingState.RECONCILING
    assert case.books.answers.errors_in_a_row == 1
    case.reconciler.turn(S - 1)
    assert case.asks() == 1
    case.reconcile(1)
    assert case.books.claims.state is TradingState.ACTIVE
    assert case.books.answers.errors_in_a_row == 0


def test_a_requirement_claims_reconciling_and_asks_at_once() -> None:
    case = Case()
    case.reconcile()
    case.reconciler.require("user stream")
    assert case.books.claims.state is TradingState.RECONCILING
    case.reconcile(1)
    assert case.books.claims.state is TradingState.ACTIVE
    assert case.books.said(ReconcileFinished)[-1].trigger == "user stream"


def test_an_answer_asked_for_before_the_requirement_does_not_count() -> None:
    case = Case()
    case.reconcile()
    case.reconciler.turn(SWEEP)
    old = case.gateway.snapshot(orders=(venue_order(order_at(venue_order_id="0xf")),))
    case.reconciler.require("user stream")
    case.reconciler.accept(old, SWEEP + S)
    assert case.books.claims.state is TradingState.RECONCILING
    assert case.books.said(DriftFound) == []
    case.reconciler.turn(SWEEP + S)
    case.reconciler.accept(old, SWEEP + S)
    assert case.books.claims.state is TradingState.RECONCILING
    case.answer(SWEEP / S + 2)
    assert case.books.claims.state is TradingState.ACTIVE


def test_missing_trades_ask_for_a_snapshot_out_of_turn() -> None:
    case = Case()
    case.reconcile()
    case.books.answers.snapshot_wanted = True
    case.reconciler.turn(S)
    assert case.asks() == 2
    assert not case.books.answers.snapshot_wanted


def test_a_wish_for_a_snapshot_while_one_is_under_way_is_kept() -> None:
    case = Case()
    case.reconciler.turn(0)
    case.books.answers.snapshot_wanted = True
    case.reconciler.turn(S)
    assert case.asks() == 1
    case.answer(2)
    case.reconciler.turn(2 * S)
    assert case.asks() == 2


def test_fills_the_stream_did_not_bring_are_adopted_once() -> None:
    case = Case()
    order = case.books.submit()
    case.books.keeper.move(order, OrderTrigger.ACCEPT)
    for second in (0, 40):
        case.reconcile(
            second,
            fills=(venue_fill(order, status="CONFIRMED"),),
            balance_usdc=OPENING_USDC - COST_USDC,
        )
    assert case.books.status(order) is OrderStatus.FILLED
    assert len(case.books.said(FillMatched)) == 1
    (said,) = case.books.said(ReconcileFinished)
    assert said.differences


def test_a_fak_closes_with_the_trades_a_snapshot_brings() -> None:
    case = Case()
    order = case.books.submit_fak()
    case.books.keeper.move(order, OrderTrigger.ACCEPT)
    case.books.answers.closing[order.venue_order_id] = {"t0"}
    case.reconcile(fills=(venue_fill(order, size_shares=10_000_000),))
    assert case.books.status(order) is OrderStatus.CANCELED


@pytest.mark.parametrize(
    ("triggers", "after"),
    [
        ((OrderTrigger.LOSE_ANSWER,), OrderStatus.ACCEPTED),
        ((OrderTrigger.PROVE_ABSENT,), OrderStatus.ACCEPTED),
        ((OrderTrigger.REJECT,), OrderStatus.UNKNOWN),
        ((OrderTrigger.ACCEPT,), OrderStatus.ACCEPTED),
        ((), OrderStatus.SUBMITTED),
    ],
)
def test_a_listed_order_is_adopted(triggers: tuple[OrderTrigger, ...], after: OrderStatus) -> None:
    case = Case()
    order = case.books.submit()
    for trigger in triggers:
        case.books.keeper.move(order, trigger)
    case.reconcile(orders=(venue_order(order),))
    assert case.books.status(order) is after


def test_an_open_order_that_is_not_listed_is_looked_up_at_once() -> None:
    case = Case()
    order = case.books.submit()
    case.books.keeper.move(order, OrderTrigger.ACCEPT)
    case.reconcile()
    case.reconciler.turn(1)
    assert case.gateway.looked_up == [order.venue_order_id]


def test_an_order_whose_post_is_under_way_is_not_missed_in_the_listing() -> None:
    case = Case()
    case.books.submit()
    case.reconcile()
    case.reconciler.turn(1)
    assert case.gateway.looked_up == []


def test_an_unknown_order_becomes_not_placed_by_look_ups_and_a_snapshot() -> None:
    case = Case()
    order = case.books.submit()
    case.books.keeper.move(order, OrderTrigger.LOSE_ANSWER)
    case.reconcile()
    for second in range(1, 14):
        asked = case.asks()
        case.reconciler.turn(second * S)
        if case.asks() > asked:
            case.answer(second)
        case.reconciler.look_ups.take(looked_up(order, None), second * S)
    assert case.books.status(order) is OrderStatus.NOT_PLACED
    assert case.asks() == 2


def test_foreign_orders_are_drift_once_and_left_alone() -> None:
    case = Case()
    foreign = venue_order(order_at(venue_order_id="0xforeign"))
    for second in (0, 40, 80):
        case.reconcile(second, orders=(foreign,))
    assert [(d.kind, d.subject) for d in case.books.said(DriftFound)] == [
        ("foreign_order", "0xforeign")
    ]
    assert case.gateway.canceled == []


def test_an_order_listed_twice_after_its_end_is_drift() -> None:
    case = Case()
    order = case.books.submit()
    case.books.keeper.move(order, OrderTrigger.ACCEPT)
    case.books.keeper.move(order, OrderTrigger.CANCEL)
    case.reconcile(0, orders=(venue_order(order),))
    assert case.books.said(DriftFound) == []
    case.reconcile(40, orders=(venue_order(order),))
    assert [d.kind for d in case.books.said(DriftFound)] == ["undead_order"]
    assert case.books.status(order) is OrderStatus.UNKNOWN
    case.reconciler.turn(41 * S)
    assert case.gateway.looked_up == [order.venue_order_id]
    case.reconciler.look_ups.take(looked_up(order, venue_order(order)), 41 * S)
    assert case.books.status(order) is OrderStatus.ACCEPTED


def test_balances_are_asked_for_what_is_held_or_not_paid_out() -> None:
    case = Case()
    keeper = case.books.keeper
    for number in (1, 2, 3):
        for event in bought(number):
            keeper.record(event)
    keeper.record(paid_out(1))
    keeper.record(paid_out(2, won=False))
    case.reconciler.turn(0)
    asked = case.gateway.snapshots[0]["token_ids"]
    assert asked == (market_at(1).token_up, market_at(3).token_up)


def test_the_first_snapshot_asks_for_trades_since_the_oldest_order_known() -> None:
    case = Case()
    order = case.books.submit(created_ns=NOW_NS - 900 * S)
    case.books.keeper.move(order, OrderTrigger.REJECT)
    case.reconciler.turn(0)
    assert case.gateway.snapshots[0]["after_s"] == NOW_NS // S - 1500


def test_later_ones_ask_since_the_last_snapshot_or_the_oldest_thing_moving() -> None:
    case = Case()
    order = case.books.submit(created_ns=NOW_NS - 900 * S)
    case.books.keeper.move(order, OrderTrigger.REJECT)
    case.reconcile(0)
    case.books.market_clock.advance(5000)
    case.reconcile(40)
    assert case.gateway.snapshots[1]["after_s"] == NOW_NS // S - 600
    case.books.market_clock.advance(5000)
    open_order = case.books.submit(1, created_ns=NOW_NS)
    case.books.keeper.fill(venue_fill(open_order, matched_ns=NOW_NS + 7 * S, size_shares=SHARES))
    case.reconciler.turn(80 * S)
    assert case.gateway.snapshots[2]["after_s"] == NOW_NS // S + 7 - 600


def test_the_opening_balance_is_taken_after_what_was_adopted() -> None:
    case = Case(funded=False)
    case.reconcile(balance_usdc=55_000_000)
    assert case.books.state.cash_usdc == 55_000_000


def test_an_account_that_cannot_be_read_is_one_line_a_minute(
    caplog: pytest.LogCaptureFixture,
) -> None:
    case = Case()
    for second in range(59):
        case.reconcile(second, error=OutcomeUnknown("timed out"))
    assert len([r for r in caplog.records if "could not be read" in r.message]) == 1
    case.reconcile(60, error=OutcomeUnknown("timed out"))
    assert len([r for r in caplog.records if "could not be read" in r.message]) == 2


def test_every_reconcile_holds_the_wallets_shares_against_all_agents() -> None:
    case = Case()
    for event in bought():
        case.books.keeper.record(event)
    token_id = market_at().token_up
    values = {"balance_usdc": OPENING_USDC - COST_USDC, "shares": {token_id: SHARES + 7}}
    case.reconcile(0, **values)
    case.reconciler.require("user stream")
    case.reconcile(6, **values)
    assert case.books.state.not_ours.shares == {token_id: 7}


def test_what_was_sold_again_in_an_open_window_is_still_asked_for() -> None:
    case = Case()
    for event in bought():
        case.books.keeper.record(event)
    sale = case.books.submit(venue_order_id="0xs", side=Side.SELL, purpose="exit")
    case.books.keeper.fill(venue_fill(sale, "t-sale", status="CONFIRMED"))
    case.reconciler.turn(0)
    assert case.gateway.snapshots[0]["token_ids"] == (market_at().token_up,)


def given_up(case: Case) -> Order:
    """Return an order of which every route had nothing for the whole grace."""
    order = case.books.submit()
    case.books.keeper.move(order, OrderTrigger.LOSE_ANSWER)
    case.books.keeper.move(order, OrderTrigger.PROVE_ABSENT)
    case.reconcile(0)
    assert case.books.status(order) is OrderStatus.NOT_PLACED
    return order


def test_an_order_that_arrives_long_after_it_was_given_up_is_adopted_by_the_sweep() -> None:
    case = Case()
    order = given_up(case)
    for second in (40, 80, 120):
        case.reconcile(second)
        assert case.books.status(order) is OrderStatus.NOT_PLACED
    case.reconcile(160, orders=(venue_order(order),))
    assert case.books.status(order) is OrderStatus.ACCEPTED
    assert case.books.claims.state is TradingState.ACTIVE


def test_one_that_was_filled_as_it_arrived_is_found_among_the_trades_of_the_sweep() -> None:
    case = Case()
    order = given_up(case)
    case.books.market_clock.advance(45)
    case.reconciler.turn(40 * S)
    matched_ns = case.books.market_clock.now_ns()
    assert case.gateway.snapshots[-1]["after_s"] <= matched_ns // S
    case.answer(40, fills=(venue_fill(order, matched_ns=matched_ns, status="CONFIRMED"),))
    assert case.books.status(order) is OrderStatus.FILLED
    assert case.books.said(DriftFound) == []


def test_the_sweep_goes_on_and_asks_for_unknown_orders_while_every_stream_is_up() -> None:
    case = Case()
    case.reconcile(0)
    order = case.books.submit()
    case.books.keeper.move(order, OrderTrigger.LOSE_ANSWER)
    no_word = looked_up(order, None, OutcomeUnknown("timed out"))
    for second in range(1, 31):
        case.reconciler.turn(second * S)
        case.reconciler.look_ups.take(no_word, second * S)
    assert case.gateway.looked_up == [order.venue_order_id] * 30
    assert case.asks() == 2
