"""Parameters are read with every problem named at once, and shown with their ranges."""

from decimal import Decimal
from typing import Annotated

import msgspec
import pytest

from polybot.strategies.parameters import (
    ParameterDoc,
    bounded,
    chosen,
    described,
    document,
    nearest,
    read_parameters,
)


class Sample(msgspec.Struct, frozen=True, kw_only=True):
    price: Annotated[Decimal, bounded("0.01", "0.99", "a price")] = Decimal("0.5")
    count: Annotated[int, bounded(1, 5, "a count")] = 2
    style: Annotated[str, chosen(("slow", "fast"), "a style")] = "slow"
    lock: Annotated[bool, described("a switch")] = True


def test_values_of_a_file_and_of_an_environment_both_do() -> None:
    from_file, problems = read_parameters(Sample, {"price": 0.95, "count": 3, "lock": False})
    assert problems == []
    assert from_file == Sample(price=Decimal("0.95"), count=3, lock=False)
    from_environment, problems = read_parameters(
        Sample, {"price": "0.95", "count": "3", "lock": "false"}
    )
    assert problems == []
    assert from_environment == from_file


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"price": 1}, "price: expected 0.01 to 0.99, was 1"),
        ({"price": "nan"}, "price: expected 0.01 to 0.99, was NaN"),
        ({"price": "inf"}, "price: expected 0.01 to 0.99, was Infinity"),
        ({"count": 6}, "count: expected 1 to 5, was 6"),
        ({"style": "quick"}, "style: expected one of slow, fast, was 'quick'"),
        ({"prise": 1}, "prise: expected a known parameter, the nearest is price"),
    ],
)
def test_a_bad_value_is_named_with_its_range(values: dict[str, object], problem: str) -> None:
    parameters, problems = read_parameters(Sample, values)
    assert problems == [problem]
    assert parameters == Sample()


def test_a_wrong_type_says_what_was_expected_and_what_was() -> None:
    _, problems = read_parameters(Sample, {"count": "many", "lock": 7})
    assert len(problems) == 2
    assert problems[0].startswith("count: expected int of 1 to 5, was 'many'")
    assert problems[1].startswith("lock: expected bool, was 7")


@pytest.mark.parametrize("price", ["0.01", "0.99"])
def test_both_ends_of_a_range_belong_to_it(price: str) -> None:
    assert read_parameters(Sample, {"price": price})[1] == []


def test_all_problems_are_reported_together() -> None:
    _, problems = read_parameters(Sample, {"price": 2, "count": 9, "speed": 1})
    assert len(problems) == 3


def test_every_parameter_is_documented() -> None:
    assert document(Sample) == (
        ParameterDoc("price", "Decimal", "0.5", "0.01", "0.99", (), "a price"),
        ParameterDoc("count", "int", "2", "1", "5", (), "a count"),
        ParameterDoc("style", "str", "slow", "", "", ("slow", "fast"), "a style"),
        ParameterDoc("lock", "bool", "true", "", "", (), "a switch"),
    )


def test_the_nearest_of_nothing_is_nothing() -> None:
    assert nearest("price", ()) == ""
