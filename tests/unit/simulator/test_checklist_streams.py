"""Rows of the checklist that are about the market and user channels."""

from collections.abc import AsyncIterator

import msgspec
import pytest

from polybot.domain.order import Side
from polybot.exchange.contracts import MARKET_VERSION_PROTOCOL
from polybot.simulator.happenings import ListWindow, SetLevels
from tests.unit.simulator.listening import listening
from tests.unit.simulator.samples import DOLLARS, MARKET, SHARES, SLUG, START, S
from tests.unit.simulator.stand import Stand, standing

PROTOCOL = msgspec.structs.replace(
    MARKET,
    slug="btc-updown-15m-1800000000",
    condition_id="0x" + "cd" * 32,
    token_up="2001",
    token_down="2002",
    version=MARKET_VERSION_PROTOCOL,
)
MARKET_WORDS = {"type": "market", "assets_ids": [MARKET.token_up, MARKET.token_down]}


@pytest.fixture
async def stand() -> AsyncIterator[Stand]:
    async with standing(Stand()) as served:
        yield served


async def test_item_13_the_market_channel_begins_with_an_array_of_books(stand: Stand) -> None:
    async with listening(stand, "market") as client:
        await client.say(MARKET_WORDS)
        first = await client.hear()
        assert [event["event_type"] for event in first] == ["book", "book"]
        await client.say("PING")
        assert await client.hear() == "PONG"
        assert "seq" not in first[0]


async def test_item_13_an_early_ping_closes_with_1008(stand: Stand) -> None:
    async with listening(stand, "market") as client:
        await client.say("PING")
        assert await client.hear() == 1008


async def test_item_13_no_first_books_for_who_wants_none(stand: Stand) -> None:
    async with listening(stand, "market") as client:
        await client.say({**MARKET_WORDS, "initial_dump": False, "level": 2})
        await client.say("PING")
        assert await client.hear() == "PONG"


async def test_item_13_tokens_come_and_go_by_operation() -> None:
    change = SetLevels(START + 5 * S, SLUG, ((Side.BUY, 5100, SHARES),))
    later = SetLevels(START + 9 * S, SLUG, ((Side.BUY, 5100, 2 * SHARES),))
    async with standing(Stand([change, later])) as stand, listening(stand, "market") as client:
        await client.say({"type": "market", "assets_ids": []})
        await client.say({"operation": "subscribe", "assets_ids": [MARKET.token_down]})
        assert [event["event_type"] for event in await client.hear()] == ["book"]
        stand.step(6)
        (event,) = await client.hear()
        assert [row["asset_id"] for row in event["price_changes"]] == [
            MARKET.token_up,
            MARKET.token_down,
        ]
        await client.say({"operation": "unsubscribe", "assets_ids": [MARKET.token_down]})
        await client.say("PING")
        assert await client.hear() == "PONG"
        stand.step(6)
        await client.say("PING")
        assert await client.hear() == "PONG"


async def test_item_13_extras_come_to_those_who_asked() -> None:
    listed = ListWindow(START + 5 * S, PROTOCOL)
    async with (
        standing(Stand([listed])) as stand,
        listening(stand, "market") as plain,
        listening(stand, "market") as extra,
    ):
        await plain.say(MARKET_WORDS)
        await extra.say({**MARKET_WORDS, "custom_feature_enabled": True})
        await plain.hear()
        await extra.hear()
        stand.step(6)
        (event,) = await extra.hear()
        assert (event["event_type"], event["slug"]) == ("new_market", PROTOCOL.slug)
        assert event["assets_ids"] == ["2001", "2002"]
        await plain.say("PING")
        assert await plain.hear() == "PONG"


async def test_item_13_user_events_are_shuffled_by_seed() -> None:
    async def kinds(seed: int) -> list[str]:
        stand = Stand()
        async with standing(stand), listening(stand, "user") as client:
            rules = {"seed": seed, "rules": [{"fault": "shuffle", "every": 1}]}
            async with stand.session.post("/simulator/faults", json=rules):
                pass
            wallet = await stand.login()
            await client.say({"type": "user", "auth": wallet.auth(), "markets": []})
            await client.say("PING")
            await client.hear()
            await wallet.post(wallet.order(Side.BUY, 5300, 60 * SHARES))
            events = [await client.hear() for _ in range(4)]
            return [event["type"] for event in events]

    found = [await kinds(seed) for seed in range(6)]
    assert found[0] == await kinds(0)
    assert all(sorted(row) == ["PLACEMENT", "TRADE", "TRADE", "UPDATE"] for row in found)
    assert len({tuple(row) for row in found}) > 1


async def test_item_13_the_user_channel_tells_each_status_once(stand: Stand) -> None:
    async with listening(stand, "user") as client:
        await client.say({"type": "user", "auth": {"apiKey": "x", "secret": "", "passphrase": ""}})
        assert await client.hear() == 1008
    wallet = await stand.login()
    async with listening(stand, "user") as client:
        words = {"type": "user", "auth": wallet.auth(), "markets": [MARKET.condition_id]}
        await client.say(words)
        await client.say("PING")
        assert await client.hear() == "PONG"
        await wallet.post(wallet.order(Side.BUY, 5200, 10 * DOLLARS, kind="FAK"))
        first = [await client.hear() for _ in range(3)]
        stand.step(3)
        mined = await client.hear()
        stand.step(5)
        confirmed = await client.hear()
        trades = [event for event in (*first, mined, confirmed) if event["event_type"] == "trade"]
        assert [trade["status"] for trade in trades] == ["MATCHED", "MINED", "CONFIRMED"]


async def test_item_13_events_of_other_markets_are_left_out(stand: Stand) -> None:
    wallet = await stand.login()
    async with listening(stand, "user") as client:
        await client.say({"type": "user", "auth": wallet.auth(), "markets": ["0x77"]})
        await client.say("PING")
        assert await client.hear() == "PONG"
        await wallet.post(wallet.order(Side.BUY, 4000, 10 * SHARES))
        await client.say("PING")
        assert await client.hear() == "PONG"
