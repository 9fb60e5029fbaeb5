import asyncio
import itertools
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial

import pytest
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from polybot.adapters.websocket_stream import WebsocketStream
from polybot.ports import StreamFrame
from tests.fakes import FakeClock

# Far longer than loopback needs: only a broken test waits so long.
PATIENCE_S = 5.0


class Dialect:
    """Says plainly what it is asked; `change` may want a reconnect instead."""

    name = "market"
    ping = "PING"

    def __init__(self) -> None:
        self.reconnects = False

    def opening(self, subjects: Sequence[str]) -> list[str] | None:
        return [f"open {','.join(subjects)}"] if subjects else None

    def change(self, old: Sequence[str], new: Sequence[str]) -> list[str] | None:
        if old == new:
            return []
        return None if self.reconnects else [f"{','.join(old)} to {','.join(new)}"]


class Channel:
    """A real websocket server; keeps what each connection said, says what a test wants."""

    def __init__(self) -> None:
        self.heard: list[list[str]] = []
        self.peers: list[ServerConnection] = []
        self.server: Server | None = None

    @property
    def url(self) -> str | None:
        if self.server is None:
            return None
        return f"ws://127.0.0.1:{next(iter(self.server.sockets)).getsockname()[1]}"

    async def listen(self) -> None:
        self.server = await serve(self._serve, "127.0.0.1", 0, close_timeout=0.1)

    async def say(self, *frames: str | bytes) -> None:
        for frame in frames:
            await self.peers[-1].send(frame)

    async def close(self) -> None:
        if self.server is not None:
            self.server.close()
            await self.server.wait_closed()

    async def _serve(self, peer: ServerConnection) -> None:
        heard: list[str] = []
        self.heard.append(heard)
        self.peers.append(peer)
        try:
            async for text in peer:
                heard.append(str(text))  # noqa: PERF401 - seen while the connection lives
        except ConnectionClosed:
            return


class Listener:
    """A stream under test, with everything it handed over so far."""

    def __init__(self, channel: Channel, **settings: float) -> None:
        self.dialect = Dialect()
        self.clock = FakeClock()
        self.wake = asyncio.Event()
        self.frames: list[StreamFrame] = []
        self.asked_for_url = 0
        self._channel = channel
        self.stream = WebsocketStream(
            self.dialect,
            self._url,
            wake=self.wake,
            clock=self.clock,
            seed=1,
            stale_s=settings.get("stale_s"),
            ping_s=settings.get("ping_s", PATIENCE_S),
            waiting_frames=int(settings.get("waiting_frames", 100)),
        )

    def shown(self) -> list[str | bytes]:
        self.frames += self.stream.take()
        return [frame.data or frame.state for frame in self.frames]

    def states(self) -> list[str]:
        self.shown()
        return [frame.state.split(":")[0] for frame in self.frames if frame.state]

    def _url(self) -> str | None:
        self.asked_for_url += 1
        return self._channel.url


@asynccontextmanager
async def listening(channel: Channel, **settings: float) -> AsyncIterator[Listener]:
    listener = Listener(channel, **settings)
    await listener.stream.start()
    try:
        yield listener
    finally:
        await listener.stream.stop()


@pytest.fixture
async def channel() -> AsyncIterator[Channel]:
    opened = Channel()
    await opened.listen()
    yield opened
    await opened.close()


async def until(fact: Callable[[], object]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not fact():  # noqa: ASYNC110 - facts of a server, not of a task
            await asyncio.sleep(0.005)


def connected_times(listener: Listener, count: int) -> bool:
    return listener.states().count("connected") == count


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
        await channel.say("PONG", b"PONG", "data")
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
        await until(lambda: "disconnected" in listener.states())
        assert "disconnected: no data for 0.1 s" in listener.shown()


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
        assert len(first) <= 6
        listener.frames += first
        await until(lambda: len(listener.shown()) == len(sent) + 1)
        assert listener.shown()[1:] == sent
        await sender


async def test_a_stopped_stream_does_not_come_back(channel: Channel) -> None:
    async with listening(channel) as listener:
        listener.stream.subscribe(["a"])
        await until(lambda: channel.heard == [["open a"]])
    await until(lambda: channel.peers[0].close_code is not None)
    assert list(itertools.chain(*channel.heard)) == ["open a"]
