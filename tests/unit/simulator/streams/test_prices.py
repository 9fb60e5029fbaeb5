"""The price websocket: authenticate, subscribe, receive."""

import asyncio

from polybot.domain.settlement import PriceSource
from polybot.simulator.happenings import TellPrice
from polybot.simulator.streams.socket_session import OPEN_SOCKETS, close_all
from tests.unit.simulator.listening import listening
from tests.unit.simulator.samples import START, S
from tests.unit.simulator.stand import Stand, standing

PRICES = [
    TellPrice(START + n * S, "btc", PriceSource.CHAINLINK, START + (n - 1) * S, 70_000 * 10**8)
    for n in range(3)
]
SUBSCRIBE = {
    "op": "subscribe",
    "rid": "2",
    "subscriptions": [
        {"channel": "price.crypto", "filter": {"symbol": "btcusd"}},
        {"channel": "price.crypto.twap", "filter": {"symbol": "btcusd", "window_seconds": 60}},
        {"channel": "price.weather", "filter": {"symbol": "btcusd"}},
    ],
}


async def test_prices_follow_authentication_and_subscription() -> None:
    async with standing(Stand(PRICES)) as stand, listening(stand, "price") as client:
        wallet = await stand.login()
        await client.say({"op": "auth", "rid": "1", "auth": wallet.auth()})
        assert await client.hear() == {"op": "authed", "rid": "1"}
        await client.say(SUBSCRIBE)
        told = [await client.hear() for _ in range(4)]
        assert [(frame.get("op"), frame.get("channel")) for frame in told] == [
            ("subscribed", "price.crypto"),
            (None, "price.crypto"),
            ("subscribed", "price.crypto.twap"),
            ("error", "price.weather"),
        ]
        assert told[1]["snapshot"] is True
        stand.step(1)
        frame = await client.hear()
        assert (frame["seq"], frame["payload"]["symbol"]) == (2, "btcusd")
        await client.say("PING")
        assert await client.hear() == "PONG"
        await client.say({"op": "ping", "rid": "9"})
        assert await client.hear() == {"op": "pong", "rid": "9"}


async def test_a_channel_that_is_left_is_acknowledged_and_silent() -> None:
    async with standing(Stand(PRICES)) as stand, listening(stand, "price") as client:
        wallet = await stand.login()
        await client.say({"op": "auth", "rid": "1", "auth": wallet.auth()})
        await client.say(SUBSCRIBE | {"subscriptions": SUBSCRIBE["subscriptions"][:1]})
        told = [await client.hear() for _ in range(3)]
        assert told[-1]["channel"] == "price.crypto"
        await client.say(SUBSCRIBE | {"op": "unsubscribe", "rid": "3"})
        left = [await client.hear() for _ in range(3)]
        assert {frame["op"] for frame in left} == {"unsubscribed"}
        assert [frame["channel"] for frame in left] == [
            "price.crypto",
            "price.crypto.twap",
            "price.weather",
        ]
        stand.step(1)
        await client.say({"op": "ping", "rid": "9"})
        assert await client.hear() == {"op": "pong", "rid": "9"}


async def test_an_error_has_a_code_the_official_client_knows() -> None:
    async with standing(Stand()) as stand, listening(stand, "price") as client:
        wallet = await stand.login()
        await client.say({"op": "auth", "rid": "1", "auth": wallet.auth()})
        await client.hear()
        strange = [
            {"channel": "price.weather", "filter": {"symbol": "btcusd"}},
            {"channel": "price.crypto.twap", "filter": {"symbol": "btcusd", "window_seconds": 30}},
        ]
        await client.say({"op": "subscribe", "rid": "2", "subscriptions": strange})
        assert [(await client.hear())["code"] for _ in strange] == ["bad_channel", "bad_filter"]


async def test_who_is_not_authenticated_is_closed_with_4001() -> None:
    async with standing(Stand()) as stand:
        for first in (
            SUBSCRIBE,
            {"op": "auth", "auth": {"apiKey": "a", "secret": "b", "passphrase": "c"}},
        ):
            async with listening(stand, "price") as client:
                await client.say(first)
                assert await client.hear() == 4001


async def test_nonsense_and_too_much_are_closed_with_4008() -> None:
    async with standing(Stand()) as stand:
        wallet = await stand.login()
        many = {"op": "subscribe", "subscriptions": SUBSCRIBE["subscriptions"] * 22}  # type: ignore[operator]
        for frame in ("nonsense", many):
            async with listening(stand, "price") as client:
                await client.say({"op": "auth", "rid": "1", "auth": wallet.auth()})
                await client.hear()
                await client.say(frame)
                assert await client.hear() == 4008


async def test_item_18_too_many_subscribe_frames_in_a_second_break_the_rules() -> None:
    async with standing(Stand()) as stand, listening(stand, "price") as client:
        wallet = await stand.login()
        await client.say({"op": "auth", "rid": "1", "auth": wallet.auth()})
        assert (await client.hear())["op"] == "authed"
        one = {"channel": "price.crypto", "filter": {"symbol": "btcusd"}}
        for number in range(20):
            await client.say({"op": "subscribe", "rid": str(number), "subscriptions": [one]})
            assert (await client.hear())["op"] == "subscribed"
        await client.say({"op": "subscribe", "rid": "x", "subscriptions": [one]})
        assert await client.hear() == 4008


async def test_item_18_a_connection_is_drained_when_the_process_goes_away() -> None:
    async with standing(Stand()) as stand, listening(stand, "price") as client:
        await client.say("PING")
        assert await client.hear() == "PONG"
        sockets = stand.app[OPEN_SOCKETS]
        closing = asyncio.create_task(close_all(stand.app))
        assert len(sockets) == 1
        assert await client.hear() == 4003
        await closing


async def test_item_18_what_the_server_left_out_is_numbered_and_told() -> None:
    told = [
        TellPrice(START + n * S, "btc", PriceSource.CHAINLINK, START + n * S, n) for n in (1, 2, 3)
    ]
    rules = [{"fault": "drop", "nth": 2}]
    async with standing(Stand(told, faults=rules)) as stand, listening(stand, "price") as client:
        wallet = await stand.login()
        await client.say({"op": "auth", "auth": wallet.auth()})
        await client.hear()
        one = {"channel": "price.crypto", "filter": {"symbol": "btcusd"}}
        await client.say({"op": "subscribe", "subscriptions": [one]})
        await client.hear()
        stand.step(4)
        first, second = await client.hear(), await client.hear()
        assert (first["seq"], first.get("dropped", 0)) == (1, 0)
        assert (second["seq"], second["dropped"]) == (3, 1)
