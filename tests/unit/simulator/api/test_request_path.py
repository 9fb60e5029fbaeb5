"""Answers that are withheld, broken off or replaced, and what stands behind each of them."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from polybot.domain.order import Side
from polybot.exchange.wire_codec import encode
from polybot.simulator.api.request_log import FILE_NAME, RequestLog
from polybot.simulator.api.request_path import make_middleware
from polybot.simulator.books.records import OrderState
from polybot.simulator.happenings import SetBook
from polybot.simulator.streams.socket_session import open_socket
from tests.unit.simulator.listening import listening
from tests.unit.simulator.samples import BIDS, DOLLARS, SHARES, SLUG, START
from tests.unit.simulator.stand import Stand, Wallet, standing

Rule = dict[str, Any]


async def with_rule(rule: Rule, act: Callable[[Stand, Wallet], Awaitable[None]]) -> None:
    async with standing(Stand(faults=[rule])) as stand:
        await act(stand, await stand.login())


def resting(wallet: Wallet) -> Any:
    return wallet.order(Side.BUY, 4000, 10 * SHARES)


@pytest.mark.parametrize(
    ("fault", "accepted"),
    [
        ("withheld_after", True),
        ("withheld_before", False),
        ("reset_during", True),
        ("reset_before", False),
    ],
)
async def test_item_15_an_order_without_an_answer_was_accepted_or_not(
    fault: str,
    accepted: bool,
) -> None:
    async def act(stand: Stand, wallet: Wallet) -> None:
        with pytest.raises(aiohttp.ClientError):
            await wallet.post(resting(wallet))
        assert len(stand.ledger.state.orders) == int(accepted)
        # The next call is answered: nothing but the one connection was lost.
        assert (await wallet.post(resting(wallet)))[0] == 200

    await with_rule({"fault": fault, "nth": 1, "seconds": 0.05}, act)


async def test_item_15_an_answer_is_withheld_until_the_client_gives_up() -> None:
    async def act(stand: Stand, wallet: Wallet) -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await wallet.post(resting(wallet))
        assert len(stand.ledger.state.orders) == 1

    await with_rule({"fault": "withheld_after", "nth": 1, "seconds": 1}, act)


async def test_item_15_a_request_arrives_late() -> None:
    async def act(stand: Stand, wallet: Wallet) -> None:
        posting = asyncio.create_task(wallet.post(resting(wallet)))
        await asyncio.sleep(0.1)
        assert not stand.ledger.state.orders
        assert (await posting)[0] == 200
        assert len(stand.ledger.state.orders) == 1

    await with_rule({"fault": "delivered_late", "nth": 1, "seconds": 0.3}, act)


async def test_item_15_the_same_bytes_arrive_twice_and_are_placed_once() -> None:
    async def act(stand: Stand, wallet: Wallet) -> None:
        status, told = await wallet.post(resting(wallet))
        assert (status, "is invalid. Duplicated" in told["error"]) == (400, True)
        assert [row.state for row in stand.ledger.state.orders.values()] == [OrderState.LIVE]

    await with_rule({"fault": "delivered_twice", "nth": 1}, act)


async def test_item_15_a_single_request_comes_too_early() -> None:
    async def act(stand: Stand, wallet: Wallet) -> None:
        assert (await wallet.post(resting(wallet)))[0] == 425
        assert not stand.ledger.state.orders
        assert (await wallet.post(resting(wallet)))[0] == 200

    await with_rule({"fault": "too_early", "nth": 1}, act)


async def test_item_15_an_answer_breaks_off_in_the_middle() -> None:
    async with standing(Stand(faults=[{"fault": "reset_during", "nth": 1}])) as stand:
        wallet = await stand.login()
        url = urlsplit(stand.url)
        reader, writer = await asyncio.open_connection(url.hostname, url.port)
        body = encode(resting(wallet))
        headers = wallet.requests.headers(
            stand.clock.now_ns() // 1_000_000_000, "POST", "/order", body
        )
        lines = [f"{name}: {value}" for name, value in headers.items()]
        head = "\r\n".join(
            ["POST /order HTTP/1.1", "Host: x", f"Content-Length: {len(body)}", *lines]
        )
        writer.write(head.encode() + b"\r\n\r\n" + body)
        received = bytearray()

        async def read_on() -> None:
            while byte := await reader.read(1):
                received.extend(byte)

        with pytest.raises(ConnectionResetError):
            await read_on()
        assert received.startswith(b"HTTP/1.1 200")
        assert b'"success":true' in received
        assert not received.endswith(b"}")
        writer.close()


@pytest.mark.parametrize(
    ("fault", "status", "accepted"),
    [
        ("error_500_after", 500, True),
        ("error_500_before", 500, False),
        ("html_403_after", 403, True),
        ("html_403_before", 403, False),
        ("html_502_after", 502, True),
        ("html_502_before", 502, False),
    ],
)
async def test_item_15_an_error_says_nothing_of_whether_the_order_was_accepted(
    fault: str,
    status: int,
    accepted: bool,
) -> None:
    async with standing(Stand(faults=[{"fault": fault, "nth": 1}])) as stand:
        wallet = await stand.login()
        now_s = stand.clock.now_ns() // 1_000_000_000
        data = encode(resting(wallet))
        headers = wallet.requests.headers(now_s, "POST", "/order", data)
        async with stand.session.post("/order", data=data, headers=headers) as response:
            assert response.status == status
            text = await response.text()
            assert response.content_type == ("application/json" if status == 500 else "text/html")
        assert ("Internal server error" in text) == (status == 500)
        assert len(stand.ledger.state.orders) == int(accepted)


async def test_item_15_a_success_that_is_none() -> None:
    async def act(stand: Stand, wallet: Wallet) -> None:
        status, told = await wallet.post(resting(wallet))
        assert status == 200
        assert (told["success"], told["orderID"]) == (False, "")
        assert told["errorMsg"] == "the market is not yet ready to process new orders"
        assert not stand.ledger.state.orders

    await with_rule({"fault": "success_false", "nth": 1}, act)


async def test_item_15_too_many_requests_says_when_to_come_again() -> None:
    rule = {"fault": "too_many_requests", "endpoint": "GET /ok", "nth": 1, "seconds": 3}
    async with standing(Stand(faults=[rule])) as stand, stand.session.get("/ok") as response:
        assert response.status == 429
        assert response.headers["Retry-After"] == "3"
        assert await response.json() == {"error": "Too Many Requests"}


async def test_item_04_a_book_can_be_missing_for_a_moment() -> None:
    async with standing(Stand(faults=[{"fault": "book_missing", "nth": 1}])) as stand:
        assert (await stand.get("/book", token_id="1001"))[0] == 404
        assert (await stand.get("/book", token_id="1001"))[0] == 200


async def test_an_answer_comes_late() -> None:
    rule = {"fault": "slow_answer", "endpoint": "GET /ok", "nth": 1, "seconds": 0.2}
    async with standing(Stand(faults=[rule])) as stand:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await stand.get("/ok")
        assert await stand.get("/ok") == (200, "OK")


async def test_item_13_user_events_come_before_the_answer() -> None:
    rule = {"fault": "events_first", "nth": 1, "seconds": 0.3}
    async with standing(Stand(faults=[rule])) as stand, listening(stand, "user") as client:
        wallet = await stand.login()
        await client.say({"auth": wallet.auth(), "type": "user"})
        await client.say("PING")
        assert await client.hear() == "PONG"
        posting = asyncio.create_task(wallet.post(resting(wallet)))
        event = await client.hear()
        assert event["type"] == "PLACEMENT"
        assert not posting.done()
        assert (await posting)[1]["orderID"] == event["id"]


async def test_item_01_rows_have_second_spellings() -> None:
    async def act(stand: Stand, wallet: Wallet) -> None:
        await wallet.post(resting(wallet))
        _, page = await wallet.send("GET", "/data/orders")
        assert page["data"][0]["status"] == "ORDER_STATUS_LIVE"
        _, page = await wallet.send("GET", "/data/orders")
        assert page["data"][0]["status"] == "LIVE"

    await with_rule({"fault": "long_statuses", "nth": 1}, act)


async def test_item_01_rows_have_empty_fields() -> None:
    async def act(stand: Stand, wallet: Wallet) -> None:
        await wallet.post(resting(wallet))
        _, page = await wallet.send("GET", "/data/orders")
        row = page["data"][0]
        assert (row["size_matched"], row["expiration"], row["associate_trades"]) == ("", None, None)
        assert row["created_at"] == ""

    await with_rule({"fault": "empty_fields", "nth": 1}, act)


async def test_item_02_the_exchanges_clock_can_be_off() -> None:
    async def act(stand: Stand, wallet: Wallet) -> None:
        now_s = stand.clock.now_ns() // 1_000_000_000
        assert await stand.get("/time") == (200, now_s + 60)
        status, told = await wallet.send("GET", "/data/orders")
        assert (status, told) == (401, {"error": "Unauthorized/Invalid api key"})

    await with_rule({"fault": "clock_skew", "skew_s": 60}, act)


async def test_rules_are_told_and_changed_while_it_runs() -> None:
    async with standing(Stand()) as stand:
        # Every one: the client's library asks once more when a kept connection breaks.
        rules = [{"fault": "reset_before", "endpoint": "GET /ok", "every": 1}]
        async with stand.session.post("/simulator/faults", json={"rules": rules}) as response:
            assert response.status == 200
        with pytest.raises(aiohttp.ClientError):
            await stand.get("/ok")
        _, report = await stand.get("/simulator/faults")
        assert report["total"] == report["rules"][0]["calls"] >= 1
        assert report["injected"][0]["endpoint"] == "GET /ok"
        async with stand.session.post("/simulator/faults", json={"rules": []}) as response:
            assert (await response.json())["rules"] == []
        wrong = {"rules": [{"fault": "absent"}, {"fault": "reset_before"}]}
        async with stand.session.post("/simulator/faults", json=wrong) as response:
            assert response.status == 400
            told = (await response.json())["error"]
        assert "rule 1" in told
        assert "rule 2" in told
        assert stand.faults.plan.rules == ()


async def test_the_simulators_own_routes_meet_no_fault() -> None:
    rule = {"fault": "reset_before", "endpoint": "*", "every": 1}
    async with standing(Stand(faults=[rule])) as stand:
        assert (await stand.get("/simulator/time"))[0] == 200
        with pytest.raises(aiohttp.ClientError):
            await stand.get("/ok")


async def test_a_client_that_leaves_while_its_websocket_opens_is_no_error(
    caplog: pytest.LogCaptureFixture,
) -> None:
    left: list[bool] = []

    async def serve(request: web.Request) -> web.WebSocketResponse:
        assert request.transport is not None
        request.transport.abort()
        try:
            return await open_socket(request)
        except ConnectionResetError:
            left.append(True)
            raise

    stand = Stand()
    app = web.Application(middlewares=[make_middleware(stand.desk)])
    app.router.add_get("/ws/market", serve)
    server = TestServer(app)
    await server.start_server()
    async with aiohttp.ClientSession() as session:
        with pytest.raises(aiohttp.ClientError):
            await session.ws_connect(server.make_url("/ws/market"))
    await server.close()
    assert left
    assert [record.getMessage() for record in caplog.records] == []


@pytest.mark.parametrize("says", ["delayed", "live", "unmatched"])
@pytest.mark.parametrize("kind", ["GTC", "FAK", "FOK"])
async def test_item_10_an_answer_before_the_delay_is_over_says_nothing_of_fills(
    says: str, kind: str
) -> None:
    rule = {"fault": "early_answer", "says": says, "nth": 1}
    async with standing(Stand(faults=[rule], delay_ms=150)) as stand:
        wallet = await stand.login()
        amount = 10 * SHARES if kind == "GTC" else 5 * DOLLARS
        status, told = await wallet.post(wallet.order(Side.BUY, 5500, amount, kind=kind))
        assert (status, told["success"], told["status"]) == (200, True, says)
        assert (told["makingAmount"], told["takingAmount"], told["tradeIDs"]) == ("", "", [])
        path = f"/data/order/{told['orderID']}"
        assert (await wallet.send("GET", path))[1]["status"] == "DELAYED"
        stand.step(0.2)
        _, order = await wallet.send("GET", path)
        assert (order["status"], float(order["size_matched"]) > 0) == ("MATCHED", True)


async def test_item_10_a_fak_that_was_answered_early_may_still_find_nothing() -> None:
    rule = {"fault": "early_answer", "says": "live", "nth": 1}
    gone = SetBook(START + 100_000_000, SLUG, BIDS, ((9000, 10 * SHARES),))
    async with standing(Stand([gone], faults=[rule], delay_ms=150)) as stand:
        wallet = await stand.login()
        _, told = await wallet.post(wallet.order(Side.BUY, 5500, 5 * DOLLARS, kind="FAK"))
        assert told["status"] == "live"
        stand.step(0.2)
        (order,) = stand.ledger.state.orders.values()
        assert order.state is OrderState.KILLED
        assert not order.filled_shares


async def test_item_10_what_only_rests_is_not_answered_early() -> None:
    async def act(stand: Stand, wallet: Wallet) -> None:
        del stand
        assert (await wallet.post(resting(wallet)))[1]["status"] == "live"

    await with_rule({"fault": "early_answer", "nth": 1}, act)


async def test_item_20_every_request_is_written_down_with_how_it_ended(tmp_path: Path) -> None:
    rules = [
        {"fault": "withheld_after", "nth": 2, "seconds": 0.05},
        {"fault": "html_502_before", "nth": 3},
    ]
    log = RequestLog(tmp_path, most_bytes=1_000_000, now_ns=START)
    async with standing(Stand(faults=rules, requests=log)) as stand:
        wallet = await stand.login()
        first = resting(wallet)
        await wallet.post(first)
        with pytest.raises(aiohttp.ClientError):
            await wallet.post(resting(wallet))
        with pytest.raises(aiohttp.ContentTypeError):
            await wallet.post(resting(wallet))
        await wallet.post(first)
        await stand.get("/book", token_id="1")
        await stand.get("/simulator/time")
    lines = [json.loads(line) for line in (tmp_path / FILE_NAME).read_text().splitlines()[1:]]
    asked = {line["number"]: line for line in lines if "request" in line}
    ended = {line["number"]: line for line in lines if "request" not in line}
    assert list(ended) == list(asked) == [1, 2, 3, 4, 5, 6]
    assert [asked[number]["request"] for number in asked] == [
        "POST /auth/api-key",
        *["POST /order"] * 4,
        "GET /book",
    ]
    assert [ended[number]["status"] for number in ended] == [200, 200, None, 502, 400, 404]
    assert [ended[number]["fault"] for number in (2, 3, 4)] == [
        "",
        "withheld_after",
        "html_502_before",
    ]
    assert "Duplicated" in ended[5]["error"]
    assert asked[2]["body"] == asked[5]["body"] == encode(first).decode()
    assert asked[2]["address"] == wallet.signer.address
    assert asked[6]["query"] == "token_id=1"
    # A login's proof and its answer would let anybody sign in.
    text = (tmp_path / FILE_NAME).read_text()
    assert wallet.credentials.secret not in text
    assert wallet.credentials.passphrase not in text
