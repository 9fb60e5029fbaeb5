import asyncio
import itertools
import logging
from collections.abc import AsyncIterator
from functools import partial

import pytest
from websockets.exceptions import ConnectionClosed

from tests.unit.adapters.websocket_stream.channel import (
    Channel,
    connected_times,
    listening,
    until,
)


@pytest.fixture
async def channel() -> AsyncIterator[Channel]:
    opened = Channel()
    await opened.listen()
    yield opened
    await opened.close()


async def test_it_says_that_it_is_connected_and_hands_frames_over_in_order(
    channel: Channel,
) -> None:
    async with listening(channel) as listener:
        listener.stream.subscribe(["a", "b"])
        await until(lambda: channel.heard == [["open a,b"]])
        assert listener.stream.age_s() is None
        await channel.say("one", b"two")
        await until(lambda: listener.shown() == ["connected", b"one", b"two"])
        assert listener.wake.is_set()
        assert {frame.stream for frame in listener.frames} == {"market"}
        listener.clock.advance(2)
        assert listener.stream.age_s() == 2


async def test_nothing_is_sent_before_there_is_something_to_subscribe(channel: Channel) -> None:
    async with listening(channel, ping_s=0.01) as listener:
        await until(lambda: listener.asked_for_url >= 3)
        assert channel.heard == []
        assert listener.shown() == []
        listener.stream.subscribe(["a"])
        await until(lambda: channel.heard)
        await until(lambda: channel.heard[0][:1] == ["open a"])


async def test_pings_are_sent_and_their_answers_dropped(channel: Channel) -> None:
    async with listening(channel, ping_s=0.02) as listener:
        listener.stream.subscribe(["a"])
        await until(lambda: channel.heard and channel.heard[0][1:3] == ["PING", "PING"])
        await channel.say(b"PONG", "data")
        await until(lambda: len(listener.shown()) > 1)
        assert listener.shown() == ["connected", b"data"]


async def test_after_a_close_it_says_so_and_connects_again(channel: Channel) -> None:
    async with listening(channel) as listener:
        listener.stream.subscribe(["a"])
        for count in (1, 2):
            await until(partial(connected_times, listener, count))
            await channel.say("data")
            await channel.peers[-1].close(1001, "going away")
        await until(lambda: len(channel.heard) == 3)
        assert listener.states()[:4] == ["connected", "disconnected"] * 2
        assert all(heard == ["open a"] for heard in channel.heard[:2])
        ended = next(frame for frame in listener.frames if "disconnected" in frame.state)
        assert "going away" in ended.state


async def test_a_server_that_comes_later_is_found(channel: Channel) -> None:
    late = Channel()
    async with listening(late) as listener:
        listener.stream.subscribe(["a"])
        await until(lambda: listener.asked_for_url >= 2)
        assert listener.shown() == []
        late.server = channel.server
        await until(lambda: listener.states() == ["connected"])


async def test_a_change_of_the_subscription_is_sent_on_the_same_connection(
    channel: Channel,
) -> None:
    async with listening(channel) as listener:
        listener.stream.subscribe(["a"])
        await until(lambda: channel.heard == [["open a"]])
        listener.stream.subscribe(["a"])
        listener.stream.subscribe(["a", "b"])
        await until(lambda: channel.heard == [["open a", "a to a,b"]])
        listener.stream.subscribe(["b"])
        await until(lambda: channel.heard == [["open a", "a to a,b", "a,b to b"]])


async def test_a_change_that_cannot_be_told_reconnects(channel: Channel) -> None:
    async with listening(channel) as listener:
        listener.dialect.reconnects = True
        listener.stream.subscribe(["a"])
        await until(lambda: channel.heard == [["open a"]])
        listener.stream.subscribe(["b"])
        await until(lambda: channel.heard == [["open a"], ["open b"]])
        await until(lambda: listener.states() == ["connected", "disconnected", "connected"])


async def test_a_connection_without_data_is_given_up_though_it_answers_pings(
    channel: Channel,
) -> None:
    async with listening(channel, stale_s=0.1, ping_s=0.02) as listener:
        listener.stream.subscribe(["a"])
        await until(lambda: channel.peers)
        while len(channel.peers) == 1:
            try:
                await channel.say("PONG")
            except ConnectionClosed:
                break
            await asyncio.sleep(0.01)
        await until(lambda: "stale" in listener.states())
        assert "stale: no data for 0.1 s" in listener.shown()
        given_up = next(frame for frame in listener.frames if "stale" in frame.state)
        assert given_up.quiet_ns >= 100_000_000


async def test_a_long_absence_is_three_lines_in_the_log(
    channel: Channel, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        async with listening(channel) as listener:
            listener.stream.subscribe(["a"])
            await until(partial(connected_times, listener, 1))
            for failures in range(20):
                listener.stream._say_ended("refused", failures)  # noqa: SLF001
            await channel.peers[-1].close(1001, "going away")
            await until(partial(connected_times, listener, 2))
    ours = [record for record in caplog.records if record.name.startswith("polybot")]
    assert [record.getMessage() for record in ours] == [
        "market stream: lost: refused",
        "market stream: still not back after 6 tries: refused",
        "market stream: connected again",
    ]


async def test_reading_pauses_while_too_many_frames_wait(channel: Channel) -> None:
    sent = [b"x" * 50_000 + b"%d" % number for number in range(400)]
    async with listening(channel, waiting_frames=5) as listener:
        listener.stream.subscribe(["a"])
        await until(lambda: channel.peers)
        sender = asyncio.create_task(channel.say(*sent))
        # The sender is held up: 20 MB fit neither the queue nor the sockets' buffers.
        done, _ = await asyncio.wait([sender], timeout=0.2)
        assert not done
        first = listener.stream.take()
        # What was read already is still handed over.
        assert len(first) <= 16
        listener.frames += first
        await until(lambda: len(listener.shown()) == len(sent) + 1)
        assert listener.shown()[1:] == sent
        await sender


async def test_a_reader_that_is_late_itself_does_not_call_the_other_side_stale(
    channel: Channel,
) -> None:
    channel.answers_pings = False
    async with listening(channel, stale_s=0.1, ping_s=0.04, waiting_frames=2) as listener:
        listener.stream.subscribe(["a"])
        await until(lambda: channel.peers)
        await channel.say("one", "two", "three")
        await asyncio.sleep(0.4)
        assert listener.states() == ["connected"]
        # Once it reads on, silence counts again.
        await until(lambda: "stale" in listener.states())


async def test_a_stopped_stream_does_not_come_back(channel: Channel) -> None:
    async with listening(channel) as listener:
        listener.stream.subscribe(["a"])
        await until(lambda: channel.heard == [["open a"]])
    await until(lambda: channel.peers[0].close_code is not None)
    assert list(itertools.chain(*channel.heard)) == ["open a"]


async def test_two_pings_without_an_answer_end_a_connection_on_which_silence_is_normal(
    channel: Channel,
) -> None:
    channel.answers_pings = False
    async with listening(channel, ping_s=0.03) as listener:
        listener.stream.subscribe(["a"])
        await until(lambda: "stale" in listener.states())
        assert "stale: no answer to 2 pings in 0.06 s" in listener.shown()
        assert channel.heard[0].count("PING") == 2


async def test_answered_pings_keep_a_silent_connection(channel: Channel) -> None:
    async with listening(channel, ping_s=0.01) as listener:
        listener.stream.subscribe(["a"])
        await until(lambda: channel.heard and channel.heard[0].count("PING") > 8)
        assert listener.states() == ["connected"]


async def test_data_is_an_answer_to_a_ping(channel: Channel) -> None:
    channel.answers_pings = False
    async with listening(channel, ping_s=0.05) as listener:
        listener.stream.subscribe(["a"])
        await until(lambda: channel.peers)
        for _ in range(25):
            await channel.say("data")
            await asyncio.sleep(0.01)
        assert listener.states() == ["connected"]


async def test_the_protocol_s_own_pings_do_where_a_channel_has_no_word(channel: Channel) -> None:
    channel.answers_pings = False
    async with listening(channel, ping_s=0.01) as listener:
        listener.dialect.ping = ""
        listener.stream.subscribe(["a"])
        await until(lambda: channel.peers)
        await asyncio.sleep(0.1)
        assert listener.states() == ["connected"]
        assert channel.heard == [["open a"]]


async def test_a_feed_that_may_be_absent_is_stale_only_once_it_spoke(channel: Channel) -> None:
    async with listening(channel, stale_s=0.05, silent_at_first=True) as listener:
        listener.stream.subscribe(["a"])
        await until(lambda: channel.peers)
        await asyncio.sleep(0.15)
        assert listener.states() == ["connected"]
        await channel.say("data")
        await until(lambda: "stale" in listener.states())


async def test_a_close_is_told_with_its_code_and_what_it_means(channel: Channel) -> None:
    async with listening(channel) as listener:
        listener.stream.subscribe(["a"])
        await until(lambda: channel.heard == [["open a"]])
        await channel.peers[-1].close(4002, "slow")
        await until(lambda: listener.dialect.closed_with == [4002])
        assert (
            "disconnected: closed with code 4002 (it says that we read too slowly, slow)"
            in listener.shown()
        )


async def test_a_connection_that_breaks_is_told_as_such(channel: Channel) -> None:
    async with listening(channel) as listener:
        listener.stream.subscribe(["a"])
        await until(lambda: channel.heard == [["open a"]])
        channel.peers[-1].transport.abort()
        await until(lambda: listener.dialect.closed_with == [1006])
        assert "disconnected: closed with code 1006" in listener.shown()


async def test_who_is_refused_comes_back_late(channel: Channel) -> None:
    async with listening(channel) as listener:
        stream = listener.stream
        soon = [stream._pause_s(0, soon=True) for _ in range(200)]  # noqa: SLF001
        late = [stream._pause_s(0, soon=False) for _ in range(200)]  # noqa: SLF001
    assert max(soon) <= 0.25
    assert max(late) > 20
    assert min(*soon, *late) > 0


async def test_the_pause_between_tries_doubles_to_a_cap_and_is_never_the_same(
    channel: Channel,
) -> None:
    async with listening(channel) as listener:
        pauses = {
            failures: [listener.stream._pause_s(failures, soon=True) for _ in range(300)]  # noqa: SLF001
            for failures in (1, 4, 20)
        }
    assert [round(max(some) / 0.25) for some in pauses.values()] == [2, 16, 120]
    assert len(set(pauses[4])) == 300


async def test_a_message_in_parts_is_one_frame(channel: Channel) -> None:
    async with listening(channel) as listener:
        listener.stream.subscribe(["a"])
        await until(lambda: channel.peers)
        await channel.peers[-1].send(["one ", "two ", "three"])
        await channel.say("four")
        await until(lambda: listener.shown() == ["connected", b"one two three", b"four"])


async def test_nobody_is_connected_while_nothing_is_wanted(channel: Channel) -> None:
    async with listening(channel) as listener:
        listener.dialect.reconnects = True
        listener.stream.subscribe(["a"])
        await until(partial(connected_times, listener, 1))
        listener.stream.subscribe([])
        await until(lambda: listener.states() == ["connected", "disconnected"])
        await asyncio.sleep(0.1)
        assert len(channel.heard) == 1
        listener.stream.subscribe(["b"])
        await until(partial(connected_times, listener, 2))
        assert channel.heard[1] == ["open b"]
