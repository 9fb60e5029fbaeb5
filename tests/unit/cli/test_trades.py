"""Tests of `polybot trades`."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.unit.cli.conftest import Command
from tests.unit.cli.history import LOST, OPEN, ORDER_IDS, WON, fill

pytestmark = pytest.mark.usefixtures("history")


def test_fills_are_listed_newest_first_with_their_numbers(polybot: Command) -> None:
    lines = polybot("trades").stdout.splitlines()
    assert [line.split()[2] for line in lines[1:4]] == [OPEN, LOST, WON]
    assert lines[1].split()[3:] == [
        *("capture", "BUY", "Up", "entry", "0.95", "25", "$0.083125", "CONFIRMED"),
        ORDER_IDS[OPEN][:12] + "...",
    ]
    assert lines[4] == "3 trades"


def test_as_json_each_fill_has_the_documented_fields(polybot_json: Callable[..., Any]) -> None:
    newest = polybot_json("trades")[0]
    assert newest | {"trade_id": "", "purpose": "", "is_maker": None} == {
        "ts_ns": fill(OPEN).matched_ns,
        "slug": OPEN,
        "agent": "capture",
        "outcome": "Up",
        "side": "BUY",
        "price": "0.95",
        "size": "25",
        "fee_usdc": "0.083125",
        "status": "CONFIRMED",
        "order_id": ORDER_IDS[OPEN],
        "trade_id": "",
        "purpose": "",
        "is_maker": None,
    }


def test_days_and_rows_are_limited(polybot_json: Callable[..., Any]) -> None:
    assert len(polybot_json("trades", "--limit", "2")) == 2
    assert len(polybot_json("trades", "--days", "0.002")) == 1
