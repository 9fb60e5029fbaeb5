"""Placing, canceling and listing orders over HTTP, with real signatures."""

import asyncio
from collections.abc import AsyncIterator

import msgspec
import pytest

from polybot.domain.market import Outcome
from polybot.domain.order import Side
from polybot.domain.resting import TradePrint
from polybot.simulator.books.records import decode_record
from polybot.simulator.happenings import CloseWindow, PrintTrade, SetLevels
from tests.unit.simulator.samples import DOLLARS, MARKET, SHARES, SLUG, START, S
from tests.unit.simulator.stand import OTHER_KEY, Stand, Wallet, standing, until


@pytest.fixture
async def stand() -> AsyncIterator[Stand]:
    async with standing(Stand()) as served:
        yield served


@pytest.fixture
async def wallet(stand: Stand) -> Wallet:
    return await stand.login()


async def test_a_matched_order_answers_with_its_hash_amounts_and_trades(
    stand: Stand, wallet: Wallet
) -> None:
    body = wallet.order(Side.BUY, 5300, 60 * SHARES)
    status, placed = await wallet.post(body)
    assert status == 200
    assert placed["success"] is True
    assert placed["status"] == "matched"
    # 50 at 0.52 and 10 at 0.53: improvement is the taker's.
    assert (placed["makingAmount"], placed["takingAmount"]) == ("31.3", "60")
    assert len(placed["tradeIDs"]) == 2
    assert placed["orderID"] in stand.ledger.state.orders
    assert stand.log.synced == len(stand.log.payloads)


async def test_item_20_what_an_answer_shows_is_in_the_journal_before_it(
    stand: Stand, wallet: Wallet
) -> None:
    _, placed = await wallet.post(wallet.order(Side.BUY, 4000, 10 * SHARES))
    durable = [decode_record(payload) for payload in stand.log.payloads[: stand.log.synced]]
    assert placed["orderID"] in {getattr(record, "order_id", "") for record in durable}


async def test_the_same_bytes_again_are_a_duplicate(wallet: Wallet) -> None:
    body = wallet.order(Side.BUY, 4000, 10 * SHARES)
    assert (await wallet.post(body))[0] == 200
    status, refusal = await wallet.post(body)
    assert status == 400
    assert refusal["error"].endswith("is invalid. Duplicated.")


async def test_refusals_are_in_the_exchanges_own_words(wallet: Wallet) -> None:
    async def refusal(body: object) -> str:
        status, answer = await wallet.send("POST", "/order", body)
        assert status == 400
        return str(answer["error"])

    changed = msgspec.structs.replace
    good = wallet.order(Side.BUY, 4000, 10 * SHARES)
    assert await refusal(b"{}") == "Invalid order payload"
    assert (
        await refusal(changed(good, owner="somebody-else"))
        == "the order owner has to be the owner of the API KEY"
    )
    stranger = changed(good.order, signer="0x" + "9" * 40)
    assert (
        await refusal(changed(good, order=stranger))
        == "the order signer address has to be the address of the API KEY"
    )
    forged = changed(good.order, maker_amount="4000001")
    assert await refusal(changed(good, order=forged)) == "invalid signature"
    foreign = changed(good.order, token_id="77")
    assert (
        await refusal(changed(good, order=foreign))
        == "No orderbook exists for the requested token id"
    )
    crossing = wallet.order(Side.BUY, 5200, 10 * SHARES, post_only=True)
    assert await refusal(crossing) == "invalid post-only order: order crosses book"
    fok = wallet.order(Side.BUY, 5200, 900 * DOLLARS, kind="FOK")
    assert (
        await refusal(fok)
        == "order couldn't be fully filled. FOK orders are fully filled or killed."
    )
    fak = wallet.order(Side.BUY, 4000, 10 * DOLLARS, kind="FAK")
    assert (await refusal(fak)).startswith("no orders found to match with FAK order")
    short = wallet.order(Side.SELL, 6000, 10 * SHARES)
    assert (
        await refusal(short) == "not enough balance / allowance: the balance is not enough -> "
        "balance: 0, order amount: 10000000"
    )
    soon = wallet.order(Side.BUY, 4000, 10 * SHARES, kind="GTD", expiration_s=START // S + 100)
    assert await refusal(soon) == "invalid expiration"


async def test_item_02_an_order_of_the_first_protocol_version_is_refused_by_name(
    wallet: Wallet,
) -> None:
    order = {
        "salt": 1,
        "maker": wallet.signer.address,
        "signer": wallet.signer.address,
        "taker": "0x" + "0" * 40,
        "tokenId": MARKET.token_up,
        "makerAmount": "5000000",
        "takerAmount": "10000000",
        "expiration": "0",
        "nonce": "0",
        "feeRateBps": "0",
        "side": "BUY",
        "signatureType": 0,
        "signature": "0xdead",
    }
    body = {"order": order, "owner": wallet.credentials.api_key, "orderType": "GTC"}
    assert await wallet.send("POST", "/order", body) == (400, {"error": "order_version_mismatch"})


async def test_item_06_a_held_order_is_answered_when_its_delay_is_over() -> None:
    async with standing(Stand(delay_ms=150)) as stand:
        wallet = await stand.login()
        posting = asyncio.create_task(wallet.post(wallet.order(Side.BUY, 5200, 10 * SHARES)))
        await until(lambda: stand.poked > 0)
        (order_id,) = stand.ledger.state.orders
        assert (await wallet.send("GET", f"/data/order/{order_id}"))[1]["status"] == "DELAYED"
        _, canceled = await wallet.send("DELETE", "/order", {"orderID": order_id})
        assert (canceled["canceled"], list(canceled["not_canceled"])) == ([], [order_id])
        assert not posting.done()
        stand.step(0.15)
        assert (await posting)[1]["status"] == "matched"


async def test_item_06_a_held_order_whose_level_leaves_gets_a_definite_no() -> None:
    gone = SetLevels(START + S, SLUG, ((Side.SELL, 5200, 0), (Side.SELL, 5300, 0)))
    async with standing(Stand([gone], delay_ms=1500)) as stand:
        wallet = await stand.login()
        status, refusal = await wallet.post_held(
            wallet.order(Side.BUY, 5200, 5 * DOLLARS, kind="FAK"), seconds=2
        )
        assert status == 400
        assert refusal["error"].startswith("no orders found to match with FAK order")


async def test_a_market_that_closes_over_a_held_order_refuses_it() -> None:
    async with standing(Stand([CloseWindow(START + S, SLUG)], delay_ms=5000)) as stand:
        wallet = await stand.login()
        status, refusal = await wallet.post_held(wallet.order(Side.BUY, 5200, 10 * SHARES), 2)
        assert (status, refusal["error"]) == (
            400,
            "the market is not yet ready to process new orders",
        )


async def test_a_batch_answers_each_order_in_its_place(wallet: Wallet) -> None:
    batch = [
        wallet.order(Side.BUY, 4000, 10 * SHARES),
        wallet.order(Side.SELL, 6000, 10 * SHARES),
        wallet.order(Side.BUY, 5200, 10 * SHARES),
    ]
    status, rows = await wallet.send("POST", "/orders", batch)
    assert status == 200
    assert [row["status"] for row in rows] == ["live", "", "matched"]
    assert [row["success"] for row in rows] == [True, True, True]
    assert rows[1]["orderID"] == ""
    assert "not enough balance" in rows[1]["errorMsg"]
    status, refusal = await wallet.send("POST", "/orders", batch * 6)
    assert (status, refusal["error"]) == (400, "Too many orders in payload: 18, max allowed: 15")


async def test_cancels_say_what_is_gone_and_what_is_not(wallet: Wallet) -> None:
    ids = []
    for price in (4000, 4100, 4200, 4300):
        _, placed = await wallet.post(wallet.order(Side.BUY, price, 10 * SHARES))
        ids.append(placed["orderID"])
    _, one = await wallet.send("DELETE", "/order", {"orderID": ids[0]})
    assert one == {"canceled": [ids[0]], "not_canceled": {}}
    _, again = await wallet.send("DELETE", "/orders", [ids[0], "0x1"])
    assert again["canceled"] == []
    assert again["not_canceled"] == {
        ids[0]: "already canceled or matched",
        "0x1": "order not found",
    }
    _, none = await wallet.send("DELETE", "/cancel-market-orders", {"market": "0x0"})
    assert none["canceled"] == []
    _, market = await wallet.send(
        "DELETE", "/cancel-market-orders", {"market": MARKET.condition_id, "asset_id": "1002"}
    )
    assert market["canceled"] == []
    _, rest = await wallet.send("DELETE", "/cancel-all")
    assert rest["canceled"] == ids[1:]


async def test_nobody_sees_or_cancels_anothers_orders(stand: Stand, wallet: Wallet) -> None:
    _, placed = await wallet.post(wallet.order(Side.BUY, 4000, 10 * SHARES))
    other = await stand.login(OTHER_KEY)
    assert (await other.send("GET", "/data/orders"))[1]["data"] == []
    assert (await other.send("GET", f"/data/order/{placed['orderID']}"))[0] == 404
    _, refused = await other.send("DELETE", "/order", {"orderID": placed["orderID"]})
    assert refused["not_canceled"] == {placed["orderID"]: "order not found"}


async def test_orders_and_trades_are_listed_as_the_exchange_does(
    stand: Stand, wallet: Wallet
) -> None:
    _, resting = await wallet.post(wallet.order(Side.BUY, 4000, 10 * SHARES))
    _, matched = await wallet.post(wallet.order(Side.BUY, 5200, 10 * SHARES))
    _, page = await wallet.send("GET", "/data/orders", next_cursor="MA==")
    assert page["next_cursor"] == "LTE="
    (row,) = page["data"]
    assert (row["id"], row["status"], row["price"]) == (resting["orderID"], "LIVE", "0.4")
    assert (row["original_size"], row["size_matched"]) == ("10", "0")
    _, ended = await wallet.send("GET", "/data/orders", id=matched["orderID"])
    assert ended["data"][0]["status"] == "MATCHED"
    _, trades = await wallet.send("GET", "/data/trades", market=MARKET.condition_id)
    (trade,) = trades["data"]
    assert (trade["trader_side"], trade["price"], trade["size"]) == ("TAKER", "0.52", "10")
    assert (trade["status"], trade["fee_rate_bps"]) == ("MATCHED", "0")
    assert trade["transaction_hash"] == ""
    stand.step(10)
    _, trades = await wallet.send("GET", "/data/trades", after=str(START // S))
    assert trades["data"][0]["status"] == "CONFIRMED"
    assert trades["data"][0]["transaction_hash"].startswith("0x")
    assert (await wallet.send("GET", "/data/trades", before=str(START // S)))[1]["data"] == []


async def test_a_maker_fill_reads_as_the_takers_trade_with_our_part_inside() -> None:
    sold = TradePrint(
        outcome=Outcome.UP, price_bps=4000, size_shares=4 * SHARES, aggressor=Side.SELL
    )
    async with standing(Stand([PrintTrade(START + S, SLUG, sold)])) as stand:
        wallet = await stand.login()
        _, placed = await wallet.post(wallet.order(Side.BUY, 4000, 10 * SHARES))
        stand.step(1)
        _, page = await wallet.send("GET", "/data/trades")
        (trade,) = page["data"]
        assert (trade["trader_side"], trade["side"]) == ("MAKER", "SELL")
        (part,) = trade["maker_orders"]
        assert (part["order_id"], part["owner"]) == (
            placed["orderID"],
            wallet.credentials.api_key,
        )
        assert (part["side"], part["matched_amount"], part["price"]) == ("BUY", "4", "0.4")


async def test_balances_are_whole_micro_units(wallet: Wallet) -> None:
    await wallet.post(wallet.order(Side.BUY, 5200, 10 * SHARES))
    _, cash = await wallet.send("GET", "/balance-allowance", asset_type="COLLATERAL")
    # 10 x 0.52 and the fee, 10 x 0.07 x 0.52 x 0.48 cut to 5 decimals.
    assert cash["balance"] == str(1000 * DOLLARS - 5_200_000 - 174_720)
    assert len(cash["allowances"]) == 3
    token = {"asset_type": "CONDITIONAL", "token_id": MARKET.token_up}
    # Bought shares are not seen before they are mined and the balance was read again.
    for seconds, expected in ((1.9, 0), (0.2, 0)):
        wallet.stand.step(seconds)
        _, shares = await wallet.send("GET", "/balance-allowance", **token)
        assert shares["balance"] == str(expected)
    assert (await wallet.send("GET", "/balance-allowance/update", **token))[0] == 200
    _, shares = await wallet.send("GET", "/balance-allowance", **token)
    assert shares["balance"] == str(10 * SHARES)


async def test_a_chain_of_heartbeats_refuses_a_wrong_id(wallet: Wallet) -> None:
    _, first = await wallet.send("POST", "/v1/heartbeats", {"heartbeat_id": ""})
    status, refusal = await wallet.send("POST", "/v1/heartbeats", {"heartbeat_id": "x"})
    assert status == 400
    assert refusal == {
        "error_msg": "Invalid Heartbeat ID",
        "heartbeat_id": first["heartbeat_id"],
    }
    status, _ = await wallet.send("POST", "/v1/heartbeats", first)
    assert status == 200


async def test_a_bad_signature_of_a_request_is_unauthorized(wallet: Wallet) -> None:
    wallet.stand.clock.wall_ns += 60 * S
    now_s = wallet.stand.clock.now_ns() // S
    headers = wallet.requests.headers(now_s - 60, "GET", "/data/orders")
    async with wallet.stand.session.get("/data/orders", headers=headers) as response:
        assert response.status == 401
        assert await response.json() == {"error": "Unauthorized/Invalid api key"}
