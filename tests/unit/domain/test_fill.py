"""A fill moves cash and shares, and settles in two stages."""

from itertools import pairwise, permutations
from typing import Any

import pytest

from polybot.domain.fill import Fill, FillStatus, next_fill_status
from polybot.domain.market import Outcome
from polybot.domain.order import Side
from polybot.errors import InvalidTransition, InvalidValue

F = FillStatus


def a_fill(**changes: Any) -> Fill:
    fields: dict[str, Any] = {
        "trade_id": "t-1",
        "venue_order_id": "0xaa",
        "agent": "capture",
        "slug": "btc-updown-5m-1787236800",
        "token_id": "111",
        "outcome": Outcome.UP,
        "side": Side.BUY,
        "price_bps": 9500,
        "size_shares": 10_000_000,
        "fee_usdc": 33_250,
        "is_maker": False,
        "matched_ns": 1,
    }
    return Fill(**(fields | changes))


def test_a_buy_costs_notional_and_fee() -> None:
    assert a_fill().cash_usdc == -(9_500_000 + 33_250)
    assert a_fill().signed_shares == 10_000_000


def test_a_sell_brings_notional_less_the_fee() -> None:
    sale = a_fill(side=Side.SELL)
    assert sale.cash_usdc == 9_500_000 - 33_250
    assert sale.signed_shares == -10_000_000


def test_the_usual_way_leads_from_matched_to_confirmed() -> None:
    fill = a_fill()
    for status in (F.MINED, F.RETRYING, F.MINED, F.CONFIRMED):
        fill = fill.reported(status)
        assert fill.status is status
    assert fill.is_final
    assert fill.counts


def test_late_and_repeated_reports_arrive_at_the_same_end_in_any_order() -> None:
    for last in (F.CONFIRMED, F.FAILED):
        for order in permutations((F.MATCHED, F.MINED, F.RETRYING, last, last)):
            fill = a_fill()
            for status in order:
                fill = fill.reported(status)
            assert fill.status is last


def test_a_failed_fill_no_longer_counts_and_stays_failed() -> None:
    fill = a_fill().reported(F.FAILED)
    assert not fill.counts
    assert not fill.reported(F.MATCHED).counts


def test_two_final_reports_that_contradict_are_refused() -> None:
    for first, second in pairwise((F.CONFIRMED, F.FAILED, F.CONFIRMED)):
        with pytest.raises(InvalidTransition, match=f"final {first.value}, was {second.value}"):
            next_fill_status(first, second)


@pytest.mark.parametrize("changes", [{"size_shares": 0}, {"price_bps": 0}, {"fee_usdc": -1}])
def test_an_impossible_fill_is_refused(changes: dict[str, int]) -> None:
    with pytest.raises(InvalidValue, match="expected"):
        a_fill(**changes)
