"""Numbers are written as the exchange writes them."""

import pytest

from polybot.domain.money import format_price, format_shares
from polybot.simulator.views.wire_text import (
    amount_text,
    milliseconds_text,
    price_text,
    seconds_text,
)


@pytest.mark.parametrize("amount", [0, 1, 10_000, 1_000_000, 5_200_000, 15_310_000, 8_196_720])
def test_amounts_have_no_needless_zeros(amount: int) -> None:
    assert amount_text(amount) == format_shares(amount)


@pytest.mark.parametrize("price", [1, 10, 100, 5000, 9990, 10_000])
def test_prices_too(price: int) -> None:
    assert price_text(price) == format_price(price)


def test_times_are_whole_seconds_or_milliseconds() -> None:
    assert seconds_text(1_999_999_999) == "1"
    assert milliseconds_text(1_999_999_999) == "1999"
