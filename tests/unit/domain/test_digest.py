"""The digest of a list of trades: every figure a reflection reads."""

import pytest

from polybot.domain.digest import digest_of
from polybot.domain.grading import Grade
from tests.unit.domain.test_metrics import HOUR_NS, MIDNIGHT_NS, NEW_YORK, a_trade


def test_an_empty_ledger_has_a_digest_of_nothing() -> None:
    digest = digest_of([], NEW_YORK)
    assert digest["trades"] == 0
    for key in ("win_rate", "roi", "average_entry_price_bps", "break_even_win_rate", "best_hour"):
        assert digest[key] is None


def test_prices_say_what_win_rate_would_break_even() -> None:
    digest = digest_of(
        [a_trade(1), a_trade(2, cost_usdc=9_000_000, bought_shares=10_000_000, fees_usdc=0)],
        NEW_YORK,
    )
    assert digest["average_entry_price_bps"] == 9428
    assert digest["break_even_win_rate"] == pytest.approx((33.0 + 0.08) / 35)


def test_hours_are_those_of_the_entry_in_the_trading_zone() -> None:
    trades = [
        a_trade(1, entered_ns=MIDNIGHT_NS + 9 * HOUR_NS, pnl_usdc=5),
        a_trade(2, entered_ns=MIDNIGHT_NS + 9 * HOUR_NS, pnl_usdc=-1),
        a_trade(3, entered_ns=MIDNIGHT_NS + 23 * HOUR_NS, pnl_usdc=-8),
    ]
    digest = digest_of(trades, NEW_YORK)
    assert (digest["best_hour"], digest["best_hour_pnl_usdc"]) == (9, 4)
    assert (digest["worst_hour"], digest["worst_hour_pnl_usdc"]) == (23, -8)


def test_grades_and_strategies_have_their_own_sums() -> None:
    trades = [
        a_trade(1),
        a_trade(2, grade=Grade.HARD_STOP, pnl_usdc=-8),
        a_trade(3, grade=Grade.HARD_STOP, pnl_usdc=-1, strategy="other"),
    ]
    digest = digest_of(trades, NEW_YORK)
    assert (digest["grade_HARD_STOP_trades"], digest["grade_HARD_STOP_pnl_usdc"]) == (2, -9)
    assert (digest["grade_WIN_trades"], digest["strategy_other_trades"]) == (1, 1)
    assert digest["strategy_capture_99c_win_rate"] == 0.5
    assert (digest["current_losing_run"], digest["longest_losing_run"]) == (2, 2)
