"""What a connection is sent instead of its frames."""

from typing import Any

import pytest

from polybot.simulator.faults.injector import FaultInjector
from polybot.simulator.faults.plan import make_plan
from polybot.simulator.faults.stream import StreamFaults
from tests.unit.simulator.listening import listening
from tests.unit.simulator.samples import MARKET
from tests.unit.simulator.stand import Stand, standing

FRAME = b'[{"event_type":"book"}]'
SUBSCRIBE = {"assets_ids": [MARKET.token_up], "type": "market"}


def stream(*rules: dict[str, Any]) -> tuple[StreamFaults, list[str]]:
    cuts: list[str] = []
    injector = FaultInjector(make_plan({"rules": list(rules)}))
    faults = StreamFaults(injector, "market", now_ns=lambda: 0, cut=lambda: cuts.append("cut"))
    return faults, cuts


def test_item_14_a_frozen_connection_gets_nothing_any_more() -> None:
    faults, cuts = stream({"fault": "freeze", "nth": 2})
    assert [list(faults.passed(FRAME)) for _ in range(4)] == [[FRAME], [], [], []]
    assert cuts == []


def test_item_14_a_connection_is_cut() -> None:
    faults, cuts = stream({"fault": "disconnect", "nth": 2})
    assert list(faults.passed(FRAME)) == [FRAME]
    assert list(faults.passed(FRAME)) == []
    assert cuts == ["cut"]


def test_item_14_a_frame_is_doubled_held_back_or_cut_short() -> None:
    faults, _ = stream({"fault": "duplicate", "nth": 1}, {"fault": "delay", "nth": 2, "seconds": 3})
    assert list(faults.passed(FRAME)) == [FRAME, FRAME]
    assert list(faults.passed(FRAME)) == [3.0, FRAME]
    assert list(faults.passed(FRAME)) == [FRAME]
    broken, _ = stream({"fault": "malformed", "nth": 1}, {"fault": "delay", "nth": 1})
    assert list(broken.passed(FRAME)) == [0.5, FRAME[: len(FRAME) // 2]]


def test_item_13_statuses_have_two_spellings_on_the_user_channel() -> None:
    injector = FaultInjector(make_plan({"rules": [{"fault": "long_event_statuses", "every": 1}]}))
    faults = StreamFaults(injector, "user", now_ns=lambda: 0, cut=lambda: None)
    trade = b'{"event_type":"trade","status":"MINED"}'
    order = b'{"event_type":"order","status":"LIVE"}'
    assert list(faults.passed(trade)) == [b'{"event_type":"trade","status":"TRADE_STATUS_MINED"}']
    assert list(faults.passed(order)) == [b'{"event_type":"order","status":"ORDER_STATUS_LIVE"}']


def test_another_stream_is_left_alone() -> None:
    faults, _ = stream({"fault": "freeze", "every": 1, "stream": "user"})
    assert list(faults.passed(FRAME)) == [FRAME]


async def test_item_14_a_frozen_connection_still_answers_ping() -> None:
    rules = [{"fault": "freeze", "stream": "market", "nth": 2}]
    async with standing(Stand(faults=rules)) as stand, listening(stand, "market") as client:
        await client.say(SUBSCRIBE)
        assert [event["event_type"] for event in await client.hear()] == ["book"]
        await client.say({"assets_ids": [MARKET.token_down], "operation": "subscribe"})
        await client.say("PING")
        assert await client.hear() == "PONG"
        assert stand.faults.total == 1


async def test_item_14_a_cut_connection_ends_without_a_farewell() -> None:
    rules = [{"fault": "disconnect", "nth": 1}]
    async with standing(Stand(faults=rules)) as stand, listening(stand, "market") as client:
        await client.say(SUBSCRIBE)
        assert await client.hear() == 1006


async def test_item_14_a_delayed_frame_is_not_there_before_its_time() -> None:
    rules = [{"fault": "delay", "nth": 1, "seconds": 0.4}]
    async with standing(Stand(faults=rules)) as stand, listening(stand, "market") as client:
        await client.say(SUBSCRIBE)
        with pytest.raises(TimeoutError):
            await client.socket.receive(timeout=0.1)
        assert [event["event_type"] for event in await client.hear()] == ["book"]


async def test_item_14_a_frame_arrives_late_or_unreadable() -> None:
    rules = [
        {"fault": "delay", "nth": 1, "seconds": 0.05},
        {"fault": "malformed", "nth": 2},
    ]
    async with standing(Stand(faults=rules)) as stand, listening(stand, "market") as client:
        await client.say(SUBSCRIBE)
        assert [event["event_type"] for event in await client.hear()] == ["book"]
        await client.say({"assets_ids": [MARKET.token_down], "operation": "subscribe"})
        message = await client.socket.receive(timeout=5)
        assert message.data.startswith('[{"market"')
        assert not message.data.endswith("]")


def test_a_frozen_connection_ends_when_a_disconnect_meets_a_frame_it_does_not_send() -> None:
    faults, cuts = stream({"fault": "freeze", "nth": 1}, {"fault": "disconnect", "nth": 3})
    assert [list(faults.passed(FRAME)) for _ in range(2)] == [[], []]
    assert cuts == []
    assert list(faults.passed(FRAME)) == []
    assert cuts == ["cut"]
