"""The official py-clob-client works against the simulator: keys, reads and cancels.

Its own orders are of the first protocol version, which production has refused since April 2026; the
simulator refuses them in the same words.
"""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from py_clob_client.client import ClobClient
from py_clob_client.clob_types import (
    AssetType,
    BalanceAllowanceParams,
    BookParams,
    OpenOrderParams,
    OrderArgs,
    TradeParams,
)
from py_clob_client.exceptions import PolyApiException

from polybot.exchange.amounts import OrderRules, limit_amounts
from polybot.exchange.contracts import CTF_DOMAIN
from polybot.exchange.order_hash import UnsignedOrder, WireSide
from polybot.exchange.signing import OrderSigner
from polybot.exchange.wire_codec import encode
from polybot.exchange.wire_orders import order_body
from tests.integration.simulator_process import SimulatorProcess

KEY = "0x" + "11" * 32
CHAIN_ID = 137
SHARES = 1_000_000


class OwnOrder:
    """An order of today's version, carried by the client: it only calls `.dict()` on it."""

    def __init__(self, token_id: str, price_bps: int, size: int, salt: int) -> None:
        signer = OrderSigner(KEY)
        amounts = limit_amounts(WireSide.BUY, price_bps, size, OrderRules(100))
        unsigned = UnsignedOrder(
            salt=salt,
            maker=signer.address,
            signer=signer.address,
            token_id=int(token_id),
            maker_amount=amounts.maker,
            taker_amount=amounts.taker,
            side=WireSide.BUY,
            timestamp_ms=1_795_000_000_000,
        )
        self.signed = signer.sign_order(unsigned, CTF_DOMAIN)

    def dict(self) -> dict[str, Any]:
        body: dict[str, Any] = json.loads(encode(order_body(self.signed)))
        return body


@pytest.fixture(scope="module")
def simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimulatorProcess]:
    # Slow enough that one window is open during the whole test.
    process = SimulatorProcess(tmp_path_factory.mktemp("simulator"), speed=2.0)
    process.start()
    yield process
    process.stop()


@pytest.fixture(scope="module")
def client(simulator: SimulatorProcess) -> ClobClient:
    bare = ClobClient(simulator.url, chain_id=CHAIN_ID, key=KEY)
    bare.set_api_creds(bare.create_or_derive_api_creds())
    return bare


@pytest.fixture(scope="module")
def market(simulator: SimulatorProcess) -> dict[str, Any]:
    """Return the window that closes last, once it has a book."""
    open_ones = simulator.wait_until(
        "/markets", lambda markets: any(market["bestBid"] for market in markets)
    )
    found = [market for market in open_ones if market["bestBid"]]
    return max(found, key=lambda market: str(market["endDate"]))


def tokens(market: dict[str, Any]) -> list[str]:
    ids: list[str] = json.loads(market["clobTokenIds"])
    return ids


def held(token_id: str) -> BalanceAllowanceParams:
    return BalanceAllowanceParams(asset_type=AssetType.CONDITIONAL, token_id=token_id)


def test_keys_are_created_then_derived(simulator: SimulatorProcess, client: ClobClient) -> None:
    again = ClobClient(simulator.url, chain_id=CHAIN_ID, key=KEY)
    with pytest.raises(PolyApiException) as refused:
        again.create_api_key()
    assert refused.value.status_code == 400
    assert again.derive_api_key() == client.creds
    assert client.get_api_keys() == {"apiKeys": [client.creds.api_key]}
    assert client.get_closed_only_mode() == {"closed_only": False}


def test_public_reads(client: ClobClient, market: dict[str, Any]) -> None:
    up, down = tokens(market)
    assert client.get_ok() == "OK"
    assert isinstance(client.get_server_time(), int)
    assert client.get_tick_size(up) == "0.01"
    assert client.get_neg_risk(up) is False
    assert client.get_fee_rate_bps(up) == 1000
    book = client.get_order_book(up)
    assert client.get_order_book_hash(book) == book.hash
    assert float(book.bids[-1].price) == max(float(level.price) for level in book.bids)
    both = client.get_order_books([BookParams(token_id=up), BookParams(token_id=down)])
    assert [each.asset_id for each in both] == [up, down]
    bid = float(client.get_price(up, "BUY")["price"])
    ask = float(client.get_price(up, "SELL")["price"])
    assert 0 < bid < ask < 1
    assert float(client.get_midpoint(up)["mid"]) == pytest.approx((bid + ask) / 2, abs=0.05)
    assert float(client.get_spread(up)["spread"]) > 0
    assert set(client.get_last_trade_price(up)) == {"price", "side"}
    assert client.get_market(market["conditionId"])["tokens"][0]["token_id"] == up


def test_balances_orders_trades_and_cancels(
    simulator: SimulatorProcess, client: ClobClient, market: dict[str, Any]
) -> None:
    up, _ = tokens(market)
    cash = client.get_balance_allowance(BalanceAllowanceParams(asset_type=AssetType.COLLATERAL))
    assert cash["balance"] == "1000000000"
    client.update_balance_allowance(BalanceAllowanceParams(asset_type=AssetType.COLLATERAL))
    placed = []
    for salt in range(4):
        order = OwnOrder(up, 100, 10 * SHARES, salt)
        answer = client.post_order(order)
        assert answer["orderID"] == order.signed.order_id
        assert answer["status"] == "live"
        placed.append(answer["orderID"])
    listed = client.get_orders(OpenOrderParams(market=market["conditionId"]))
    assert [row["id"] for row in listed] == placed
    assert client.get_order(placed[0])["status"] == "LIVE"
    assert client.cancel(placed[0]) == {"canceled": [placed[0]], "not_canceled": {}}
    assert client.cancel_orders([placed[1], "0x1"])["not_canceled"] == {"0x1": "order not found"}
    assert client.cancel_market_orders(asset_id=up)["canceled"] == placed[2:]
    assert client.cancel_all() == {"canceled": [], "not_canceled": {}}
    assert client.get_order(placed[0])["status"] == "CANCELED"
    taken = OwnOrder(up, 9900, 5 * SHARES, 99)
    answer = client.post_order(taken)
    assert (answer["status"], answer["takingAmount"]) == ("matched", "5")
    trades = client.get_trades(TradeParams(market=market["conditionId"]))
    assert {trade["id"] for trade in trades} == set(answer["tradeIDs"])
    books = simulator.fetch("/simulator/ledger")
    assert {row["trade_id"] for row in books["executions"]} == set(answer["tradeIDs"])
    # The balance has them once the trade is mined.
    end = time.monotonic() + 20
    while client.get_balance_allowance(held(up))["balance"] != str(5 * SHARES):
        assert time.monotonic() < end, client.get_balance_allowance(held(up))
        time.sleep(0.05)


def test_heartbeats_chain(client: ClobClient) -> None:
    first = client.post_heartbeat("")
    assert client.post_heartbeat(first["heartbeat_id"])["heartbeat_id"]
    with pytest.raises(PolyApiException) as refused:
        client.post_heartbeat("wrong")
    assert refused.value.status_code == 400


def test_its_own_order_is_of_a_version_that_is_gone(
    client: ClobClient, market: dict[str, Any]
) -> None:
    up, _ = tokens(market)
    order = client.create_order(OrderArgs(token_id=up, price=0.01, size=10, side="BUY"))
    with pytest.raises(PolyApiException) as refused:
        client.post_order(order)
    assert refused.value.status_code == 400
    assert refused.value.error_msg == {"error": "order_version_mismatch"}


def test_the_journal_was_written(simulator: SimulatorProcess) -> None:
    journal = Path(simulator.state_dir) / "exchange"
    assert list(journal.glob("journal-*.log"))
