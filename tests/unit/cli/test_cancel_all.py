"""`polybot cancel-all`: through the trader while it runs, else directly; foreign orders stay."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from polybot.messages.commands import CancelOrders, OrdersCanceling
from tests.unit.cli.conftest import Command
from tests.unit.cli.exchange import StubExchange, exchange
from tests.unit.cli.history import LOST, OPEN, ORDER_IDS, WON
from tests.unit.cli.peer import Peer
from tests.unit.cli.test_orders import held, holdings

__all__ = ["exchange"]

OURS = ORDER_IDS[OPEN]
FOREIGN = "0xforeign"


@pytest.fixture
def listed(history: Path, exchange: StubExchange) -> StubExchange:
    """List an order of ours and a foreign one."""
    exchange.add(OURS)
    exchange.add(FOREIGN)
    return exchange


def canceling(runtime_dir: Path, exchange: StubExchange, *extra: str) -> Peer:
    """Return a trader that takes its orders off the exchange's list."""

    def cancel(_: CancelOrders) -> OrdersCanceling:
        for order_id in (OURS, *extra):
            exchange.orders.pop(order_id, None)
        return OrdersCanceling(order_ids=(OURS, *extra))

    return Peer(
        runtime_dir,
        "trader",
        {"GetHoldings": lambda _: holdings(held(OURS)), "CancelOrders": cancel},
    )


def test_without_a_trader_ours_are_canceled_directly_and_foreign_ones_stay(
    polybot: Command, listed: StubExchange
) -> None:
    result = polybot("cancel-all", "--yes")
    assert listed.canceled() == [OURS]
    assert list(listed.orders) == [FOREIGN]
    assert f"gone  {OURS}" in result.stdout
    assert "it will see this when it reconciles" in result.stdout


def test_with_all_wallet_foreign_ones_go_too(polybot: Command, listed: StubExchange) -> None:
    polybot("cancel-all", "--all-wallet", "--yes")
    assert listed.orders == {}


def test_while_the_trader_runs_it_cancels_and_nobody_else_touches_its_orders(
    polybot_json: Callable[..., Any], runtime_dir: Path, listed: StubExchange
) -> None:
    with canceling(runtime_dir, listed, "0xnewer") as peer:
        told = polybot_json("cancel-all", "--yes")
    assert listed.canceled() == []
    assert told["gone"] == [OURS, "0xnewer"]
    assert told["through_trader"] is True
    (command,) = [asked for asked in peer.asked if isinstance(asked, CancelOrders)]
    assert (command.source, command.agent, command.series) == ("operator", "", "")


def test_with_a_trader_foreign_orders_are_canceled_directly(
    polybot: Command, runtime_dir: Path, listed: StubExchange
) -> None:
    with canceling(runtime_dir, listed):
        polybot("cancel-all", "--all-wallet", "--yes")
    assert listed.canceled() == [FOREIGN]


def test_a_trader_that_hangs_is_not_waited_for_for_ever(
    polybot: Command, runtime_dir: Path, listed: StubExchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("polybot.cli.cancel_all.ANSWER_S", 0.2)
    monkeypatch.setattr("polybot.cli.account_view.ANSWER_S", 0.2)
    with Peer(runtime_dir, "trader", {}, silent=True) as peer:
        result = polybot("cancel-all", "--yes")
    assert listed.canceled() == [OURS]
    assert "down or did not answer" in result.stdout
    commands = [asked for asked in peer.asked if isinstance(asked, CancelOrders)]
    assert len({command.command_id for command in commands}) == 1


@pytest.mark.parametrize(
    ("options", "gone"),
    [
        (("--series", "btc-updown-5m"), [OURS]),
        (("--series", "eth-updown-5m"), []),
        (("--agent", "capture"), [OURS]),
        (("--agent", "other"), []),
    ],
)
def test_series_and_agent_choose(
    polybot_json: Callable[..., Any],
    listed: StubExchange,
    options: tuple[str, ...],
    gone: list[str],
) -> None:
    assert polybot_json("cancel-all", *options, "--yes")["gone"] == gone


def test_an_order_that_is_still_listed_in_the_end_is_a_timeout(
    polybot: Command, listed: StubExchange
) -> None:
    listed.stubborn.add(OURS)
    result = polybot("cancel-all", "--yes", "--wait", "0.2", code=5)
    assert f"still open  {OURS}: already canceled or matched" in result.stdout
    assert "still listed; try again" in result.stderr


def test_without_yes_a_script_is_refused_and_nothing_is_canceled(
    polybot: Command, listed: StubExchange
) -> None:
    assert "expected --yes" in polybot("cancel-all", code=6).stderr
    assert listed.canceled() == []


def test_all_wallet_with_a_choice_makes_no_sense(polybot: Command, listed: StubExchange) -> None:
    polybot("cancel-all", "--all-wallet", "--agent", "capture", "--yes", code=2)
    assert listed.canceled() == []


def test_it_works_with_a_broken_configuration(
    polybot: Command, listed: StubExchange, state_dir: Path
) -> None:
    (state_dir.parent / "polybot.toml").write_text("bogus = 1\n")
    result = polybot("cancel-all", "--yes")
    assert listed.canceled() == [OURS]
    assert "bogus" in result.stderr


def test_finished_windows_orders_are_ours_as_well(polybot: Command, listed: StubExchange) -> None:
    listed.add(ORDER_IDS[WON])
    listed.add(ORDER_IDS[LOST])
    polybot("cancel-all", "--yes")
    assert set(listed.canceled()) == {OURS, ORDER_IDS[WON], ORDER_IDS[LOST]}
