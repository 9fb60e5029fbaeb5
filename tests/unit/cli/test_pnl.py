"""Tests of `polybot pnl`."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.unit.cli.conftest import Command

pytestmark = pytest.mark.usefixtures("history")


def test_each_day_and_agent_has_a_row_and_all_together_a_total(polybot: Command) -> None:
    _, row, total = polybot("pnl").stdout.splitlines()
    assert row.split() == ["2026-04-13", "capture", "2", "2", "1", "1", "$0.17", "-$22.67"]
    assert total == "total -$22.67 after $0.17 of fees, 50.0 % of 2 won"


def test_as_json_amounts_are_decimal_strings(polybot_json: Callable[..., Any]) -> None:
    (row,) = polybot_json("pnl")
    assert (row["pnl_usdc"], row["fees_usdc"], row["win_rate"]) == ("-22.66625", "0.16625", 0.5)


def test_days_are_limited(polybot: Command) -> None:
    assert polybot("pnl", "--days", "0").stdout == "no graded window with a trade yet\n"
