"""`polybot positions`: our books beside the exchange's, and the winners that wait."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.unit.adapters.loopback import CLOSE, Told, answer
from tests.unit.cli.conftest import Command
from tests.unit.cli.exchange import StubExchange, exchange
from tests.unit.cli.history import LOST, OPEN, WON, market
from tests.unit.cli.test_flatten import POSITION
from tests.unit.cli.test_orders import holdings, trader

__all__ = ["exchange"]


def holding(slug: str, size: float) -> dict[str, Any]:
    return {"token_id": market(slug).token_up, "current_size": size}


def test_without_a_trader_the_database_tells_what_is_held(
    polybot_json: Callable[..., Any], history: Path, exchange: StubExchange
) -> None:
    exchange.held = [holding(OPEN, 25), holding(WON, 25), holding(LOST, 25)]
    told = polybot_json("positions")
    (position,) = told["positions"]
    assert (position["agent"], position["slug"], position["size"]) == ("capture", OPEN, "25")
    assert (position["cost_usdc"], position["exchange_size"]) == ("23.833125", "25")
    assert position["value_usdc"] is None
    assert told["differences"] == []
    assert told["external"] == []


def test_a_running_trader_adds_what_it_is_worth(
    polybot_json: Callable[..., Any], runtime_dir: Path, exchange: StubExchange
) -> None:
    exchange.held = [{"token_id": "7", "current_size": 25}]
    with trader(runtime_dir, holdings(positions=(POSITION,))):
        (position,) = polybot_json("positions")["positions"]
    assert (position["value_usdc"], position["exchange_size"]) == ("23.75", "25")


def test_a_winner_waits_with_its_age(
    polybot_json: Callable[..., Any], history: Path, exchange: StubExchange
) -> None:
    told = polybot_json("positions")
    (winner,) = told["unredeemed"]
    assert (winner["slug"], winner["payout_usdc"], winner["overdue"]) == (WON, "25", False)
    assert winner["age_s"] > 0
    assert told["unredeemed_usdc"] == "25"


def test_what_differs_and_what_is_not_ours_is_said(
    polybot: Command, history: Path, exchange: StubExchange
) -> None:
    exchange.held = [holding(OPEN, 20), {"token_id": "9" * 70, "current_size": 3}]
    lines = polybot("positions").stdout.splitlines()
    assert f"differs: Up of {OPEN}: our books 25, the exchange 20" in lines
    assert "not ours: 3 of token 999999999999..." in lines


def test_a_phone_shows_every_line_of_what_is_held_whole(
    polybot: Command, history: Path, exchange: StubExchange
) -> None:
    exchange.held = [holding(OPEN, 25), holding(WON, 25)]
    assert max(map(len, polybot("positions").stdout.splitlines())) <= 60


def test_a_data_api_that_fails_leaves_our_side_and_an_error(
    polybot: Command, history: Path, exchange: StubExchange
) -> None:
    exchange.failing["/v2/positions"] = answer({"error": "broken"}, 500)
    result = polybot("positions", code=1)
    assert OPEN in result.stdout
    assert "the exchange's side is missing" in result.stderr


def test_a_data_api_that_is_away_in_a_floor_that_does_not_run(
    polybot: Command, history: Path, exchange: StubExchange
) -> None:
    exchange.failing["/v2/positions"] = Told(then=CLOSE)
    assert "no floor runs here" in polybot("positions", code=3).stderr


def test_an_empty_floor_holds_nothing(polybot: Command, exchange: StubExchange) -> None:
    assert polybot("positions").stdout == "no open position\n"
