"""`polybot orders`: every open order at the exchange, with its owner, trader or no trader."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from polybot.messages.commands import GetHoldings, HeldOrder, Holdings
from tests.unit.adapters.loopback import CLOSE, Told, answer
from tests.unit.cli.conftest import Command
from tests.unit.cli.exchange import StubExchange, exchange, log_in
from tests.unit.cli.history import NOW_NS, OPEN, ORDER_IDS, SECOND_NS, market
from tests.unit.cli.peer import Peer

__all__ = ["exchange"]

OURS = ORDER_IDS[OPEN]


def holdings(*orders: HeldOrder, **fields: Any) -> Holdings:
    values: dict[str, Any] = {
        "trading_state": "ACTIVE",
        "cash_usdc": 1_000_000_000,
        "reserved_usdc": 0,
        "unredeemed_usdc": 0,
        "positions": (),
        "orders": orders,
    }
    return Holdings(**(values | fields))


def held(order_id: str, **fields: Any) -> HeldOrder:
    values: dict[str, Any] = {
        "order_id": order_id,
        "agent": "fresh",
        "slug": OPEN,
        "outcome": "Up",
        "side": "BUY",
        "order_type": "GTC",
        "status": "ACCEPTED",
        "purpose": "entry",
        "price_bps": 9500,
        "open_shares": 25_000_000,
        "created_ns": 0,
    }
    return HeldOrder(**(values | fields))


def trader(runtime_dir: Path, answered: Holdings) -> Peer:
    def tell(_: GetHoldings) -> Holdings:
        return answered

    return Peer(runtime_dir, "trader", {"GetHoldings": tell})


def test_without_a_trader_the_database_knows_whose_orders_they_are(
    polybot_json: Callable[..., Any], history: Path, exchange: StubExchange
) -> None:
    exchange.add(OURS, created_at=NOW_NS // SECOND_NS - 90)
    exchange.add("0xforeign")
    told = {row["order_id"]: row for row in polybot_json("orders")}
    assert (told[OURS]["ours"], told[OURS]["agent"], told[OURS]["slug"]) == (True, "capture", OPEN)
    assert (told[OURS]["price"], told[OURS]["size"], told[OURS]["size_matched"]) == (
        "0.95",
        "25",
        "5",
    )
    assert (told["0xforeign"]["ours"], told["0xforeign"]["agent"]) == (False, None)


def test_the_age_is_market_time(
    polybot_json: Callable[..., Any], history: Path, exchange: StubExchange
) -> None:
    newest_ns = market(OPEN).close_ns - 117 * SECOND_NS
    exchange.add(OURS, created_at=str(newest_ns // SECOND_NS - 90))
    (row,) = polybot_json("orders")
    assert row["age_s"] == 90


def test_the_trader_s_newest_orders_are_ours_before_the_database_has_them(
    polybot_json: Callable[..., Any], runtime_dir: Path, exchange: StubExchange
) -> None:
    exchange.add("0xnew")
    with trader(runtime_dir, holdings(held("0xnew"))):
        (row,) = polybot_json("orders")
    assert (row["ours"], row["agent"]) == (True, "fresh")


def test_an_order_of_unknown_fate_is_named(
    polybot: Command, runtime_dir: Path, exchange: StubExchange
) -> None:
    with trader(runtime_dir, holdings(held("0xlost", status="UNKNOWN"))):
        result = polybot("orders")
    assert "nobody knows yet whether 0xlost reached the exchange" in result.stderr


def test_a_phone_shows_every_line_whole(
    polybot: Command, history: Path, exchange: StubExchange
) -> None:
    exchange.add(OURS)
    exchange.add("0x" + "ab" * 32)
    lines = polybot("orders").stdout.splitlines()
    assert max(map(len, lines)) <= 60
    assert lines[-1] == "2 open orders, 1 foreign"
    assert any("foreign: not signed by this floor" in line for line in lines)


def test_without_credentials_and_floor_it_says_how_to_start(
    polybot: Command, state_dir: Path, exchange: StubExchange
) -> None:
    (state_dir / "wallet" / "credentials.json").unlink()
    error = polybot("orders", code=3).stderr
    assert "expected API credentials" in error
    assert "polybot up" in error


def test_damaged_credentials_are_a_configuration_error(
    polybot: Command, state_dir: Path, exchange: StubExchange
) -> None:
    (state_dir / "wallet" / "credentials.json").write_text("{")
    assert "was unreadable" in polybot("orders", code=4).stderr


def test_an_exchange_that_is_away_in_a_floor_that_does_not_run(
    polybot: Command, exchange: StubExchange
) -> None:
    exchange.failing["/data/orders"] = Told(then=CLOSE)
    assert "no floor runs here" in polybot("orders", code=3).stderr


def test_refused_credentials_are_an_error_of_their_own(
    polybot: Command, exchange: StubExchange
) -> None:
    exchange.failing["/data/orders"] = answer({"error": "Unauthorized/Invalid api key"}, 401)
    assert "Unauthorized" in polybot("orders", code=1).stderr


def test_without_a_simulator_s_address_it_says_so(polybot: Command, state_dir: Path) -> None:
    log_in(state_dir)
    assert "expected clob_url of an exchange, was none" in polybot("orders", code=3).stderr
