"""polymarket-client 0.14.0, its async secure client, trades and listens on the simulator."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from polybot.exchange import error_texts as texts
from polybot.exchange.signing import OrderSigner
from polybot.exchange.wallet_addresses import deposit_wallet, first_deposit_wallet
from tests.clients.environments import POLYMARKET_CLIENT, official_client
from tests.clients.stand import ADDRESS, KEY, Seen, open_market, simulator, tokens
from tests.http_stub import StubServer
from tests.integration.simulator_process import SimulatorProcess

TRADED = ("fak", "fok", "crossing limit", "sell")


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimulatorProcess]:
    official_client(POLYMARKET_CLIENT)
    with simulator(tmp_path_factory.mktemp("simulator")) as process:
        yield process


@pytest.fixture(scope="module")
def relayer() -> Iterator[StubServer]:
    """Say of every wallet that it is deployed; the client asks before it trades with one."""
    server = StubServer(lambda _: (200, {"deployed": True}))
    yield server
    server.close()


def scenario(running: SimulatorProcess, **more: Any) -> Seen:
    market = open_market(running)
    given = {
        "urls": running.urls,
        "key": KEY,
        "condition": market["conditionId"],
        "up": tokens(market)[0],
        "is_protocol": market["version"] == "v2",
        **more,
    }
    return Seen(official_client(POLYMARKET_CLIENT).run("trade", given))


@pytest.fixture(scope="module")
def seen(running: SimulatorProcess) -> Seen:
    """Run the scenario with the key's own address as the wallet."""
    return scenario(running, wallet=ADDRESS)


def error_of(refused: dict[str, Any]) -> str:
    assert (refused["type"], refused["status"]) == ("RequestRejectedError", 400)
    text: str = refused["text"]
    return text


def test_the_client_logs_in_and_knows_its_wallet(seen: Seen) -> None:
    assert seen["create"]
    assert seen["wallet"] == [ADDRESS, "EOA", ADDRESS]
    assert len(seen["fetch_api_keys"]) == 1
    assert seen["get_closed_only_mode"] is False
    assert seen["get_notifications"] == []


def test_public_reads_are_parsed(seen: Seen) -> None:
    book = seen["get_order_book"]
    bid, ask = float(book["bids"][-1]["price"]), float(book["asks"][-1]["price"])
    assert 0 < bid < ask < 1
    assert 0 < float(seen["get_midpoint"]) < 1
    assert 0 < float(seen["get_price"]) < 1
    assert float(seen["get_spread"]) > 0


def test_a_limit_order_rests_and_is_listed(seen: Seen) -> None:
    assert (seen["limit"]["ok"], seen["limit"]["status"]) == (True, "live")
    (listed,) = seen["list_open_orders"]
    assert listed == seen["get_order"]
    shown = (listed["id"], listed["status"], listed["price"], listed["original_size"])
    assert shown == (seen["limit"]["order_id"], "LIVE", "0.01", "10")


def test_orders_are_refused_in_the_words_of_the_exchange(seen: Seen) -> None:
    assert seen["post only"]["status"] == "live"
    assert error_of(seen.refusal("post only that crosses")) == texts.POST_ONLY_CROSSES
    assert "Size (4.99) lower than the minimum: 5" in error_of(seen.refusal("too small"))
    assert error_of(seen.refusal("fok too large")) == texts.FOK_NOT_FILLED
    assert error_of(seen.refusal("fak without match")) == texts.FAK_NO_MATCH


def test_a_batch_is_answered_row_by_row(seen: Seen) -> None:
    first, small, last = seen["post_orders"]
    assert (first["ok"], last["ok"]) == (True, True)
    assert small["ok"] is False
    assert "Size (4) lower than the minimum: 5" in small["message"]


def test_orders_are_canceled_one_by_one_in_numbers_by_market_and_all(seen: Seen) -> None:
    one = seen["limit"]["order_id"]
    assert seen["cancel_order"] == {"canceled": [one], "not_canceled": {}}
    assert seen["cancel_order again"]["not_canceled"] == {one: texts.ALREADY_CANCELED_OR_MATCHED}
    many = [seen[f"for cancel_orders {number}"]["order_id"] for number in (1, 2)]
    assert seen["cancel_orders"]["canceled"] == many
    batch = [row["order_id"] for row in seen["post_orders"] if row["ok"]]
    rested = [seen[name]["order_id"] for name in ("post only", "for cancel_market_orders")]
    assert set(seen["cancel_market_orders"]["canceled"]) == {*batch, *rested}
    assert seen["cancel_all"]["canceled"] == [seen["for cancel_all"]["order_id"]]


def test_orders_that_trade_are_settled_and_listed(seen: Seen) -> None:
    for name in TRADED:
        assert (seen[name]["ok"], seen[name]["status"]) == (True, "matched")
        assert seen[name]["trade_ids"]
    (transaction,) = seen["settlement"]
    assert len(transaction) == 66
    bought = {trade for name in TRADED[:3] for trade in seen[name]["trade_ids"]}
    assert {trade["id"] for trade in seen["list_account_trades"]} == bought
    assert 4.99 < float(seen["fak"]["making_amount"]) <= 5
    assert seen["crossing limit"]["taking_amount"] == "5"
    last = seen["get_last_trade_price"]
    assert 0 < float(last["price"]) < 1
    assert last["side"] in ("BUY", "SELL")


def test_money_and_shares_are_the_exchanges_own(running: SimulatorProcess, seen: Seen) -> None:
    sold = seen["shares"]["balance"] - seen["shares after"]["balance"]
    assert sold == float(seen["sell"]["making_amount"]) * 1_000_000
    assert 900_000_000 < seen["cash"]["balance"] < 1_000_000_000
    books = running.fetch("/simulator/ledger")
    account = next(row for row in books["accounts"] if row["address"] == ADDRESS)
    assert account["deposited_usdc"] == 1_000_000_000


def test_the_market_stream_begins_with_the_book(seen: Seen) -> None:
    first, *later = seen["market stream"]
    assert first["event"] == "MarketBookEvent"
    assert float(first["bids"][-1]["price"]) < float(first["asks"][-1]["price"])
    assert {event["event"] for event in later} <= {
        "MarketBookEvent",
        "MarketPriceChangeEvent",
        "MarketLastTradePriceEvent",
        "MarketTickSizeChangeEvent",
    }


@pytest.mark.parametrize(
    ("name", "kind"), [("twap stream", "CryptoTwapPrice"), ("price stream", "CryptoPrice")]
)
def test_price_streams_begin_with_two_minutes_of_history(seen: Seen, name: str, kind: str) -> None:
    history, *live = seen[name]
    assert history["event"] == f"{kind}SnapshotEvent"
    assert len(history["data"]) > 60
    assert [event["event"] for event in live] == [f"{kind}UpdateEvent"] * 2
    assert [event["seq"] for event in (history, *live)] == [1, 2, 3]
    assert all(60_000 < float(event["value"]) < 80_000 for event in live)


def test_the_user_stream_tells_orders_and_every_status_of_a_trade(seen: Seen) -> None:
    heard = seen["user stream"]
    orders = [event for event in heard if event["event"] == "UserOrderEvent"]
    resting = seen["streamed limit"]["order_id"]
    told = [event["order_event_type"] for event in orders if event["id"] == resting]
    assert told == ["PLACEMENT", "CANCELLATION"]
    trades = [event for event in heard if event["event"] == "UserTradeEvent"]
    (trade,) = seen["streamed fak"]["trade_ids"]
    statuses = [event["status"] for event in trades if event["id"] == trade]
    assert statuses == ["MATCHED", "MINED", "CONFIRMED"]


def test_heartbeats_chain(seen: Seen) -> None:
    assert seen["heartbeat"]["heartbeat_id"]
    refused = seen.refusal("heartbeat wrong")
    assert refused["type"] == "OrderHeartbeatMismatchError"
    assert refused["heartbeat_id"] == seen["heartbeat chained"]["heartbeat_id"]


@pytest.mark.parametrize("derive", [deposit_wallet, first_deposit_wallet])
def test_a_deposit_wallet_trades_and_listens(
    running: SimulatorProcess, relayer: StubServer, derive: Any
) -> None:
    key = f"0x{5 + (derive is deposit_wallet):064x}"
    address = OrderSigner(key).address
    wallet = derive(address)
    seen = scenario(running, key=key, wallet=wallet, relayer_url=relayer.url)
    assert seen["wallet"] == [wallet, "DEPOSIT_WALLET", address]
    assert seen["get_order"]["maker_address"] == wallet
    for name in TRADED:
        assert seen[name]["status"] == "matched"
    assert seen["cancel_all"]["canceled"] == [seen["for cancel_all"]["order_id"]]
    last = seen["user stream"][-1]
    assert (last["maker_address"], last["status"]) == (wallet, "CONFIRMED")


def test_a_wallet_left_out_is_the_deposit_wallet_of_the_key(
    running: SimulatorProcess, relayer: StubServer
) -> None:
    key = f"0x{7:064x}"
    seen = scenario(running, key=key, relayer_url=relayer.url)
    # The relayer says that the older kind is deployed.
    expected = first_deposit_wallet(OrderSigner(key).address)
    assert seen["wallet"][:2] == [expected, "DEPOSIT_WALLET"]
    assert {request.path for request in relayer.requests} == {"/deployed"}


def test_markets_of_protocol_two_trade_by_their_position_ids(tmp_path: Path) -> None:
    official_client(POLYMARKET_CLIENT)
    with simulator(tmp_path, protocol="v2") as running:
        seen = scenario(running, wallet=ADDRESS)
    assert seen["limit"]["status"] == "live"
    for name in TRADED:
        assert seen[name]["status"] == "matched"
    assert seen["shares"]["balance"] > 0
