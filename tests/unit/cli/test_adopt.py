"""Tests of `polybot adopt`."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from polybot.messages.commands import AdoptOrders, OrdersAdopted
from tests.unit.cli.conftest import Command
from tests.unit.cli.peer import Peer

ORDER = "0x" + "a" * 64


def answering(**values: Any) -> dict[str, Callable[[Any], Any]]:
    answer = OrdersAdopted(**({"order_ids": (ORDER,), "detail": "trading is ACTIVE"} | values))
    return {"AdoptOrders": lambda _: answer}


def test_an_order_is_named_to_the_trader_with_the_reason(
    polybot: Command, runtime_dir: Path
) -> None:
    with Peer(runtime_dir, "trader", answering()) as trader:
        result = polybot("adopt", "0xaaaaaa", "--reason", "by hand")
    (asked,) = trader.asked
    assert isinstance(asked, AdoptOrders)
    assert (asked.order_ids, asked.source, asked.reason) == (("0xaaaaaa",), "operator", "by hand")
    assert asked.command_id
    assert result.stdout == f"external  {ORDER}\n1 order adopted; trading is ACTIVE\n"


def test_all_names_none(polybot: Command, runtime_dir: Path) -> None:
    with Peer(runtime_dir, "trader", answering()) as trader:
        polybot("adopt", "--all")
    assert trader.asked[0].order_ids == ()


def test_as_json_the_adopted_orders_are_listed(
    polybot_json: Callable[..., Any], runtime_dir: Path
) -> None:
    with Peer(runtime_dir, "trader", answering()):
        told = polybot_json("adopt", "--all")
    assert told == {"adopted": [ORDER], "detail": "trading is ACTIVE"}


def test_an_order_the_trader_never_saw_ends_with_not_found(
    polybot: Command, runtime_dir: Path
) -> None:
    unknown = answering(order_ids=(), unknown=("0xdead00",), detail="none waits")
    with Peer(runtime_dir, "trader", unknown):
        result = polybot("adopt", "0xdead00", code=2)
    assert "was 0xdead00; none waits" in result.stderr


@pytest.mark.parametrize("arguments", [(), ("0xaaaaaa", "--all")])
def test_neither_or_both_is_wrong_usage(polybot: Command, arguments: tuple[str, ...]) -> None:
    assert "or --all" in polybot("adopt", *arguments, code=2).stderr


def test_without_a_trader_it_says_so_with_its_code(polybot: Command) -> None:
    assert "expected trader to run" in polybot("adopt", "--all", code=3).stderr
