"""The trend guard blocks against the trend, and only when there is one to know."""

import pytest

from polybot.domain.market import Outcome
from polybot.domain.money import REFERENCE_ONE_E8
from polybot.domain.trend_guard import TrendGuardRules, blocks, trend_e8

RULES = TrendGuardRules()
DOLLAR = REFERENCE_ONE_E8


def opens(*dollars: int) -> tuple[int, ...]:
    return tuple(value * DOLLAR for value in dollars)


@pytest.mark.parametrize(
    ("prices", "blocked"),
    [
        (opens(70_000, 70_500, 69_749), {Outcome.UP}),
        (opens(70_000, 69_000, 70_251), {Outcome.DOWN}),
        (opens(70_000, 70_000, 69_750), set()),
        (opens(70_000, 70_000, 70_250), set()),
        (opens(60_000, 70_000, 70_500, 70_000), set()),
    ],
)
def test_a_fall_blocks_up_and_a_rise_blocks_down(
    prices: tuple[int, ...], blocked: set[Outcome]
) -> None:
    assert {outcome for outcome in Outcome if blocks(outcome, prices, RULES)} == blocked


@pytest.mark.parametrize("prices", [(), opens(70_000), opens(70_000, 10_000)])
def test_an_unknown_trend_blocks_nothing(prices: tuple[int, ...]) -> None:
    assert trend_e8(prices, RULES.lookback_windows) is None
    assert not any(blocks(outcome, prices, RULES) for outcome in Outcome)


def test_the_lookback_is_a_parameter() -> None:
    rules = TrendGuardRules(threshold_e8=DOLLAR, lookback_windows=1)
    assert blocks(Outcome.UP, opens(102, 100), rules)
    assert trend_e8(opens(5, 102, 100), 1) == -2 * DOLLAR
