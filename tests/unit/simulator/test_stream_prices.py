"""The price websocket: authenticate, subscribe, receive."""

from polybot.domain.settlement import PriceSource
from polybot.simulator.happenings import TellPrice
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
