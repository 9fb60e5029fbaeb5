from decimal import InvalidOperation

import pytest

from polybot.recordings.numbers import IntegerTable, RowNumbers, reference_e8


def test_a_number_is_scaled_exactly_from_its_text() -> None:
    sizes = IntegerTable(1_000_000)
    assert [sizes[number] for number in (398, "15.31", "0.000001", "11.0344815", "1e2")] == [
        398_000_000,
        15_310_000,
        1,
        11_034_482,
        100_000_000,
    ]


def test_a_number_that_floats_cannot_hold_stays_exact() -> None:
    assert IntegerTable(1_000_000)["9007199254740993.1"] == 9_007_199_254_740_993_100_000
    assert reference_e8("71485.23965784832") == 7_148_523_965_785
    assert reference_e8(72_000) == 7_200_000_000_000


def test_a_table_forgets_before_it_grows_without_bound() -> None:
    table = IntegerTable(1)
    for number in range(50_001):
        assert table[number] == number
    assert len(table) == 1


@pytest.mark.parametrize("number", ["", "half", "NaN"])
def test_what_is_no_number_is_an_arithmetic_error(number: str) -> None:
    with pytest.raises((InvalidOperation, ValueError)):
        IntegerTable(1)[number]


@pytest.mark.parametrize(
    ("number", "best"), [("0.52", 5200), ("0.999", 9990), (None, None), (0, None), (1, None)]
)
def test_the_best_price_of_an_empty_side_is_none(
    number: int | str | None, best: int | None
) -> None:
    assert RowNumbers().best(number) == best


def test_levels_keep_their_order_and_a_size_of_zero() -> None:
    levels = RowNumbers().levels([("0.52", 398), ("0.5", "5.87"), ("0.49", 0)])
    assert levels == ((5200, 398_000_000), (5000, 5_870_000), (4900, 0))
