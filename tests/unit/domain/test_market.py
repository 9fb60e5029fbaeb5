"""A market knows its tokens, and refuses to be built from nonsense."""

from typing import Any

import msgspec
import pytest

from polybot.domain.market import FeeSchedule, Market, Outcome, SettlementRule
from polybot.errors import InvalidValue


def a_market(**changes: Any) -> Market:
    fields: dict[str, Any] = {
        "slug": "btc-updown-5m-1787236800",
        "condition_id": "0xc0",
        "token_up": "111",
        "token_down": "222",
        "asset": "btc",
        "open_ns": 1_787_236_800_000_000_000,
        "close_ns": 1_787_237_100_000_000_000,
    }
    return Market(**(fields | changes))


def test_each_outcome_has_its_token_and_each_token_its_outcome() -> None:
    market = a_market()
    assert market.token(Outcome.UP) == "111"
    assert market.token(Outcome.DOWN) == "222"
    for outcome in Outcome:
        assert market.outcome_of(market.token(outcome)) is outcome


def test_a_foreign_token_is_refused() -> None:
    with pytest.raises(InvalidValue, match="'333'"):
        a_market().outcome_of("333")


def test_the_opposite_of_the_opposite_is_the_outcome_itself() -> None:
    assert Outcome.UP.opposite is Outcome.DOWN
    assert Outcome.DOWN.opposite is Outcome.UP


@pytest.mark.parametrize(
    "changes",
    [{"token_down": "111"}, {"close_ns": 1}, {"tick_bps": 0}, {"tick_bps": 10_000}],
)
def test_an_impossible_market_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(InvalidValue, match="expected"):
        a_market(**changes)


@pytest.mark.parametrize(("rate", "exponent"), [(-1, 1), (10_001, 1), (700, -1)])
def test_an_impossible_fee_schedule_is_refused(rate: int, exponent: int) -> None:
    with pytest.raises(InvalidValue, match="expected a fee"):
        FeeSchedule(rate_bps=rate, exponent=exponent)


def test_a_market_travels_as_json_and_comes_back_equal() -> None:
    market = a_market(fee=FeeSchedule(rate_bps=700), rule=SettlementRule.TWAP, twap_lookback_s=60)
    assert msgspec.json.decode(msgspec.json.encode(market), type=Market) == market
