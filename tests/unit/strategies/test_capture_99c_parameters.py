"""The parameters' defaults are the published ones, and become exact integers."""

from decimal import Decimal

from polybot.domain.danger import DangerRules
from polybot.domain.entry_filter import EntryFilterRules
from polybot.domain.exits import ExitRules
from polybot.domain.trend_guard import TrendGuardRules
from polybot.strategies.capture_99c_parameters import CaptureParameters, rules_of


def test_the_defaults_are_those_of_the_rules_they_fill() -> None:
    rules = rules_of(CaptureParameters())
    assert rules.entry_filter == EntryFilterRules()
    assert rules.trend_guard == TrendGuardRules()
    assert rules.danger == DangerRules()
    assert rules.exits == ExitRules()
    assert (rules.entry_bps, rules.min_confidence_bps, rules.size_shares) == (
        9500,
        9500,
        25_000_000,
    )
    assert (rules.profit_lock_bps, rules.exit_floor_bps) == (9900, 100)


def test_prices_that_floats_get_wrong_stay_exact() -> None:
    for cents in (29, 47, 57, 58, 59, 94):
        price = Decimal(cents) / 100
        assert rules_of(CaptureParameters(entry_price=price)).entry_bps == cents * 100
