"""Fixed-point money is exact both ways and refuses what is no number."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polybot.domain import money
from polybot.errors import InvalidValue


@pytest.mark.parametrize(
    ("text", "bps"),
    [("0.95", 9500), (".5", 5000), ("0.480", 4800), ("1", 10_000), ("0", 0), ("0.0001", 1)],
)
def test_a_price_is_parsed_whatever_its_spelling(text: str, bps: int) -> None:
    assert money.parse_price(text) == bps


@pytest.mark.parametrize("text", ["-0.1", "1.01", "abc", "", "NaN", "Infinity"])
def test_a_price_outside_zero_to_one_or_no_number_is_refused(text: str) -> None:
    with pytest.raises(InvalidValue, match="expected a"):
        money.parse_price(text)


def test_a_size_that_floats_cannot_hold_is_parsed_exactly() -> None:
    # 5.02 x 100 is 501.99999999999994 as a float: the official clients lose 0.01 share there.
    assert money.parse_shares("5.02") == 5_020_000
    assert money.parse_shares("11.034481") == 11_034_481


def test_a_reference_price_keeps_eight_decimals() -> None:
    assert money.parse_reference("71485.23965784832") == 7_148_523_965_785
    assert money.format_reference(7_148_523_965_785) == "71485.23965785"


@given(st.integers(min_value=-(10**15), max_value=10**15))
def test_dollars_survive_writing_and_reading(amount: int) -> None:
    assert money.parse_usdc(money.format_usdc(amount)) == amount
    assert Decimal(money.format_usdc(amount)) * money.DOLLAR_USDC == amount


@given(st.integers(min_value=0, max_value=10_000))
def test_prices_survive_writing_and_reading(price: int) -> None:
    assert money.parse_price(money.format_price(price)) == price


def test_numbers_are_written_as_short_as_possible() -> None:
    assert money.format_usdc(12_500_000) == "12.5"
    assert money.format_usdc(100_000_000) == "100"
    assert money.format_shares(1) == "0.000001"
    assert money.format_price(9500) == "0.95"


def test_notional_is_cut_down_to_the_micro_dollar() -> None:
    assert money.notional_usdc(9500, 25_000_000) == 23_750_000
    assert money.notional_usdc(3333, 1) == 0
    assert money.notional_usdc(9999, 10_001) == 9_999


@given(st.integers(min_value=1, max_value=9999), st.sampled_from([1, 10, 25, 50, 100, 1000]))
def test_ticks_enclose_every_price(price: int, tick: int) -> None:
    low, high = money.floor_to_tick(price, tick), money.ceil_to_tick(price, tick)
    assert low <= price <= high
    assert low % tick == high % tick == 0
    assert high - low in (0, tick)
