import pytest
from hypothesis import given
from hypothesis import strategies as st

from polybot.domain.money import format_price, format_shares
from polybot.errors import InvalidValue
from polybot.exchange.price_ticks import PRICE_BPS, PriceTable, best_price, size_shares


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (".48", 4800),
        ("0.48", 4800),
        ("0.480", 4800),
        ("0.4800", 4800),
        ("0.001", 10),
        ("1", 10_000),
    ],
)
def test_every_spelling_of_a_price_is_the_same_integer(text: str, value: int) -> None:
    assert PRICE_BPS[text] == value


@given(value=st.integers(0, 10_000))
def test_every_price_of_the_grid_reads_back(value: int) -> None:
    assert PRICE_BPS[format_price(value)] == value


@pytest.mark.parametrize("text", ["", "1.1", "-0.1", "half", "NaN"])
def test_what_is_no_price_is_refused_and_not_remembered(text: str) -> None:
    table = PriceTable()
    with pytest.raises(InvalidValue):
        table[text]
    assert not table


def test_a_spelling_is_parsed_once_and_overlong_ones_are_not_kept() -> None:
    table = PriceTable()
    assert [table["0.5"], table["0.5"], table["0.50000000"]] == [5000, 5000, 5000]
    assert dict(table) == {"0.5": 5000}


@pytest.mark.parametrize(
    ("text", "value"),
    [("0.97", 9700), (".03", 300), ("", None), ("0", None), ("1", None), ("1.00", None)],
)
def test_the_best_price_of_an_empty_side_is_none(text: str, value: int | None) -> None:
    assert best_price(text) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("15.31", 15_310_000),
        ("0", 0),
        ("", 0),
        ("10500100", 10_500_100_000_000),
        (".5", 500_000),
        ("8.19672", 8_196_720),
        ("11.034481", 11_034_481),
        ("11.0344815", 11_034_482),
        ("1e2", 100_000_000),
        ("100.", 100_000_000),
    ],
)
def test_a_size_is_read_exactly(text: str, value: int) -> None:
    assert size_shares(text) == value


@given(value=st.integers(0, 10**15))
def test_every_size_reads_back(value: int) -> None:
    assert size_shares(format_shares(value)) == value


@pytest.mark.parametrize("text", ["-1", "much", "1.2.3", "NaN", "Infinity"])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(InvalidValue):
        size_shares(text)
