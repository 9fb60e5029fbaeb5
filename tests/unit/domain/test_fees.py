"""Fees follow the market's schedule in whole micro-dollars, and balances are never overspent."""

import json
from decimal import ROUND_DOWN, Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polybot.domain import fees
from polybot.domain.market import NO_FEES, FeeSchedule
from polybot.domain.money import parse_price, parse_shares, parse_usdc
from polybot.errors import InvalidValue
from tests.recordings_path import recordings_dir

CRYPTO = FeeSchedule(rate_bps=700)
SCHEDULES = st.builds(
    FeeSchedule,
    rate_bps=st.integers(min_value=0, max_value=2500),
    exponent=st.integers(min_value=0, max_value=3),
)
PRICES = st.integers(min_value=1, max_value=9999)
BALANCES = st.integers(min_value=0, max_value=10**10)


@pytest.mark.parametrize(
    ("price", "fee"),
    [("0.5", "1.75"), ("0.9", "0.63"), ("0.95", "0.3325"), ("0.97", "0.2037"), ("0.99", "0.0693")],
)
def test_a_hundred_shares_cost_what_the_documentation_says(price: str, fee: str) -> None:
    size = parse_shares("100")
    assert fees.taker_fee_usdc(CRYPTO, parse_price(price), size) == parse_usdc(fee)


def test_the_charge_is_cut_to_five_decimals() -> None:
    assert fees.taker_fee_usdc(CRYPTO, 9500, 1_000_000) == 3_320  # exactly 0.003325
    assert fees.taker_fee_usdc(CRYPTO, 9900, 1_000_000) == 690  # exactly 0.000693


def test_less_than_the_smallest_charge_is_free() -> None:
    assert fees.taker_fee_usdc(CRYPTO, 9900, 14_430) == 0
    assert fees.taker_fee_usdc(CRYPTO, 9900, 14_431) == fees.FEE_STEP_USDC


def test_makers_pay_only_where_the_schedule_says_so() -> None:
    size = parse_shares("100")
    assert fees.fill_fee_usdc(CRYPTO, 5000, size, is_maker=True) == 0
    assert fees.fill_fee_usdc(CRYPTO, 5000, size, is_maker=False) == 1_750_000
    both = FeeSchedule(rate_bps=700, taker_only=False)
    assert fees.fill_fee_usdc(both, 5000, size, is_maker=True) == 1_750_000


@given(SCHEDULES, PRICES, st.integers(min_value=0, max_value=10**12))
def test_the_integers_agree_with_exact_decimals(
    schedule: FeeSchedule, price: int, size: int
) -> None:
    p = Decimal(price) / 10_000
    exact = Decimal(size) / 10**6 * Decimal(schedule.rate_bps) / 10_000
    exact *= (p * (1 - p)) ** schedule.exponent
    cut = exact.quantize(Decimal("0.00001"), rounding=ROUND_DOWN)
    assert fees.taker_fee_usdc(schedule, price, size) == cut * 10**6


@given(SCHEDULES, PRICES, BALANCES)
def test_the_affordable_size_fits_and_one_micro_share_more_does_not(
    schedule: FeeSchedule, price: int, balance: int
) -> None:
    size = fees.affordable_shares(schedule, price, balance)
    assert fees.buy_cost_usdc(schedule, price, size) <= balance
    assert fees.buy_cost_usdc(schedule, price, size + 1) > balance


@given(SCHEDULES, PRICES, BALANCES)
def test_the_affordable_budget_fits_and_one_micro_dollar_more_does_not(
    schedule: FeeSchedule, price: int, balance: int
) -> None:
    budget = fees.affordable_budget_usdc(schedule, price, balance)
    assert fees.budget_cost_usdc(schedule, price, budget) <= balance
    assert fees.budget_cost_usdc(schedule, price, budget + 1) > balance


@given(PRICES, st.lists(st.integers(min_value=1, max_value=10**9), min_size=1, max_size=8))
def test_a_buy_in_parts_never_costs_more_than_was_set_aside_for_the_whole(
    price: int, parts: list[int]
) -> None:
    whole = fees.buy_cost_usdc(CRYPTO, price, sum(parts))
    assert sum(fees.buy_cost_usdc(CRYPTO, price, part) for part in parts) <= whole


def test_without_fees_the_whole_balance_is_spent() -> None:
    assert fees.affordable_budget_usdc(NO_FEES, 5000, 7_000_000) == 7_000_000
    assert fees.affordable_shares(NO_FEES, 5000, 0) == 1  # half a micro-dollar rounds to nothing


@pytest.mark.parametrize("price", [0, 10_000])
def test_an_impossible_price_is_refused(price: int) -> None:
    with pytest.raises(InvalidValue, match="expected a price"):
        fees.affordable_shares(CRYPTO, price, 1)
    with pytest.raises(InvalidValue, match="expected a price"):
        fees.affordable_budget_usdc(CRYPTO, price, 1)


def vectors(name: str) -> Any:
    directory = recordings_dir()
    if directory is None:
        pytest.skip("the official test vectors are not on this machine")
    return json.loads((directory / "vectors" / name).read_text(encoding="utf-8"))


@pytest.mark.recordings
def test_the_official_examples_agree_to_the_fifth_decimal() -> None:
    vector = vectors("fees.json")
    cases = vector["official"] + vector["computed_from_live_schedule_0.07_1"]
    assert cases
    for case in cases:
        schedule = FeeSchedule(
            rate_bps=parse_price(str(case["rate"])), exponent=int(case["exponent"])
        )
        fee = fees.taker_fee_usdc(
            schedule, parse_price(str(case["price"])), parse_shares(str(case["shares"]))
        )
        official = Decimal(str(case["fee_usd"])) * 10**6
        assert 0 <= official - fee < fees.FEE_STEP_USDC


@pytest.mark.recordings
def test_the_official_client_shrinks_a_budget_to_the_same_amount() -> None:
    compared = 0
    for case in vectors("amounts_and_utils.json")["functions"]["adjust_market_buy_amount"]:
        args = {name: Decimal(str(value)) for name, value in case["args"].items()}
        if args.get("builder_taker_fee_rate") or args["user_usdc_balance"] > args["amount"]:
            continue
        compared += 1
        schedule = FeeSchedule(
            rate_bps=int(args["fee_rate"] * 10_000), exponent=int(args["fee_exponent"])
        )
        budget = fees.affordable_budget_usdc(
            schedule, int(args["price"] * 10_000), int(args["user_usdc_balance"] * 10**6)
        )
        official = Decimal(str(case["result"])) * 10**6
        # Ours is at most one step of the fee above: the client does not cut fees to 5 decimals.
        assert -2 <= budget - official <= fees.FEE_STEP_USDC
    assert compared
