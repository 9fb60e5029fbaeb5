from typing import Any

import pytest

from polybot.domain.fill import Fill, FillStatus
from polybot.domain.market import Outcome
from polybot.domain.order import Order, OrderStatus, Side
from polybot.domain.stored import GradeCase, StoredGrade, Summary
from polybot.services.tracker.grading import grade_case, in_words
from tests.story import AGENT, SHARES, STRATEGY, fill_at, market_at, order_at

CONFIRMED = FillStatus.CONFIRMED


def case(**changes: Any) -> GradeCase:
    values: dict[str, Any] = {
        "market": market_at(),
        "outcome": Outcome.UP,
        "orders": (order_at(status=OrderStatus.FILLED),),
        "fills": (fill_at(status=CONFIRMED),),
        "summaries": (),
        "strategies": {AGENT: STRATEGY},
        "grades": (),
    }
    return GradeCase(**(values | changes))


def test_a_held_winner_earns_a_dollar_a_share_less_cost_and_fee() -> None:
    graded = grade_case(case())

    [told] = graded.news
    assert (told.grade, told.pnl_usdc) == ("WIN", SHARES - 23_750_000 - 83_120)
    assert (told.fees_usdc, told.cost_usdc, told.trades) == (83_120, 23_750_000, 1)
    assert (told.agent, told.strategy, told.slug) == (AGENT, STRATEGY, market_at().slug)


def test_a_grade_is_one_line_with_outcome_and_money() -> None:
    [told] = grade_case(case()).news
    assert in_words(told, Outcome.UP) == (
        f"{market_at().slug} was Up, {AGENT} WIN, P&L $+1.17, trades 1"
    )


def test_a_window_without_a_trade_has_no_money_in_its_line() -> None:
    looked = Summary(AGENT, STRATEGY, looks=3, holds={"low_confidence": 3}, entered=False)
    [told] = grade_case(case(orders=(), fills=(), summaries=(looked,))).news
    assert in_words(told, Outcome.DOWN) == f"{market_at().slug} was Down, {AGENT} {told.grade}"


def test_a_held_loser_loses_cost_and_fee() -> None:
    [told] = grade_case(case(outcome=Outcome.DOWN)).news

    assert (told.grade, told.pnl_usdc) == ("LOSS", -23_750_000 - 83_120)


def test_a_grade_that_is_known_is_no_news() -> None:
    [told] = grade_case(case()).news
    known = StoredGrade(
        agent=told.agent,
        strategy=told.strategy,
        grade=told.grade,
        pnl_usdc=told.pnl_usdc,
        fees_usdc=told.fees_usdc,
        cost_usdc=told.cost_usdc,
        trades=told.trades,
    )

    assert grade_case(case(grades=(known,))).news == ()


def test_a_failed_fill_leaves_a_missed_window_and_regrades_it() -> None:
    [before] = grade_case(case()).news
    known = StoredGrade(AGENT, STRATEGY, before.grade, before.pnl_usdc, 83_120, 23_750_000, 1)

    [told] = grade_case(case(fills=(fill_at(status=FillStatus.FAILED),), grades=(known,))).news

    assert (told.grade, told.pnl_usdc, told.trades) == ("MISSED", 0, 0)


@pytest.mark.parametrize(
    ("orders", "fills", "waits"),
    [
        ((order_at(status=OrderStatus.UNKNOWN),), (), (f"{AGENT}: orders",)),
        ((order_at(status=OrderStatus.FILLED),), (fill_at(),), (f"{AGENT}: fills",)),
    ],
)
def test_a_grade_waits_for_orders_and_fills(
    orders: tuple[Order, ...], fills: tuple[Fill, ...], waits: tuple[str, ...]
) -> None:
    graded = grade_case(case(orders=orders, fills=fills))

    assert (graded.news, graded.waits) == ((), waits)


def test_an_exit_is_graded_by_the_purpose_of_its_order() -> None:
    sell = order_at(venue_order_id="0xsell", side=Side.SELL, purpose="hard_stop")
    sold = fill_at(
        trade_id="t9", venue_order_id="0xsell", side=Side.SELL, price_bps=5000, status=CONFIRMED
    )

    [told] = grade_case(
        case(
            orders=(order_at(status=OrderStatus.FILLED), sell.with_status(OrderStatus.FILLED)),
            fills=(fill_at(status=CONFIRMED), sold),
        )
    ).news

    assert (told.grade, told.trades) == ("HARD_STOP", 2)
    assert told.pnl_usdc == 12_500_000 - 23_750_000 - 2 * 83_120


def test_every_agent_gets_its_own_grade_from_its_own_fills() -> None:
    other = order_at(agent="second", venue_order_id="0xother", status=OrderStatus.CANCELED)
    idle = Summary("third", STRATEGY, looks=600, holds={"price": 600}, entered=False)

    graded = grade_case(
        case(orders=(order_at(status=OrderStatus.FILLED), other), summaries=(idle,))
    )

    assert [(told.agent, told.grade) for told in graded.news] == [
        (AGENT, "WIN"),
        ("second", "MISSED"),
        ("third", "IDLE"),
    ]


@pytest.mark.parametrize(
    "status", [OrderStatus.DENIED, OrderStatus.REJECTED, OrderStatus.NOT_PLACED]
)
def test_an_order_that_never_stood_is_not_missed(status: OrderStatus) -> None:
    [told] = grade_case(case(orders=(order_at(status=status),), fills=())).news

    assert told.grade == "IDLE"
