from decimal import Decimal

import pytest

from polybot.errors import InvalidValue
from polybot.exchange.reference_scale import milliseconds_ns, reference_e8


@pytest.mark.parametrize(
    ("full_accuracy", "value", "expected"),
    [
        ("71485.23965784832", Decimal(1), 7_148_523_965_785),
        # As recorded: dollars times 1e18.
        ("76211800165600190000000", Decimal("76211.80016560019"), 7_621_180_016_560),
        ("500000000000000000", None, 50_000_000),
        ("61164", None, 6_116_400_000_000),
        ("", Decimal("61164.12"), 6_116_412_000_000),
        ("", None, None),
    ],
)
def test_both_scales_of_a_price_are_read(
    full_accuracy: str, value: Decimal | None, expected: int | None
) -> None:
    assert reference_e8(full_accuracy, value) == expected


@pytest.mark.parametrize("text", ["dear", "0", "-5", "NaN", "Infinity", "0.000000001"])
def test_what_is_no_price_is_refused(text: str) -> None:
    with pytest.raises(InvalidValue):
        reference_e8(text, None)


def test_times_are_milliseconds_as_number_or_text() -> None:
    assert milliseconds_ns(1_500) == milliseconds_ns("1500") == 1_500_000_000
    with pytest.raises(InvalidValue, match="soon"):
        milliseconds_ns("soon")
