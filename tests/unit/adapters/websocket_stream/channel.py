"""A real websocket server, and a stream that listens to it, for the tests of streams."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

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
    ping_s = 10.0

    def __init__(self) -> None:
        self.reconnects = False
        self.may_return = True
        self.closed_with: list[int] = []

    def opening(self, subjects: Sequence[str]) -> list[str] | None:
        return [f"open {','.join(subjects)}"] if subjects else None

    def change(self, old: Sequence[str], new: Sequence[str]) -> list[str] | None:
        if old == new:
            return []
        return None if self.reconnects else [f"{','.join(old)} to {','.join(new)}"]

    def may_return_soon(self, code: int) -> bool:
        self.closed_with.append(code)
        return self.may_return


class Channel:
    """A real websocket server; keeps what each connection said, says what a test wants."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.heard: list[list[str]] = []
        self.peers: list[ServerConnection] = []
        self.server: Server | None = None
        self.answers_pings = True
        self._tls = tls

    @property
    def url(self) -> str | None:
        if self.server is None:
            return None
        scheme = "wss" if self._tls else "ws"
        return f"{scheme}://127.0.0.1:{next(iter(self.server.sockets)).getsockname()[1]}"

    async def listen(self) -> None:
        self.server = await serve(
            self._serve, "127.0.0.1", 0, close_timeout=0.1, compression=None, ssl=self._tls
        )

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
                heard.append(str(text))
                if text == "PING" and self.answers_pings:
                    await peer.send("PONG")
        except ConnectionClosed:
            return


class Listener:
    """A stream under test, with everything it handed over so far."""

    def __init__(self, channel: Channel, **settings: Any) -> None:
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
            **({"stale_s": None, "ping_s": PATIENCE_S, "waiting_frames": 100} | settings),
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
async def listening(channel: Channel, **settings: Any) -> AsyncIterator[Listener]:
    listener = Listener(channel, **settings)
    await listener.stream.start()
    try:
        yield listener
    finally:
        await listener.stream.stop()


async def until(fact: Callable[[], object]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not fact():  # noqa: ASYNC110 - facts of a server, not of a task
            await asyncio.sleep(0.005)


def connected_times(listener: Listener, count: int) -> bool:
    return listener.states().count("connected") == count
