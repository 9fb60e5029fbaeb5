"""A simulator that is killed keeps every promise it made before."""

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.simulator_process import SimulatorProcess
from tests.integration.trading_client import TradingClient

SHARES = 1_000_000
CENTS = 10_000


@pytest.fixture
def simulator(tmp_path: Path) -> Iterator[SimulatorProcess]:
    process = SimulatorProcess(tmp_path / "state", speed=20.0)
    process.start()
    yield process
    process.stop()


def open_token(simulator: SimulatorProcess) -> str:
    markets = simulator.wait_until(
        "/markets", lambda found: any(market["bestBid"] for market in found)
    )
    market = max(
        (market for market in markets if market["bestBid"]), key=lambda m: str(m["endDate"])
    )
    tokens: list[str] = json.loads(market["clobTokenIds"])
    return tokens[0]


def by_id(rows: list[dict[str, Any]], key: str) -> dict[str, dict[str, Any]]:
    return {row[key]: row for row in rows}


def check_money(books: dict[str, Any]) -> None:
    """Cash and shares are what the executions and payouts add up to."""
    (account,) = books["accounts"]
    cash = account["deposited_usdc"]
    shares: dict[str, int] = {}
    for row in books["executions"]:
        is_buy = row["side"] == "BUY"
        cash += -row["notional_usdc"] if is_buy else row["notional_usdc"]
        cash -= row["fee_usdc"]
        size = row["size_shares"] if is_buy else -row["size_shares"]
        shares[row["token_id"]] = shares.get(row["token_id"], 0) + size
    for window in books["windows"]:
        for payout in window["payouts"]:
            cash += payout["payout_usdc"]
            shares[payout["token_id"]] -= payout["size_shares"]
    assert account["cash_usdc"] == cash
    assert account["shares"] == {token: held for token, held in shares.items() if held}


def test_what_was_answered_before_a_kill_is_there_after_it(simulator: SimulatorProcess) -> None:
    client = TradingClient(simulator.url)
    client.login()
    answered: dict[str, Any] = {}
    newest_ns = 0
    url = simulator.url
    for life in range(4):
        token = open_token(simulator)
        for number in range(3):
            client.spend(token, 9900, (200 + number) * CENTS)
            status, placed = client.limit(token, 100 + 100 * number, 10 * SHARES)
            if status == 200:
                answered[placed["orderID"]] = placed
        before = simulator.fetch("/simulator/ledger")
        newest_ns = max(newest_ns, simulator.fetch("/simulator/time")["market_ns"])
        simulator.kill()
        simulator.start()
        assert simulator.url == url, "it listens where it did before"
        after = simulator.fetch("/simulator/ledger")
        assert after["market_ns"] >= newest_ns
        known = by_id(after["executions"], "trade_id")
        for row in before["executions"]:
            assert {**known[row["trade_id"]], "status": ""} == {**row, "status": ""}
        orders = by_id(after["orders"], "order_id")
        assert set(by_id(before["orders"], "order_id")) <= set(orders)
        assert set(answered) <= set(orders)
        assert set(orders) <= set(client.known), "nobody ordered what is not theirs"
        assert after["accounts"][0]["deposited_usdc"] == 1000 * 1_000_000
        check_money(before)
        check_money(after)
        assert client.call("GET", "/auth/api-keys")[0] == 200, f"life {life}"
    executions = simulator.fetch("/simulator/ledger")["executions"]
    assert len(executions) > 3


def test_a_kill_in_the_middle_of_a_post_leaves_the_order_whole_or_absent(tmp_path: Path) -> None:
    """The delay is long enough that the kill comes while the order is held."""
    simulator = SimulatorProcess(tmp_path / "state", speed=20.0, taker_delay_ms=20_000)
    simulator.start()
    client = TradingClient(simulator.url)
    client.login()
    token = open_token(simulator)
    failures: list[Exception] = []

    def post() -> None:
        try:
            client.spend(token, 9900, 500 * CENTS)
        except OSError as error:
            failures.append(error)

    posting = threading.Thread(target=post)
    posting.start()
    simulator.wait_until("/simulator/ledger", lambda books: len(books["orders"]) == 1)
    simulator.kill()
    posting.join()
    assert failures, "no answer came"
    simulator.start()
    (order_id,) = client.known
    books = simulator.wait_until(
        "/simulator/ledger", lambda books: books["orders"][0]["state"] != "HELD"
    )
    status, order = client.call("GET", f"/data/order/{order_id}")
    assert status == 200
    assert order["status"] in ("MATCHED", "CANCELED", "INVALID")
    check_money(books)
    assert simulator.stop() == 0
