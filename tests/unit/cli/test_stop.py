"""Tests of `polybot stop`: what it ends, what it says of orders, and its exit codes."""

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from polybot.cli import stop as command
from polybot.cli.down import Ended
from polybot.cli.left_orders import LeftOrders
from polybot.cli.processes import FloorProcess, floor_processes
from polybot.config.load import load
from polybot.config.locations import Installation
from polybot.runtime.journal_lock import take_lock
from tests.unit.cli.conftest import Command
from tests.unit.cli.exchange import StubExchange, exchange
from tests.unit.cli.history import OPEN, ORDER_IDS
from tests.unit.cli.runner import running, wait_for_floor
from tests.unit.cli.test_down import became, environ_of
from tests.unit.cli.test_up import Execution

__all__ = ["became", "exchange"]

INSTALLED = Installation(root=Path("/etc/polybot"), is_clone=False)


def test_it_tells_a_script_what_was_stopped_and_that_no_order_is_left(
    became: Execution,
    polybot_json: Callable[..., Any],
    tmp_path: Path,
    runtime_dir: Path,
) -> None:
    with running(became.command, environ_of(became, tmp_path), tmp_path / "out"):
        there = wait_for_floor(runtime_dir)
        told = polybot_json("stop")
        assert floor_processes(runtime_dir) == []
    assert sorted(told["stopped"]) == sorted(process.name for process in there)
    assert told["killed"] == []
    assert told["orders"] == {
        "left": [],
        "why": None,
        "canceled": [],
        "foreign": [],
        "problem": None,
    }


def test_a_floor_that_does_not_run_may_still_have_left_orders(
    polybot: Command, live: StubExchange
) -> None:
    live.add(ORDER_IDS[OPEN])
    live.stubborn.add(ORDER_IDS[OPEN])
    out = polybot("stop", code=3).stdout
    assert "1 open order left: trader.exchange_heartbeat is off" in out
    assert ORDER_IDS[OPEN] in out


def test_with_cancel_they_are_canceled(polybot: Command, live: StubExchange) -> None:
    live.add(ORDER_IDS[OPEN])
    live.add("0xforeign")
    out = polybot("stop", "--cancel", code=3).stdout
    assert "1 open order canceled\nno open order of ours is left\n" in out
    assert "1 open order of this wallet is not known here: polybot cancel-all --all-wallet" in out
    assert list(live.orders) == ["0xforeign"]


def test_the_market_is_the_one_the_state_was_traded_on(
    polybot: Command, live: StubExchange, state_dir: Path
) -> None:
    live.add(ORDER_IDS[OPEN])
    (state_dir / "floor").write_text("paper\n")
    error = polybot("stop", "--cancel", code=1).stderr
    assert "the state is of a paper floor, the configuration says live" in error
    assert list(live.orders) == [ORDER_IDS[OPEN]]


@contextmanager
def locked(directory: Path) -> Iterator[None]:
    """Hold the lock of a process's directory, as one that would not end does."""
    directory.mkdir(exist_ok=True)
    lock = take_lock(directory)
    try:
        yield
    finally:
        os.close(lock)


def test_what_would_not_end_does_not_keep_the_orders_from_being_canceled(
    polybot: Command, live: StubExchange, state_dir: Path
) -> None:
    live.add(ORDER_IDS[OPEN])
    with locked(state_dir / "tracker"):
        done = polybot("stop", "--cancel", code=5)
    assert "1 open order canceled" in done.stdout
    assert "was locked as tracker" in done.stderr
    assert not live.orders


def test_beside_a_trader_that_would_not_end_orders_are_only_told(
    polybot: Command, live: StubExchange, state_dir: Path
) -> None:
    live.add(ORDER_IDS[OPEN])
    with locked(state_dir / "trader"):
        done = polybot("stop", "--cancel", code=5)
    assert "1 open order left: the trader still runs" in done.stdout
    assert list(live.orders) == [ORDER_IDS[OPEN]]


def test_an_exchange_that_is_away_is_an_error(polybot: Command, live: StubExchange) -> None:
    live.server.stop()
    error = polybot("stop", code=1).stderr
    assert "nobody knows whether orders of ours are still open" in error
    assert "polybot orders" in error


def test_with_a_broken_configuration_nobody_knows_the_exchange(
    polybot: Command, state_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("POLYBOT__MODE")
    (state_dir.parent / "polybot.toml").write_text("bogus = 1")
    assert "the configuration has an error (" in polybot("stop", code=1).stderr


def test_a_floor_that_runs_has_told_which_exchange_it_is(
    became: Execution,
    polybot: Command,
    tmp_path: Path,
    runtime_dir: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("POLYBOT__MODE")
    with running(became.command, environ_of(became, tmp_path), tmp_path / "out"):
        wait_for_floor(runtime_dir)
        (tmp_path / "polybot.toml").write_text("bogus = ")
        assert "no open order of ours is left" in polybot("stop").stdout


def test_an_installation_s_own_floor_is_systemd_s(runtime_dir: Path) -> None:
    own = {"POLYBOT__MODE": "synthetic"}
    assert command.is_service_floor(load(own, installation=INSTALLED))
    elsewhere = {**own, "POLYBOT_RUNTIME_DIR": str(runtime_dir)}
    assert not command.is_service_floor(load(elsewhere, installation=INSTALLED))
    assert not command.is_service_floor(load({**os.environ}))


@pytest.mark.parametrize(
    ("left", "code"),
    [
        (LeftOrders(), 0),
        (LeftOrders(order_ids=("0x1",), may_rest=True), 0),
        (LeftOrders(order_ids=("0x1",), may_rest=False), 5),
        (LeftOrders(problem="away"), 1),
    ],
)
def test_the_exit_code_says_what_is_left(left: LeftOrders, code: int) -> None:
    assert left.exit == code


def test_the_document_is_json() -> None:
    ended = Ended(stopped=(FloorProcess(1, "trader"),), took_s=0.12345)
    told = json.loads(json.dumps(command.as_document(ended, LeftOrders(order_ids=("0x1",)))))
    assert (told["stopped"], told["took_s"]) == (["trader"], 0.123)
    assert told["orders"]["left"] == ["0x1"]


@pytest.fixture
def live(history: Path, exchange: StubExchange, monkeypatch: pytest.MonkeyPatch) -> StubExchange:
    """Set live mode up against an exchange of the test, without the dead man's switch."""
    del history
    for name, value in {
        "MODE": "live",
        "TRADER__EXCHANGE_HEARTBEAT": "false",
        **dict.fromkeys(
            (f"EXCHANGE__WS_{name}_URL" for name in ("MARKET", "USER")), "ws://127.0.0.1:9"
        ),
    }.items():
        monkeypatch.setenv(f"POLYBOT__{name}", value)
    return exchange
