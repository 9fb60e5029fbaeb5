"""Tests of which orders a stopped floor leaves, and what is done about them."""

import shutil
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from polybot.adapters.arming_files import PendingOrderFile
from polybot.cli import left_orders as module
from polybot.cli.left_orders import LeftOrders, cancel_before, left_orders
from polybot.config.load import LoadedConfig, load
from polybot.messages.trading import OrderSubmitted
from tests.unit.cli.exchange import StubExchange, exchange
from tests.unit.cli.history import OPEN, ORDER_IDS, order, store_more
from tests.unit.cli.test_cancel_all import canceling, listed
from tests.unit.cli.test_stop import live

__all__ = ["exchange", "listed", "live"]

OURS = ORDER_IDS[OPEN]
Look = Callable[..., LeftOrders]


def look(
    loaded: LoadedConfig, *, cancel: bool = False, waits: list[str] | None = None
) -> LeftOrders:
    said: list[str] = [] if waits is None else waits
    before = cancel_before(loaded) if cancel else LeftOrders()
    return left_orders(loaded, before, cancel=cancel, waits=said.append)


def test_a_simulated_exchange_stands_still_with_its_orders(
    history: Path, add_open_order: Callable[[], str]
) -> None:
    del history
    order_id = add_open_order()
    found = look(load(join_floor=True))
    assert found.order_ids == (order_id,)
    assert found.exit == 0
    assert "stands still with the floor" in found.why


def test_an_order_that_was_to_be_canceled_there_and_is_left_is_told(
    history: Path, add_open_order: Callable[[], str], exchange: StubExchange
) -> None:
    del history, exchange
    order_id = add_open_order()
    found = look(load(join_floor=True), cancel=True)
    assert (found.order_ids, found.exit) == ((order_id,), 5)


def test_before_the_end_the_trader_of_a_simulated_floor_cancels(
    runtime_dir: Path, listed: StubExchange
) -> None:
    with canceling(runtime_dir, listed):
        assert cancel_before(load(join_floor=True)).canceled == (OURS,)


def test_what_went_wrong_before_the_end_does_not_keep_the_floor_from_ending(
    history: Path, add_open_order: Callable[[], str]
) -> None:
    del history
    before = cancel_before(load(join_floor=True))
    assert "expected API credentials" in before.problem
    add_open_order()
    assert look(load(join_floor=True), cancel=True).exit == 1


def test_the_dead_man_s_switch_is_given_its_time(
    live: StubExchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POLYBOT__TRADER__EXCHANGE_HEARTBEAT", "true")
    monkeypatch.setattr(module, "POLL_S", 0.01)
    live.add(OURS)
    said: list[str] = []

    def waits(text: str) -> None:
        said.append(text)
        # The exchange does it while it is waited for.
        live.orders.clear()

    found = left_orders(
        load(join_floor=True, keyless=True), LeftOrders(), cancel=False, waits=waits
    )
    assert (found.order_ids, found.exit) == ((), 0)
    assert len(said) == 1


def test_an_order_that_outlives_the_switch_is_an_error(
    live: StubExchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POLYBOT__TRADER__EXCHANGE_HEARTBEAT", "true")
    monkeypatch.setattr(module, "DEAD_MAN_S", 0.05)
    monkeypatch.setattr(module, "POLL_S", 0.01)
    live.add(OURS)
    found = look(load(join_floor=True, keyless=True))
    assert (found.order_ids, found.exit) == ((OURS,), 5)
    assert "polybot cancel-all" in found.why


def test_without_a_login_nobody_knows_of_a_floor_that_traded(
    live: StubExchange, state_dir: Path
) -> None:
    live.add(OURS)
    (state_dir / "wallet" / "credentials.json").unlink()
    (state_dir / "trader").mkdir(exist_ok=True)
    (state_dir / "trader" / "journal-0000000000000001.log").touch()
    found = look(load(join_floor=True, keyless=True))
    assert (found.problem, found.exit) == ("no API credentials here: polybot init", 1)


def test_without_a_login_an_open_order_of_the_database_is_one_too(
    live: StubExchange, state_dir: Path, add_open_order: Callable[[], str]
) -> None:
    del live
    add_open_order()
    (state_dir / "wallet" / "credentials.json").unlink()
    shutil.rmtree(state_dir / "trader", ignore_errors=True)
    assert look(load(join_floor=True, keyless=True)).exit == 1


def test_without_a_login_where_nothing_was_ordered_there_is_nothing_of_ours(
    live: StubExchange, state_dir: Path
) -> None:
    live.add(OURS)
    for each in state_dir.iterdir():
        shutil.rmtree(each) if each.is_dir() else each.unlink()
    assert look(load(join_floor=True, keyless=True)) == LeftOrders()


def test_orders_that_nothing_here_knows_are_told_and_the_doctor_s_are_ours(
    live: StubExchange, state_dir: Path
) -> None:
    doctors, stranger = "0x" + "ab" * 32, "0x" + "cd" * 32
    PendingOrderFile(state_dir).write(doctors)
    live.add(doctors)
    live.add(stranger)
    found = look(load(join_floor=True, keyless=True))
    assert (found.order_ids, found.foreign) == ((doctors,), (stranger,))
    found = look(load(join_floor=True, keyless=True), cancel=True)
    assert (found.canceled, found.order_ids, found.foreign) == ((doctors,), (), (stranger,))


def test_beside_a_trader_that_would_not_end_nothing_is_canceled_or_waited_for(
    live: StubExchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POLYBOT__TRADER__EXCHANGE_HEARTBEAT", "true")
    live.add(OURS)
    said: list[str] = []
    found = left_orders(
        load(join_floor=True, keyless=True),
        LeftOrders(),
        cancel=True,
        waits=said.append,
        trader_runs=True,
    )
    assert (found.order_ids, found.canceled, found.exit, said) == ((OURS,), (), 5, [])
    assert found.why == "the trader still runs"
    assert list(live.orders) == [OURS]


@pytest.fixture
def add_open_order(state_dir: Path) -> Callable[[], str]:
    """Return a function that stores an order which was sent and is open."""

    def add() -> str:
        open_order = msgspec.structs.replace(order(OPEN), venue_order_id="0x" + "dd" * 32)
        said = OrderSubmitted(order=open_order, decision_id="d", body="{}")
        store_more(state_dir / "tracker" / "ledger.sqlite", "trader", said)
        return open_order.venue_order_id

    return add
