"""Metrics over settled trades, by the published definitions."""

from typing import Any
from zoneinfo import ZoneInfo

from polybot.domain.grading import Grade
from polybot.domain.metrics import (
    Metrics,
    SettledTrade,
    by_day,
    current_losing_run,
    longest_losing_run,
    max_drawdown_usdc,
    measure,
    trading_day,
)

NEW_YORK = ZoneInfo("America/New_York")
HOUR_NS = 3_600_000_000_000
# 2026-11-21 05:00 UTC: midnight in New York.
MIDNIGHT_NS = 1_795_237_200_000_000_000


def a_trade(number: int = 1, **changes: Any) -> SettledTrade:
    fields: dict[str, Any] = {
        "trade_id": f"capture/{number}",
        "slug": f"btc-updown-5m-{number}",
        "agent": "capture",
        "strategy": "capture_99c",
        "grade": Grade.WIN,
        "pnl_usdc": 1_000_000,
        "fees_usdc": 80_000,
        "cost_usdc": 24_000_000,
        "bought_shares": 25_000_000,
        "entered_ns": MIDNIGHT_NS + number * 1000,
        "settled_ns": MIDNIGHT_NS + number * 1000,
    }
    return SettledTrade(**(fields | changes))


def results(*dollars: int) -> list[SettledTrade]:
    return [
        a_trade(number, pnl_usdc=value * 1_000_000, grade=Grade.WIN if value > 0 else Grade.LOSS)
        for number, value in enumerate(dollars, start=1)
    ]


def test_no_trades_have_no_rates() -> None:
    assert measure([]) == Metrics()
    assert measure([]).win_rate is None


def test_wins_losses_and_exits_share_the_win_rate() -> None:
    grades = [
        Grade.WIN, Grade.PROFIT_LOCK, Grade.LOSS, Grade.HARD_STOP, Grade.PARTIAL, Grade.EXIT,
        Grade.DANGER_EXIT, Grade.SAFETY_EXIT,
    ]  # fmt: skip
    figures = measure([a_trade(number, grade=grade) for number, grade in enumerate(grades)])
    assert (figures.wins, figures.losses, figures.exits) == (2, 1, 5)
    assert figures.win_rate == 0.25


def test_sums_averages_and_return_on_the_average_trade() -> None:
    figures = measure([a_trade(1), a_trade(2, pnl_usdc=-4_000_000, cost_usdc=16_000_000)])
    assert (figures.pnl_usdc, figures.fees_usdc, figures.cost_usdc) == (
        -3_000_000, 160_000, 40_000_000,
    )  # fmt: skip
    assert (figures.average_pnl_usdc, figures.average_cost_usdc) == (-1_500_000, 20_000_000)
    assert figures.roi == -0.15


def test_drawdown_is_the_deepest_fall_from_a_peak() -> None:
    assert max_drawdown_usdc([]) == 0
    assert max_drawdown_usdc([5, -3, 4, -10, 20, -6]) == 10
    assert max_drawdown_usdc([-7, 1]) == 7


def test_losing_runs_count_money_lost_whatever_the_grade() -> None:
    trades = results(1, -1, -2, 3, -1, -1, -1)
    trades.append(a_trade(9, pnl_usdc=-1, grade=Grade.HARD_STOP))
    assert longest_losing_run(trades) == 4
    assert current_losing_run(trades) == 4
    assert current_losing_run(results(-1, 1)) == 0
    assert longest_losing_run(results(0)) == 0


def test_a_day_begins_at_midnight_of_the_trading_zone() -> None:
    assert trading_day(MIDNIGHT_NS, NEW_YORK) == "2026-11-21"
    assert trading_day(MIDNIGHT_NS - 1, NEW_YORK) == "2026-11-20"
    days = by_day(
        [a_trade(1, settled_ns=MIDNIGHT_NS - 1), a_trade(2), a_trade(3, pnl_usdc=-5)], NEW_YORK
    )
    assert {day: (figures.trades, figures.pnl_usdc) for day, figures in days.items()} == {
        "2026-11-20": (1, 1_000_000),
        "2026-11-21": (2, 999_995),
    }
