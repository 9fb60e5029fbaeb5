"""Rows of the checklist that are about the wire: routes, refusals and batches."""

import asyncio
import json
from collections.abc import AsyncIterator

import msgspec
import pytest

from polybot.domain.market import Outcome
from polybot.domain.order import Side
from polybot.exchange.l1_auth import l1_headers
from polybot.exchange.signing import OrderSigner
from polybot.exchange.wire_codec import encode
from polybot.exchange.wire_gamma import MARKET_VERSION_PROTOCOL
from polybot.simulator.api.rate_limits import LimitMode
from polybot.simulator.happenings import CloseWindow, ListWindow, ResolveWindow
from tests.unit.simulator.listening import listening
from tests.unit.simulator.samples import DOLLARS, MARKET, SHARES, SLUG, START, S
from tests.unit.simulator.stand import KEY, OTHER_KEY, Stand, Wallet, standing

PROTOCOL = msgspec.structs.replace(
    MARKET,
    slug="btc-updown-15m-1800000000",
    condition_id="0x" + "cd" * 32,
    token_up="2001",
    token_down="2002",
    version=MARKET_VERSION_PROTOCOL,
)
END = [
    CloseWindow(START + 300 * S, SLUG),
    ResolveWindow(START + 330 * S, SLUG, Outcome.UP),
]
MARKET_WORDS = {"type": "market", "assets_ids": [MARKET.token_up, MARKET.token_down]}


@pytest.fixture
async def stand() -> AsyncIterator[Stand]:
    async with standing(Stand()) as served:
        yield served


@pytest.fixture
async def wallet(stand: Stand) -> Wallet:
    return await stand.login()


async def test_item_01_numbers_are_text_or_not_as_on_the_exchange(stand: Stand) -> None:
    _, book = await stand.get("/book", token_id=MARKET.token_up)
    assert book["bids"][-1] == {"price": "0.5", "size": "100"}
    assert (book["min_order_size"], book["tick_size"], book["neg_risk"]) == ("5", "0.01", False)
    assert book["timestamp"].isdecimal()
    _, market = await stand.get(f"/clob-markets/{MARKET.condition_id}")
    assert (market["mts"], market["mos"], market["fd"]["r"]) == (0.01, 5, 0.07)


async def test_item_01_the_catalog_writes_arrays_as_text(stand: Stand) -> None:
    _, market = await stand.get(f"/markets/slug/{SLUG}")
    assert market["outcomes"] == '["Up", "Down"]'
    assert json.loads(market["clobTokenIds"]) == [MARKET.token_up, MARKET.token_down]
    assert json.loads(market["outcomePrices"]) == ["0.51", "0.49"]
    assert (market["version"], market["positionIds"]) == ("v1", None)


async def test_item_01_a_market_of_the_new_protocol_has_position_ids() -> None:
    async with standing(Stand([ListWindow(START, PROTOCOL)])) as stand:
        _, market = await stand.get(f"/markets/slug/{PROTOCOL.slug}")
        assert (market["version"], market["positionIds"]) == ("v2", ["2001", "2002"])
        assert market["clobTokenIds"] == "[]"


async def test_item_01_the_lists_are_on_their_way_out_and_the_pages_stay(stand: Stand) -> None:
    async with stand.session.get("/markets") as response:
        assert response.headers["Deprecation"] == "true"
        assert "2026" in response.headers["Sunset"]
        assert len(await response.json()) == 1
    async with stand.session.get(f"/markets/slug/{SLUG}") as response:
        assert "Deprecation" not in response.headers
    _, page = await stand.get("/events/keyset")
    assert ([event["slug"] for event in page["events"]], page["next_cursor"]) == ([SLUG], None)


async def test_item_01_pages_follow_their_cursors() -> None:
    async with standing(Stand([ListWindow(START, PROTOCOL)])) as stand:
        _, first = await stand.get("/markets/keyset", limit="1")
        _, second = await stand.get("/markets/keyset", limit="1", after_cursor=first["next_cursor"])
        slugs = [page["markets"][0]["slug"] for page in (first, second)]
        assert sorted(slugs) == sorted([SLUG, PROTOCOL.slug])
        assert second["next_cursor"] is None
        assert (await stand.get("/markets/keyset", after_cursor="%"))[0] == 400
        _, early = await stand.get("/events", end_date_max="2027-01-15T08:00:00Z")
        assert early == []
        assert (await stand.get("/events", end_date_min="soon"))[0] == 400


async def test_item_02_a_wallet_logs_in_by_signature_and_nonce(stand: Stand) -> None:
    signer = OrderSigner(KEY)
    now_s = stand.clock.now_ns() // 1_000_000_000
    headers = l1_headers(signer, timestamp_s=now_s)

    async def ask(method: str, path: str, sent: dict[str, str]) -> tuple[int, object]:
        async with stand.session.request(method, path, headers=sent) as response:
            return response.status, await response.json()

    assert await ask("GET", "/auth/derive-api-key", headers) == (
        400,
        {"error": "Could not derive api key!"},
    )
    assert (await ask("POST", "/auth/api-key", headers))[0] == 200
    assert await ask("POST", "/auth/api-key", headers) == (
        400,
        {"error": "Could not create api key"},
    )
    assert (await ask("GET", "/auth/derive-api-key", headers))[0] == 200
    other = l1_headers(signer, timestamp_s=now_s, nonce=1)
    assert (await ask("POST", "/auth/api-key", other))[0] == 200
    forged = {**headers, "POLY_NONCE": "2"}
    assert await ask("POST", "/auth/api-key", forged) == (
        401,
        {"error": "Invalid L1 Request headers"},
    )
    late = l1_headers(signer, timestamp_s=now_s - 3600)
    assert (await ask("POST", "/auth/api-key", late))[0] == 401


async def test_item_02_a_request_is_signed_over_its_path_without_the_query(wallet: Wallet) -> None:
    assert (await wallet.send("GET", "/data/orders", market="0x1"))[0] == 200
    now_s = wallet.stand.clock.now_ns() // 1_000_000_000
    headers = wallet.requests.headers(now_s, "GET", "/data/orders?market=0x1")
    async with wallet.stand.session.get("/data/orders?market=0x1", headers=headers) as response:
        assert response.status == 401
        assert await response.json() == {"error": "Unauthorized/Invalid api key"}


async def test_item_02_a_deleted_key_signs_nothing_and_can_be_made_again(stand: Stand) -> None:
    wallet = await stand.login()
    other = await stand.login(OTHER_KEY)
    _, keys = await wallet.send("GET", "/auth/api-keys")
    assert keys == {"apiKeys": [wallet.credentials.api_key]}
    assert await wallet.send("DELETE", "/auth/api-key") == (200, "OK")
    assert (await wallet.send("GET", "/auth/api-keys"))[0] == 401
    assert (await other.send("GET", "/auth/api-keys"))[0] == 200
    again = await stand.login()
    assert again.credentials == wallet.credentials
    # A restart forgets it too: what is left of the keys is in the journal.
    await again.send("DELETE", "/auth/api-key")
    restarted = Stand(log=stand.log, clock=stand.clock)
    assert restarted.keys.account_of_key(again.credentials) is None
    assert restarted.keys.account_of_key(other.credentials) is not None


async def test_item_03_what_the_official_client_asks_before_an_order(stand: Stand) -> None:
    token = {"token_id": MARKET.token_up}
    assert await stand.get("/ok") == (200, "OK")
    assert await stand.get("/version") == (200, {"version": 2})
    assert await stand.get("/time") == (200, stand.clock.now_ns() // 1_000_000_000)
    assert await stand.get("/tick-size", **token) == (200, {"minimum_tick_size": 0.01})
    assert await stand.get("/neg-risk", **token) == (200, {"neg_risk": False})
    assert await stand.get("/fee-rate", **token) == (200, {"base_fee": 1000})
    _, found = await stand.get(f"/markets-by-token/{MARKET.token_up}")
    assert found["condition_id"] == MARKET.condition_id
    _, market = await stand.get(f"/clob-markets/{found['condition_id']}")
    assert [token["t"] for token in market["t"]] == [MARKET.token_up, MARKET.token_down]


async def test_item_10_a_refused_row_of_a_batch_is_a_success_without_an_id(wallet: Wallet) -> None:
    batch = [
        wallet.order(Side.BUY, 4000, 10 * SHARES),
        wallet.order(Side.BUY, 4000, 9_000_000 * SHARES),
        wallet.order(Side.BUY, 4100, 10 * SHARES),
    ]
    status, rows = await wallet.send("POST", "/orders", batch)
    assert status == 200
    assert [row["success"] for row in rows] == [True, True, True]
    assert [bool(row["orderID"]) for row in rows] == [True, False, True]
    assert rows[1]["errorMsg"].startswith("not enough balance / allowance")
    status, told = await wallet.send("POST", "/orders", batch[:1] * 16)
    assert (status, told) == (400, {"error": "Too many orders in payload: 16, max allowed: 15"})


async def test_item_10_amounts_are_decimals_and_there_are_no_hashes(wallet: Wallet) -> None:
    _, placed = await wallet.post(wallet.order(Side.BUY, 5200, 10 * DOLLARS, kind="FAK"))
    assert (placed["status"], placed["makingAmount"]) == ("matched", "9.999999")
    assert placed["takingAmount"].startswith("19.23")
    assert (len(placed["tradeIDs"]), placed["transactionsHashes"]) == (1, [])
    _, resting = await wallet.post(wallet.order(Side.BUY, 4000, 10 * SHARES))
    assert (resting["status"], resting["makingAmount"], resting["takingAmount"]) == ("live", "", "")


async def test_item_10_a_cancel_that_did_nothing_is_a_success_too(wallet: Wallet) -> None:
    _, placed = await wallet.post(wallet.order(Side.BUY, 4000, 10 * SHARES))
    order_id = placed["orderID"]
    _, told = await wallet.send("DELETE", "/orders", [order_id, "0x1"])
    assert told == {"canceled": [order_id], "not_canceled": {"0x1": "order not found"}}
    status, told = await wallet.send("DELETE", "/order", {"orderID": order_id})
    assert (status, told["not_canceled"]) == (200, {order_id: "already canceled or matched"})
    status, told = await wallet.send("DELETE", "/order", {"orderID": ""})
    assert (status, told) == (400, {"error": "Invalid orderID"})
    assert (await wallet.send("DELETE", "/orders", ["0x1"] * 1001))[0] == 400
    await wallet.post(wallet.order(Side.BUY, 4000, 10 * SHARES))
    body = {"market": MARKET.condition_id}
    _, told = await wallet.send("DELETE", "/cancel-market-orders", body)
    assert len(told["canceled"]) == 1


async def test_item_10_lists_have_filters_and_pages(wallet: Wallet) -> None:
    _, placed = await wallet.post(wallet.order(Side.BUY, 4000, 10 * SHARES))
    _, page = await wallet.send("GET", "/data/orders", next_cursor="MA==")
    assert (page["count"], page["next_cursor"]) == (1, "LTE=")
    _, page = await wallet.send("GET", "/data/orders", market="0x77")
    assert page["count"] == 0
    _, page = await wallet.send("GET", "/data/orders", asset_id=MARKET.token_up)
    assert page["data"][0]["id"] == placed["orderID"]
    await wallet.send("DELETE", "/cancel-all")
    _, page = await wallet.send("GET", "/data/orders")
    assert page["count"] == 0
    _, page = await wallet.send("GET", "/data/orders", id=placed["orderID"])
    assert page["data"][0]["status"] == "CANCELED"


async def test_item_12_a_resolved_market_vanishes_from_the_open_ones() -> None:
    async with standing(Stand(END)) as stand:
        stand.step(400)
        assert (await stand.get("/markets"))[1] == []
        _, closed = await stand.get("/markets", closed="true")
        assert (closed[0]["closed"], closed[0]["umaResolutionStatus"]) == (True, "resolved")
        assert json.loads(closed[0]["outcomePrices"]) == ["1", "0"]
        assert (await stand.get("/book", token_id=MARKET.token_up))[0] == 404


async def test_item_12_a_resolution_may_go_untold() -> None:
    rules = [{"fault": "missing_resolution", "probability": 1}]
    async with standing(Stand(END, faults=rules)) as stand, listening(stand, "market") as client:
        stand.timed.run(stand.market_ns)
        await client.say({**MARKET_WORDS, "custom_feature_enabled": True})
        await client.hear()
        stand.step(400)
        await client.say("PING")
        heard = []
        while (frame := await client.hear()) != "PONG":
            heard += [event["event_type"] for event in frame]
        assert "market_resolved" not in heard
        assert (await stand.get("/markets", closed="true"))[1][0]["closed"] is True


@pytest.mark.parametrize("mode", list(LimitMode))
async def test_item_15_requests_over_the_limit_are_refused_marked_or_let_be(
    mode: LimitMode,
) -> None:
    async with standing(Stand(limits=mode)) as stand:
        wallet = await stand.login()

        async def post(count: int) -> tuple[int, dict[str, str]]:
            batch = [wallet.order(Side.BUY, 4000, 5 * SHARES) for _ in range(count)]
            body = encode(batch)
            now_s = stand.clock.now_ns() // 1_000_000_000
            headers = wallet.requests.headers(now_s, "POST", "/orders", body)
            async with stand.session.post("/orders", data=body, headers=headers) as response:
                return response.status, dict(response.headers)

        for _ in range(4):
            assert (await post(15))[0] == 200
        placed = len(stand.ledger.state.orders)
        status, headers = await post(15)
        if mode is LimitMode.ENFORCE:
            assert (status, headers["Retry-After"]) == (429, "1")
            assert len(stand.ledger.state.orders) == placed
        else:
            assert status == 200
        warned = headers.get("Poly-RateLimit-Warning") == "true"
        assert warned == (mode is LimitMode.WARN)
        assert ("Poly-RateLimit-Tier" in headers) == (mode is not LimitMode.OFF)


async def test_item_15_the_same_seed_and_calls_give_the_same_faults() -> None:
    async def statuses() -> list[int]:
        rules = [{"fault": "error_500_after", "probability": 0.3}]
        async with standing(Stand(faults=rules)) as stand:
            wallet = await stand.login()
            orders = [wallet.order(Side.BUY, 4000, 5 * SHARES) for _ in range(20)]
            return [(await wallet.post(order))[0] for order in orders]

    first, second = await asyncio.gather(statuses(), statuses())
    assert first == second
    assert set(first) == {200, 500}


async def test_item_19_balances_are_kept_by_version() -> None:
    async with standing(Stand()) as stand:
        wallet = await stand.login()
        await wallet.post(wallet.order(Side.BUY, 5200, 10 * DOLLARS, kind="FAK"))
        stand.step(10)
        token = {"token_id": MARKET.token_up}
        _, held = await wallet.send("GET", "/balance-allowance", asset_type="CONDITIONAL", **token)
        assert int(held["balance"]) > 19 * SHARES
        _, held = await wallet.send(
            "GET", "/balance-allowance", asset_type="CONDITIONAL-V2", **token
        )
        assert held["balance"] == "0"
