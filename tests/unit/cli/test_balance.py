"""`polybot balance`: the wallet's dollars in the exchange's words and in ours."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.unit.adapters.loopback import CLOSE, Told
from tests.unit.cli.conftest import Command
from tests.unit.cli.exchange import FUNDER, StubExchange, exchange
from tests.unit.cli.test_orders import holdings, trader

__all__ = ["exchange"]


def test_cash_allowance_and_how_long_it_lasts(
    polybot_json: Callable[..., Any], history: Path, exchange: StubExchange
) -> None:
    told = polybot_json("balance")
    assert (told["funder"], told["cash_usdc"], told["free_usdc"]) == (FUNDER, "1000", "1000")
    assert told["unredeemed_usdc"] == "25"
    # Two windows with trades, $23.75 each.
    assert told["window_cost_usdc"] == {"capture": "23.75"}
    assert told["windows_left"] == 42


def test_what_the_trader_s_orders_reserve_is_not_free(
    polybot_json: Callable[..., Any], runtime_dir: Path, exchange: StubExchange
) -> None:
    with trader(runtime_dir, holdings(reserved_usdc=400_000_000)):
        told = polybot_json("balance")
    assert (told["reserved_usdc"], told["free_usdc"]) == ("400", "600")
    assert told["windows_left"] is None


def test_a_phone_shows_every_line_whole(
    polybot: Command, history: Path, exchange: StubExchange
) -> None:
    lines = polybot("balance").stdout.splitlines()
    assert max(map(len, lines)) <= 60
    assert "allowance   unlimited to 1 contract" in lines
    assert "lasts       42 windows" in lines


def test_a_wallet_without_allowance_is_told_what_that_means(
    polybot: Command, exchange: StubExchange
) -> None:
    exchange.allowances = {}
    assert "nothing can be bought" in polybot("balance").stdout


def test_an_exchange_that_is_away_in_a_floor_that_does_not_run(
    polybot: Command, exchange: StubExchange
) -> None:
    exchange.failing["/balance-allowance"] = Told(then=CLOSE)
    assert "no floor runs here" in polybot("balance", code=3).stderr
