"""Rows of the checklist that are about the market and user channels."""

from collections.abc import AsyncIterator

import msgspec
import pytest

from polybot.domain.market import Outcome
from polybot.domain.order import Side
from polybot.domain.settlement import PriceSource
from polybot.exchange.wire_gamma import MARKET_VERSION_PROTOCOL
from polybot.simulator.happenings import (
    CloseWindow,
    Happening,
    ListWindow,
    ResolveWindow,
    SetBook,
    SetLevels,
    TellPrice,
)
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


async def test_item_07_a_new_tick_is_told_for_both_tokens_and_followed_by_whole_books() -> None:
    beyond = SetBook(START + 5 * S, SLUG, ((9650, SHARES),), ((9800, SHARES),))
    async with standing(Stand([beyond])) as stand, listening(stand, "market") as client:
        await client.say(MARKET_WORDS)
        await client.hear()
        stand.step(6)
        told = await client.hear()
        ticks = [event for event in told if event["event_type"] == "tick_size_change"]
        found = [(e["asset_id"], e["old_tick_size"], e["new_tick_size"]) for e in ticks]
        assert found == [(token, "0.01", "0.001") for token in MARKET_WORDS["assets_ids"]]
        after = told[told.index(ticks[-1]) + 1 :]
        assert [(e["event_type"], e["asset_id"], e["tick_size"]) for e in after] == [
            ("book", token, "0.001") for token in MARKET_WORDS["assets_ids"]
        ]
        _, told = await stand.get("/tick-size", token_id=MARKET.token_down)
        assert told == {"minimum_tick_size": 0.001}


async def test_item_09_the_owner_hears_that_the_end_made_an_order_invalid() -> None:
    close = CloseWindow(MARKET.close_ns, SLUG)
    async with standing(Stand([close])) as stand, listening(stand, "user") as client:
        wallet = await stand.login()
        await client.say({"type": "user", "auth": wallet.auth(), "markets": []})
        await client.say("PING")
        assert await client.hear() == "PONG"
        _, placed = await wallet.post(wallet.order(Side.BUY, 4000, 10 * SHARES))
        assert (await client.hear())["type"] == "PLACEMENT"
        stand.step(300)
        event = await client.hear()
        assert (event["id"], event["status"]) == (placed["orderID"], "INVALID")


async def test_item_12_a_resolution_is_told_to_those_who_asked_for_extras() -> None:
    end: list[Happening] = [
        CloseWindow(START + 10 * S, SLUG),
        ResolveWindow(START + 40 * S, SLUG, Outcome.DOWN),
    ]
    async with standing(Stand(end)) as stand, listening(stand, "market") as client:
        await client.say({**MARKET_WORDS, "custom_feature_enabled": True})
        await client.hear()
        stand.step(50)
        told = await client.hear()
        (event,) = [event for event in told if event["event_type"] == "market_resolved"]
        assert (event["winning_asset_id"], event["winning_outcome"]) == (MARKET.token_down, "Down")


async def test_item_13_who_comes_back_is_told_nothing_of_what_was(stand: Stand) -> None:
    wallet = await stand.login()
    words = {"type": "user", "auth": wallet.auth(), "markets": []}
    async with listening(stand, "user") as client:
        await client.say(words)
        await client.say("PING")
        assert await client.hear() == "PONG"
    await wallet.post(wallet.order(Side.BUY, 5200, 10 * SHARES))
    async with listening(stand, "user") as client, listening(stand, "market") as market:
        await client.say(words)
        await client.say("PING")
        assert await client.hear() == "PONG"
        await market.say(MARKET_WORDS)
        assert [event["event_type"] for event in await market.hear()] == ["book", "book"]
        await market.say("PING")
        assert await market.hear() == "PONG"
        # What comes next is only what happens next.
        stand.step(3)
        event = await client.hear()
        assert (event["event_type"], event["status"]) == ("trade", "MINED")


async def test_item_13_nothing_of_a_market_is_numbered() -> None:
    change = SetLevels(START + 5 * S, SLUG, ((Side.BUY, 5100, SHARES),))
    async with standing(Stand([change])) as stand, listening(stand, "market") as client:
        await client.say(MARKET_WORDS)
        await client.hear()
        stand.step(6)
        (event,) = await client.hear()
        assert sorted(event) == ["event_type", "market", "price_changes", "timestamp"]
        tokens = [row["asset_id"] for row in event["price_changes"]]
        assert tokens == [MARKET.token_up, MARKET.token_down]


async def test_item_14_an_event_comes_twice_in_the_same_bytes() -> None:
    rules = [{"fault": "duplicate", "stream": "user", "nth": 1}]
    async with standing(Stand(faults=rules)) as stand, listening(stand, "user") as client:
        wallet = await stand.login()
        await client.say({"type": "user", "auth": wallet.auth(), "markets": []})
        await client.say("PING")
        assert await client.hear() == "PONG"
        await wallet.post(wallet.order(Side.BUY, 4000, 10 * SHARES))
        first, second = await client.hear(), await client.hear()
        assert first == second
        assert first["type"] == "PLACEMENT"


async def test_item_18_the_average_begins_with_two_minutes_and_goes_on_numbered() -> None:
    told = [
        TellPrice(START + n * S, "btc", PriceSource.CHAINLINK_TWAP, START + n * S, 7 * 10**12 + n)
        for n in range(204)
    ]
    async with standing(Stand(told)) as stand, listening(stand, "price") as client:
        stand.step(200)
        wallet = await stand.login()
        await client.say({"op": "auth", "rid": "1", "auth": wallet.auth()})
        assert await client.hear() == {"op": "authed", "rid": "1"}
        asked = {"symbol": "btcusd", "window_seconds": 60}
        one = {"channel": "price.crypto.twap", "filter": asked}
        await client.say({"op": "subscribe", "rid": "2", "subscriptions": [one]})
        heard = [await client.hear() for _ in range(2)]
        (first,) = [frame for frame in heard if "payload" in frame]
        assert (first["seq"], first["snapshot"]) == (1, True)
        assert len(first["payload"]["data"]) == 121
        assert first["payload"]["window_seconds"] == 60
        stand.step(2)
        updates = [await client.hear() for _ in range(2)]
        assert [frame["seq"] for frame in updates] == [2, 3]
        assert updates[-1]["payload"]["full_accuracy_value"] == "70000.00000202"


async def test_item_18_who_is_not_known_is_closed_with_4001(stand: Stand) -> None:
    forged = {"apiKey": "a", "secret": "b", "passphrase": "c"}
    async with listening(stand, "price") as client:
        await client.say({"op": "auth", "rid": "1", "auth": forged})
        assert await client.hear() == 4001
