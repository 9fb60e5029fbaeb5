"""The legacy price channel, and those of two other exchanges, over real sockets."""

from collections.abc import AsyncIterator

import pytest

from polybot.domain.settlement import PriceSource
from polybot.simulator.happenings import Happening, TellPrice
from tests.unit.simulator.listening import listening
from tests.unit.simulator.samples import START, S
from tests.unit.simulator.stand import Stand, standing

ALL = (PriceSource.BINANCE, PriceSource.CHAINLINK, PriceSource.CHAINLINK_TWAP)


def prices() -> list[Happening]:
    return [
        TellPrice(START + second * S, asset, source, START + second * S, 100 * second + 10**10)
        for second in (1, 2, 5)
        for asset in ("btc", "eth")
        for source in ALL
    ]


@pytest.fixture
async def stand() -> AsyncIterator[Stand]:
    async with standing(Stand(prices())) as served:
        served.step(3)
        yield served


def subscription(topic: str, filters: str = "") -> dict[str, object]:
    row = {"topic": topic, "type": "*", "filters": filters}
    return {"action": "subscribe", "subscriptions": [row]}


async def test_item_18_the_legacy_channel_begins_with_history(stand: Stand) -> None:
    async with listening(stand, "rtds") as client:
        await client.say("PING")
        assert await client.hear() == "PONG"
        await client.say(subscription("crypto_prices_twap_sixty", '{"symbol":"btc/usd"}'))
        first = await client.hear()
        assert (first["topic"], first["type"]) == ("crypto_prices_twap_sixty", "subscribe")
        assert first["payload"]["symbol"] == "btc/usd"
        assert len(first["payload"]["data"]) == 2
        stand.step(3)
        update = await client.hear()
        assert (update["topic"], update["type"]) == ("crypto_prices_twap_sixty", "update")
        assert update["payload"]["timestamp"] == START // 1_000_000 + 5000
        # Nothing of the other asset or the other topics came in between.
        await client.say("PING")
        assert await client.hear() == "PONG"


async def test_item_18_filters_are_names_with_commas_or_absent(stand: Stand) -> None:
    async with listening(stand, "rtds") as client:
        await client.say(subscription("crypto_prices", "btcusdt,ethusdt"))
        symbols = {(await client.hear())["payload"]["symbol"] for _ in range(2)}
        assert symbols == {"btcusdt", "ethusdt"}
    async with listening(stand, "rtds") as client:
        await client.say(subscription("crypto_prices_chainlink"))
        heard = [await client.hear() for _ in range(2)]
        # The past of Chainlink's spot price comes under the topic of Binance's.
        assert {frame["topic"] for frame in heard} == {"crypto_prices"}
        assert {frame["payload"]["symbol"] for frame in heard} == {"btc/usd", "eth/usd"}


async def test_what_is_unsubscribed_or_unreadable_is_silent(stand: Stand) -> None:
    async with listening(stand, "rtds") as client:
        await client.say("nonsense")
        await client.say(subscription("comments"))
        await client.say(subscription("crypto_prices", "btcusdt"))
        assert (await client.hear())["type"] == "subscribe"
        await client.say({**subscription("crypto_prices"), "action": "unsubscribe"})
        await client.say("PING")
        assert await client.hear() == "PONG"
        stand.step(3)
        await client.say("PING")
        assert await client.hear() == "PONG"


@pytest.mark.parametrize("path", ["binance", "binance/btcusdt@trade"])
async def test_item_18_trades_of_another_exchange(stand: Stand, path: str) -> None:
    async with listening(stand, path) as client:
        if "@" not in path:
            await client.say({"method": "SUBSCRIBE", "params": ["btcusdt@trade"], "id": 7})
            assert await client.hear() == {"result": None, "id": 7}
        else:
            await client.say("PING")
            assert await client.hear() == "PONG"
        stand.step(3)
        trade = await client.hear()
        assert (trade["e"], trade["s"], trade["p"]) == ("trade", "BTCUSDT", "100.00000500")
        assert trade["T"] == START // 1_000_000 + 5000


async def test_item_18_tickers_of_a_third_exchange(stand: Stand) -> None:
    async with listening(stand, "coinbase") as client:
        asked = {"type": "subscribe", "product_ids": ["ETH-USD"], "channels": ["ticker"]}
        await client.say(asked)
        told = await client.hear()
        assert (told["type"], told["channels"][0]["product_ids"]) == ("subscriptions", ["ETH-USD"])
        stand.step(3)
        ticker = await client.hear()
        assert (ticker["type"], ticker["product_id"], ticker["price"]) == (
            "ticker",
            "ETH-USD",
            "100.00",
        )
