"""The market websocket as clients meet it."""

import pytest

from polybot.domain.order import Side
from polybot.simulator.happenings import SetLevels
from tests.unit.simulator.listening import listening
from tests.unit.simulator.samples import MARKET, SHARES, SLUG, START, S
from tests.unit.simulator.stand import Stand, standing

UP, DOWN = MARKET.token_up, MARKET.token_down
BETTER = SetLevels(START + S, SLUG, ((Side.BUY, 5100, 7 * SHARES),))


async def test_the_first_frame_is_an_array_of_books_and_changes_follow() -> None:
    async with standing(Stand([BETTER])) as stand, listening(stand, "market") as client:
        await client.say({"assets_ids": [UP, DOWN, "77"], "type": "market"})
        books = await client.hear()
        assert [book["asset_id"] for book in books] == [UP, DOWN]
        assert {book["event_type"] for book in books} == {"book"}
        await client.say("PING")
        assert await client.hear() == "PONG"
        stand.step(1)
        (change,) = await client.hear()
        assert change["event_type"] == "price_change"
        assert change["timestamp"] == str((START + S) // 1_000_000)


async def test_a_ping_before_the_first_subscription_closes_with_1008() -> None:
    async with standing(Stand()) as stand, listening(stand, "market") as client:
        await client.say("PING")
        assert await client.hear() == 1008


async def test_a_first_frame_that_is_no_subscription_closes_with_1008() -> None:
    async with standing(Stand()) as stand, listening(stand, "market") as client:
        await client.say("hello")
        assert await client.hear() == 1008


async def test_tokens_come_and_go_and_bad_frames_later_are_ignored_and_said_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with standing(Stand([BETTER])) as stand, listening(stand, "market") as client:
        await client.say({"assets_ids": [], "type": "market"})
        await client.say({"assets_ids": [DOWN], "operation": "subscribe"})
        assert [book["asset_id"] for book in await client.hear()] == [DOWN]
        await client.say({"assets_ids": [DOWN], "operation": "unsubscribe"})
        for _ in range(50):
            await client.say("nonsense")
        await client.say("PING")
        assert await client.hear() == "PONG"
        stand.step(1)
        await client.say("PING")
        assert await client.hear() == "PONG"
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "frames that could not be read: 1 so far, 1 new; the last: market" in caplog.text


async def test_without_an_initial_dump_only_news_is_sent() -> None:
    async with standing(Stand([BETTER])) as stand, listening(stand, "market") as client:
        await client.say({"assets_ids": [UP], "type": "market", "initial_dump": False})
        await client.say("PING")
        assert await client.hear() == "PONG"
        stand.step(1)
        assert (await client.hear())[0]["event_type"] == "price_change"
