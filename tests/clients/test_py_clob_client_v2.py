"""py-clob-client-v2 1.2.1 trades on the simulator as it does on the exchange."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from polybot.exchange import error_texts as texts
from polybot.exchange.order_hash import SignatureType
from polybot.exchange.signing import OrderSigner
from polybot.exchange.token_ids import is_protocol_id
from polybot.exchange.wallet_addresses import derived_wallets
from tests.clients.environments import PY_CLOB_CLIENT_V2, official_client
from tests.clients.stand import ADDRESS, KEY, Seen, open_market, simulator, tokens
from tests.integration.simulator_process import SimulatorProcess


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimulatorProcess]:
    official_client(PY_CLOB_CLIENT_V2)
    with simulator(tmp_path_factory.mktemp("simulator")) as process:
        yield process


def scenario(running: SimulatorProcess, **more: Any) -> Seen:
    market = open_market(running)
    given = {
        "url": running.url,
        "key": KEY,
        "condition": market["conditionId"],
        "up": tokens(market)[0],
        **more,
    }
    return Seen(official_client(PY_CLOB_CLIENT_V2).run("trade", given))


@pytest.fixture(scope="module")
def seen(running: SimulatorProcess) -> Seen:
    return scenario(running)


def posted(answer: dict[str, Any], status: str) -> str:
    assert (answer["success"], answer["errorMsg"], answer["status"]) == (True, "", status)
    order_id: str = answer["orderID"]
    return order_id


def error_of(refused: dict[str, Any]) -> str:
    assert (refused["type"], refused["status_code"]) == ("PolyApiException", 400)
    error: str = refused["error_msg"]["error"]
    return error


def test_a_key_is_created_once_and_derived_again(seen: Seen) -> None:
    created = seen["create_api_key"]
    assert seen["derive_api_key"] == seen["create_or_derive_api_key"] == created
    assert error_of(seen.refusal("create_api_key again")) == texts.COULD_NOT_CREATE_KEY
    assert seen["get_api_keys"] == {"apiKeys": [created["api_key"]]}
    assert seen["get_closed_only_mode"] == {"closed_only": False}


def test_public_reads_have_the_types_the_client_expects(seen: Seen) -> None:
    assert (seen["get_ok"], seen["get_version"]) == ("OK", 2)
    assert isinstance(seen["get_server_time"], int)
    assert (seen["get_tick_size"], seen["get_neg_risk"]) == ("0.01", False)
    assert seen["get_fee_rate_bps"] == 1000
    market = seen["get_clob_market_info"]
    assert (market["mts"], market["mos"], market["fd"]["r"]) == (0.01, 5, 0.07)
    assert market["t"][0]["t"] == seen["get_market"]["tokens"][0]["token_id"]
    bid, ask = seen["best prices"]
    assert 0 < bid < ask < 1
    assert float(seen["get_spread"]["spread"]) > 0
    assert 0 < float(seen["get_midpoint"]["mid"]) < 1
    assert set(seen["get_last_trade_price"]) == {"price", "side"}
    assert set(seen["get_price"]) == {"price"}


def test_a_limit_order_rests_and_is_listed(seen: Seen) -> None:
    order_id = posted(seen["limit"], "live")
    (listed,) = seen["get_open_orders"]
    assert listed == seen["get_order"]
    shown = {name: listed[name] for name in ("id", "status", "side", "price", "original_size")}
    assert shown == {
        "id": order_id,
        "status": "LIVE",
        "side": "BUY",
        "price": "0.01",
        "original_size": "10",
    }
    assert (listed["size_matched"], listed["order_type"]) == ("0", "GTC")
    assert (listed["maker_address"], listed["outcome"]) == (ADDRESS, "Up")


def test_orders_are_refused_in_the_words_of_the_exchange(seen: Seen) -> None:
    posted(seen["post_only"], "live")
    assert error_of(seen.refusal("post_only that crosses")) == texts.POST_ONLY_CROSSES
    assert "Size (4.99) lower than the minimum: 5" in error_of(seen.refusal("too small"))
    once = posted(seen["once"], "live")
    assert error_of(seen.refusal("twice")) == texts.duplicated(once)
    assert error_of(seen.refusal("too expensive")).startswith(texts.NOT_ENOUGH_BALANCE)


def test_a_batch_is_answered_row_by_row(seen: Seen) -> None:
    first, small, last = seen["post_orders"]
    assert posted(first, "live") != posted(last, "live")
    # A refused row of a batch says success, as production does.
    assert (small["success"], small["orderID"]) == (True, "")
    assert "Size (4) lower than the minimum: 5" in small["errorMsg"]


def test_orders_are_canceled_one_by_one_in_numbers_by_market_and_all(seen: Seen) -> None:
    one = seen["for cancel_order"]["orderID"]
    assert seen["cancel_order"] == {"canceled": [one], "not_canceled": {}}
    assert seen["cancel_order again"]["not_canceled"] == {one: texts.ALREADY_CANCELED_OR_MATCHED}
    many = [seen[f"for cancel_orders {number}"]["orderID"] for number in (1, 2)]
    assert seen["cancel_orders"]["canceled"] == many
    assert seen["cancel_orders"]["not_canceled"] == {"0x1": texts.CANCEL_NOT_FOUND}
    rested = [seen[name]["orderID"] for name in ("limit", "post_only", "once")]
    batch = [row["orderID"] for row in seen["post_orders"] if row["orderID"]]
    last = seen["for cancel_market_orders"]["orderID"]
    assert set(seen["cancel_market_orders"]["canceled"]) == {*rested, *batch, last}
    assert seen["cancel_all"]["canceled"] == [seen["for cancel_all"]["orderID"]]
    assert seen["get_open_orders after"] == []


@pytest.mark.parametrize("name", ["fok", "fak", "crossing limit", "sell"])
def test_an_order_that_trades_is_answered_with_its_trades_and_their_transactions(
    seen: Seen, name: str
) -> None:
    answer = seen[name]
    posted(answer, "matched")
    # The client itself polls the trades until they are mined.
    assert len(answer["transactionsHashes"]) == len(answer["tradeIDs"]) > 0


def test_a_market_buy_spends_its_budget_and_a_limit_buy_gets_its_shares(seen: Seen) -> None:
    assert 4.99 < float(seen["fok"]["makingAmount"]) <= 5
    assert 3.99 < float(seen["fak"]["makingAmount"]) <= 4
    assert seen["crossing limit"]["takingAmount"] == "5"
    assert error_of(seen.refusal("fok too large")) == texts.FOK_NOT_FILLED
    assert error_of(seen.refusal("fak without match")) == texts.FAK_NO_MATCH


def test_trades_are_listed_once_each(seen: Seen) -> None:
    made = [trade for name in ("fok", "fak", "crossing limit") for trade in seen[name]["tradeIDs"]]
    assert sorted(trade["id"] for trade in seen["get_trades"]) == sorted(made)
    assert [trade["id"] for trade in seen["get_trades by id"]] == [seen["get_trades"][0]["id"]]
    assert len(seen["get_trades_paginated"]["trades"]) == len(made)
    for trade in seen["get_trades"]:
        assert (trade["trader_side"], trade["side"], trade["fee_rate_bps"]) == ("TAKER", "BUY", "0")


def test_money_and_shares_follow_the_fills_to_the_micro_unit(
    running: SimulatorProcess, seen: Seen
) -> None:
    assert seen["cash before"]["balance"] == "1000000000"
    sold = int(seen["shares"]["balance"]) - int(seen["shares after"]["balance"])
    assert sold == float(seen["sell"]["makingAmount"]) * 1_000_000
    books = running.fetch("/simulator/ledger")
    account = next(row for row in books["accounts"] if row["address"] == ADDRESS)
    assert seen["cash after"]["balance"] == str(account["cash_usdc"])


def test_heartbeats_chain(seen: Seen) -> None:
    assert seen["post_heartbeat"]["heartbeat_id"]
    following = seen["post_heartbeat chained"]["heartbeat_id"]
    refused = seen.refusal("post_heartbeat wrong")
    assert refused["status_code"] == 400
    assert refused["error_msg"] == {
        "error_msg": texts.INVALID_HEARTBEAT,
        "heartbeat_id": following,
    }


@pytest.mark.parametrize("kind", list(SignatureType)[1:])
def test_a_wallet_of_every_kind_trades(running: SimulatorProcess, kind: SignatureType) -> None:
    key = f"0x{int(kind) + 1:064x}"
    funder = wallets_of(key)[kind]
    seen = scenario(running, key=key, signature_type=int(kind), funder=funder)
    assert seen["get_order"]["maker_address"] == funder
    posted(seen["limit"], "live")
    assert seen["cancel_all"]["canceled"] == [seen["for cancel_all"]["orderID"]]
    for name in ("fok", "fak", "crossing limit", "sell"):
        posted(seen[name], "matched")


def wallets_of(key: str) -> dict[SignatureType, str]:
    """Return a key's wallets by type; of the deposit wallets the newer kind."""
    found = reversed(derived_wallets(OrderSigner(key).address))
    return {each.signature_type: each.address for each in found}


@pytest.mark.parametrize(
    ("kind", "funder", "refusal"),
    [
        (0, wallets_of(KEY)[SignatureType.POLY_1271], texts.MAKER_NOT_ALLOWED),
        (1, wallets_of(KEY)[SignatureType.POLY_1271], texts.MAKER_NOT_ALLOWED),
        (2, wallets_of(KEY)[SignatureType.POLY_PROXY], texts.MAKER_NOT_ALLOWED),
        (3, wallets_of(KEY)[SignatureType.POLY_PROXY], texts.WRONG_SIGNER),
        (3, wallets_of("0x" + "22" * 32)[SignatureType.POLY_1271], texts.WRONG_SIGNER),
    ],
)
def test_a_funder_that_is_not_of_this_key_and_type_is_refused(
    running: SimulatorProcess, seen: Seen, kind: int, funder: str, refusal: str
) -> None:
    # The key is there already: the scenario of the fixture made it.
    assert seen["create_api_key"]
    refused = scenario(
        running, key=KEY, signature_type=kind, funder=funder, limit_only=True
    ).refusal("limit")
    assert error_of(refused) == refusal


def test_an_exchange_for_deposit_wallets_only_refuses_a_plain_key(tmp_path: Path) -> None:
    official_client(PY_CLOB_CLIENT_V2)
    with simulator(tmp_path, wallets="deposit") as running:
        plain = scenario(running, limit_only=True)
        assert error_of(plain.refusal("limit")) == texts.MAKER_NOT_ALLOWED
        other = "0x" + "22" * 32
        funder = wallets_of(other)[SignatureType.POLY_1271]
        deposit = scenario(running, key=other, signature_type=3, funder=funder, limit_only=True)
        posted(deposit["limit"], "live")


def test_markets_of_protocol_two_trade_by_their_position_ids(tmp_path: Path) -> None:
    official_client(PY_CLOB_CLIENT_V2)
    with simulator(tmp_path, protocol="v2") as running:
        market = open_market(running)
        assert market["version"] == "v2"
        assert all(is_protocol_id(int(token)) for token in tokens(market))
        seen = scenario(running, is_protocol=True)
    posted(seen["limit"], "live")
    (listed,) = seen["get_open_orders"]
    assert listed["asset_id"] == tokens(market)[0]
    for name in ("fok", "fak", "crossing limit", "sell"):
        posted(seen[name], "matched")
    assert seen["cancel_all"]["canceled"] == [seen["for cancel_all"]["orderID"]]
