"""py-clob-client 0.34.6 still logs in, reads and cancels; its own orders are of a version gone."""

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from polybot.exchange import error_texts as texts
from polybot.exchange.amounts import OrderRules, limit_amounts
from polybot.exchange.contracts import CTF_DOMAIN
from polybot.exchange.order_hash import SignedOrder, UnsignedOrder, WireSide
from polybot.exchange.signing import OrderSigner
from polybot.exchange.wire_orders import order_body
from tests.clients.environments import PY_CLOB_CLIENT, official_client
from tests.clients.stand import ADDRESS, KEY, Seen, open_market, simulator, tokens

CARRIED = 4


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seen]:
    client = official_client(PY_CLOB_CLIENT)
    with simulator(tmp_path_factory.mktemp("simulator")) as running:
        market = open_market(running)
        up = tokens(market)[0]
        given = {
            "url": running.url,
            "key": KEY,
            "condition": market["conditionId"],
            "up": up,
            "orders": [wire(signed(up, salt)) for salt in range(CARRIED)],
        }
        yield Seen(client.run("read", given))


def signed(token_id: str, salt: int) -> SignedOrder:
    amounts = limit_amounts(WireSide.BUY, 100, 10_000_000, OrderRules(100))
    order = UnsignedOrder(
        salt=salt,
        maker=ADDRESS,
        signer=ADDRESS,
        token_id=int(token_id),
        maker_amount=amounts.maker,
        taker_amount=amounts.taker,
        side=WireSide.BUY,
        timestamp_ms=1_795_000_000_000,
    )
    return OrderSigner(KEY).sign_order(order, CTF_DOMAIN)


def wire(order: SignedOrder) -> dict[str, Any]:
    body: dict[str, Any] = msgspec.to_builtins(order_body(order))
    return body


def test_a_key_is_created_once_and_derived_again(seen: Seen) -> None:
    assert seen["derive_api_key"] == seen["create_api_key"]
    refused = seen.refusal("create_api_key again")
    assert (refused["type"], refused["status_code"]) == ("PolyApiException", 400)
    assert seen["get_api_keys"] == {"apiKeys": [seen["create_api_key"]["api_key"]]}
    assert seen["get_closed_only_mode"] == {"closed_only": False}


def test_public_reads_have_the_types_the_client_expects(seen: Seen) -> None:
    assert seen["get_ok"] == "OK"
    assert isinstance(seen["get_server_time"], int)
    assert (seen["get_tick_size"], seen["get_neg_risk"]) == ("0.01", False)
    assert seen["get_fee_rate_bps"] == 1000
    book = seen["get_order_book"]
    assert seen["get_order_book_hash"] == book["hash"]
    assert float(book["bids"][-1]["price"]) < float(book["asks"][-1]["price"])
    assert [each["asset_id"] for each in seen["get_order_books"]] == [book["asset_id"]]
    assert 0 < float(seen["get_midpoint"]["mid"]) < 1
    assert float(seen["get_spread"]["spread"]) > 0
    assert 0 < float(seen["get_price"]["price"]) < 1
    assert set(seen["get_last_trade_price"]) == {"price", "side"}
    assert seen["get_market"]["tokens"][0]["token_id"] == book["asset_id"]
    assert seen["get_balance_allowance"]["balance"] == "1000000000"


@pytest.mark.parametrize("name", ["post_order", "post_order fok"])
def test_its_own_orders_are_of_a_version_that_is_gone(seen: Seen, name: str) -> None:
    assert seen["create_order"]
    refused = seen.refusal(name)
    assert (refused["type"], refused["status_code"]) == ("PolyApiException", 400)
    assert refused["error_msg"] == {"error": texts.ORDER_VERSION_MISMATCH}


def test_it_lists_and_cancels_orders_of_todays_version(seen: Seen) -> None:
    ids = [seen[f"carry {number}"]["orderID"] for number in range(CARRIED)]
    assert len(set(ids)) == CARRIED
    assert [row["id"] for row in seen["get_orders"]] == ids
    assert seen["get_order"]["status"] == "LIVE"
    assert seen["cancel"] == {"canceled": [ids[0]], "not_canceled": {}}
    assert seen["cancel_orders"] == {
        "canceled": [ids[1]],
        "not_canceled": {"0x1": texts.CANCEL_NOT_FOUND},
    }
    assert seen["cancel_market_orders"]["canceled"] == ids[2:]
    assert seen["cancel_all"] == {"canceled": [], "not_canceled": {}}
    assert seen["get_trades"] == []


def test_heartbeats_chain(seen: Seen) -> None:
    assert seen["post_heartbeat"]["heartbeat_id"] != seen["chained"]["heartbeat_id"]
    assert seen.refusal("post_heartbeat wrong")["status_code"] == 400
