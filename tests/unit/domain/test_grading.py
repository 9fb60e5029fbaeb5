"""Every grade, the one rule of P&L, and no grade before what it needs is known."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polybot.domain.fill import Fill, FillStatus
from polybot.domain.grading import (
    UNTRADED,
    WAITING,
    Grade,
    PurposedFill,
    WindowFacts,
    grade_lots,
    grade_window,
    held_shares,
    pnl_usdc,
)
from polybot.domain.market import Outcome
from polybot.domain.order import Side
from tests.unit.domain.test_fill import a_fill

SENT = WindowFacts(orders_sent=1)
SHARES = 25_000_000


def bought(shares: int = SHARES, **changes: Any) -> PurposedFill:
    fields = {"trade_id": "in", "size_shares": shares, "fee_usdc": 0, "matched_ns": 1}
    status = {"status": FillStatus.CONFIRMED}
    return PurposedFill(a_fill(**(fields | status | changes)), "entry")


def sold(purpose: str, shares: int = SHARES, **changes: Any) -> PurposedFill:
    fields = {
        "trade_id": f"out-{purpose}",
        "side": Side.SELL,
        "price_bps": 6000,
        "size_shares": shares,
        "fee_usdc": 0,
        "matched_ns": 2,
        "status": FillStatus.CONFIRMED,
    }
    return PurposedFill(a_fill(**(fields | changes)), purpose)


@pytest.mark.parametrize(
    ("facts", "grade"),
    [
        (WindowFacts(), Grade.IDLE),
        (WindowFacts(holds={"low_confidence": 300}), Grade.IDLE),
        (WindowFacts(holds={"trend_block": 12}), Grade.TREND_BLOCKED),
        (WindowFacts(holds={"trend_block": 1}, orders_sent=1), Grade.MISSED),
        (SENT, Grade.MISSED),
    ],
)
@pytest.mark.parametrize("outcome", [None, Outcome.UP])
def test_a_window_without_fills_needs_no_outcome(
    facts: WindowFacts, grade: Grade, outcome: Outcome | None
) -> None:
    graded = grade_window(facts, [], outcome)
    assert (graded.grade, graded.pnl_usdc, graded.waits_for) == (grade, 0, "")
    assert grade in UNTRADED


@pytest.mark.parametrize(
    ("fills", "outcome", "grade", "pnl"),
    [
        ([bought()], Outcome.UP, Grade.WIN, 1_250_000),
        ([bought()], Outcome.DOWN, Grade.LOSS, -23_750_000),
        ([bought(), sold("profit_lock", price_bps=9900)], None, Grade.PROFIT_LOCK, 1_000_000),
        ([bought(), sold("hard_stop")], None, Grade.HARD_STOP, -8_750_000),
        ([bought(), sold("danger_exit")], None, Grade.DANGER_EXIT, -8_750_000),
        ([bought(), sold("safety_exit")], None, Grade.SAFETY_EXIT, -8_750_000),
        ([bought(), sold("manual")], None, Grade.EXIT, -8_750_000),
        ([bought(), sold("hard_stop", 10_000_000)], Outcome.UP, Grade.PARTIAL, -2_750_000),
        ([bought(), sold("hard_stop", 10_000_000)], Outcome.DOWN, Grade.PARTIAL, -17_750_000),
        ([bought(), sold("hard_stop", 24_980_000)], Outcome.UP, Grade.HARD_STOP, -8_742_000),
        ([bought(), sold("hard_stop", 20_000)], Outcome.UP, Grade.WIN, 1_242_000),
    ],
)
def test_a_traded_window_is_graded_by_how_it_was_left(
    fills: list[PurposedFill], outcome: Outcome | None, grade: Grade, pnl: int
) -> None:
    graded = grade_window(SENT, fills, outcome)
    assert (graded.grade, graded.pnl_usdc, graded.waits_for) == (grade, pnl, "")
    assert graded.trades == len(fills)
    assert graded.cost_usdc == 23_750_000
    assert sum(lot.pnl_usdc for lot in graded.lots) == pnl


def test_fees_are_part_of_the_result() -> None:
    graded = grade_window(SENT, [bought(fee_usdc=83_120)], Outcome.UP)
    assert (graded.pnl_usdc, graded.fees_usdc) == (1_250_000 - 83_120, 83_120)


def test_what_sold_most_names_the_exit_and_the_graver_one_among_equals() -> None:
    most = [bought(), sold("profit_lock", 15_000_000), sold("hard_stop", 10_000_000)]
    assert grade_window(SENT, most, None).grade is Grade.PROFIT_LOCK
    even = [bought(), sold("profit_lock", 12_500_000), sold("danger_exit", 12_500_000)]
    assert grade_window(SENT, even, None).grade is Grade.DANGER_EXIT


@pytest.mark.parametrize(
    ("facts", "fills", "outcome", "grade", "waits_for"),
    [
        (SENT, [bought()], None, Grade.PENDING, "outcome"),
        (SENT, [bought(), sold("hard_stop", 10_000_000)], None, Grade.PENDING, "outcome"),
        (SENT, [bought(status=FillStatus.MINED)], Outcome.UP, Grade.PENDING, "fills"),
        (WindowFacts(orders_sent=1, orders_open=1), [], Outcome.UP, Grade.UNKNOWN, "orders"),
        (WindowFacts(orders_sent=2, orders_open=1), [bought()], Outcome.UP, Grade.UNKNOWN,
         "orders"),
    ],
)  # fmt: skip
def test_nothing_is_graded_before_what_it_needs_is_known(
    facts: WindowFacts,
    fills: list[PurposedFill],
    outcome: Outcome | None,
    grade: Grade,
    waits_for: str,
) -> None:
    graded = grade_window(facts, fills, outcome)
    assert (graded.grade, graded.pnl_usdc, graded.waits_for) == (grade, 0, waits_for)
    assert grade in WAITING


def test_a_failed_fill_never_happened() -> None:
    failed = bought(status=FillStatus.FAILED)
    assert grade_window(SENT, [failed], None).grade is Grade.MISSED


def test_both_outcomes_held_win_or_lose_by_the_money() -> None:
    hedge = PurposedFill(
        a_fill(
            trade_id="h", token_id="222", outcome=Outcome.DOWN, price_bps=500,
            size_shares=SHARES, fee_usdc=0, status=FillStatus.CONFIRMED,
        ),
        "hedge",
    )  # fmt: skip
    graded = grade_window(SENT, [bought(), hedge], Outcome.UP)
    assert (graded.grade, graded.pnl_usdc) == (Grade.LOSS, 0)


def test_the_favorite_that_came_true_wins_even_when_fees_ate_the_gain() -> None:
    graded = grade_window(SENT, [bought(price_bps=9900, fee_usdc=300_000)], Outcome.UP)
    assert (graded.grade, graded.pnl_usdc) == (Grade.WIN, -50_000)


def test_lots_are_paired_first_in_first_out() -> None:
    first = bought(10_000_000, trade_id="first").fill
    second = bought(15_000_000, trade_id="second", price_bps=9000, matched_ns=2).fill
    out = sold("hard_stop", 12_000_000, matched_ns=3).fill
    lots = grade_lots([first, second, out], Outcome.UP)
    assert [(lot.trade_id, lot.status, lot.shares, lot.pnl_usdc) for lot in lots] == [
        ("first", Grade.EXIT, 10_000_000, -3_500_000),
        ("second", Grade.EXIT, 2_000_000, -600_000),
        ("second", Grade.WIN, 13_000_000, 1_300_000),
    ]
    waiting = grade_lots([first], None)
    assert [(lot.status, lot.pnl_usdc) for lot in waiting] == [(Grade.PENDING, 0)]


FILLS = st.lists(
    st.tuples(
        st.integers(1, 9999),
        st.integers(1, 3000),
        st.integers(0, 100_000),
        st.integers(0, 100),
        st.sampled_from(Outcome),
    ),
    max_size=5,
)


@given(FILLS, st.sampled_from(Outcome))
def test_the_lots_add_up_to_the_window(
    drawn: list[tuple[int, int, int, int, Outcome]], outcome: Outcome
) -> None:
    fills: list[Fill] = []
    for number, (price, steps, fee, percent, side) in enumerate(drawn):
        size = steps * 10_000
        fields = {"outcome": side, "price_bps": price, "fee_usdc": fee}
        fills.append(
            a_fill(trade_id=f"b{number}", size_shares=size, matched_ns=2 * number, **fields)
        )
        out = size * percent // 100
        if out:
            fills.append(
                a_fill(
                    trade_id=f"s{number}", side=Side.SELL, size_shares=out,
                    matched_ns=2 * number + 1, **fields,
                )
            )  # fmt: skip
    assert sum(lot.pnl_usdc for lot in grade_lots(fills, outcome)) == pnl_usdc(fills, outcome)
    assert all(shares >= 0 for shares in held_shares(fills).values())
