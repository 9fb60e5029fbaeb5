"""A websocket feed that keeps itself connected: frames out, reconnects with jitter, and says so.

What is sent at the start and at a change of subscription differs by channel and is a `Dialect`;
everything else (deadlines, back-off, back-pressure) is the same for all three.
"""

import asyncio
import contextlib
import logging
import random
from collections import deque
from collections.abc import Callable, Sequence
from typing import Protocol

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from polybot.ports import Clock, StreamFrame

logger = logging.getLogger(__name__)

PING_S = 10.0
# Reading pauses while this many frames wait for the service: TCP then slows the sender down.
WAITING_FRAMES = 4096
BACKOFF_FIRST_S = 0.25
BACKOFF_CAP_S = 30.0


class Dialect(Protocol):
    """What one channel expects to be told."""

    name: str
    ping: str

    def opening(self, subjects: Sequence[str]) -> list[str] | None:
        """Return the frames to send after connecting; None while there is nothing to subscribe."""

    def change(self, old: Sequence[str], new: Sequence[str]) -> list[str] | None:
        """Return the frames that turn one subscription into another; None means reconnect."""


class WebsocketStream:
    """Connects, subscribes, reads; every change of the connection becomes a frame of its own."""

    def __init__(
        self,
        dialect: Dialect,
        url: Callable[[], str | None],
        *,
        wake: asyncio.Event,
        clock: Clock,
        seed: int,
        stale_s: float | None,
    ) -> None:
        self.name = dialect.name
        self._dialect = dialect
        self._url = url
        self._wake = wake
        self._clock = clock
        self._jitter = random.Random(seed)
        self._stale_s = stale_s
        self._frames: deque[StreamFrame] = deque()
        self._room = asyncio.Event()
        self._subjects: tuple[str, ...] = ()
        self._told: tuple[str, ...] = ()
        self._changed = asyncio.Event()
        self._connection: ClientConnection | None = None
        self._last_data_ns: int | None = None
        self._task: asyncio.Task[None] | None = None

    def subscribe(self, subjects: Sequence[str]) -> None:
        """Replace what is subscribed."""
        wanted = tuple(subjects)
        if wanted != self._subjects:
            self._subjects = wanted
            self._changed.set()

    def take(self) -> list[StreamFrame]:
        """Return the frames that arrived since the last call."""
        frames = list(self._frames)
        self._frames.clear()
        self._room.set()
        return frames

    def age_s(self) -> float | None:
        """Return wall seconds since the last data frame."""
        if self._last_data_ns is None:
            return None
        return (self._clock.monotonic_ns() - self._last_data_ns) / 1e9

    async def start(self) -> None:
        """Begin to connect in the background."""
        self._task = asyncio.create_task(self._run(), name=f"stream-{self.name}")

    async def stop(self) -> None:
        """Close the connection and stop reconnecting."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def _run(self) -> None:
        failures = 0
        while True:
            url = self._url()
            if url and self._dialect.opening(self._subjects) is not None:
                why = await self._live_once(url)
                failures = 0 if why.startswith("after data") else failures + 1
                logger.info("%s stream: %s", self.name, why)
            await asyncio.sleep(self._pause_s(failures))

    def _pause_s(self, failures: int) -> float:
        ceiling = min(BACKOFF_FIRST_S * 2 ** min(failures, 10), BACKOFF_CAP_S)
        return self._jitter.uniform(BACKOFF_FIRST_S / 5, ceiling)

    async def _live_once(self, url: str) -> str:
        """Connect and read until the connection ends; return why it did."""
        had_data = False
        try:
            async with connect(
                url, ping_interval=None, max_queue=16, compression=None, open_timeout=5
            ) as connection:
                self._connection = connection
                self._told = self._subjects
                for text in self._dialect.opening(self._told) or ():
                    await connection.send(text)
                self._push(StreamFrame(self.name, self._clock.monotonic_ns(), state="connected"))
                talker = asyncio.create_task(self._talk(connection))
                try:
                    had_data = True
                    await self._read(connection)
                finally:
                    talker.cancel()
                why = "closed by the exchange"
        except (OSError, WebSocketException, TimeoutError) as error:
            why = f"{type(error).__name__}: {error}"
        finally:
            self._connection = None
        if had_data:
            self._push(
                StreamFrame(self.name, self._clock.monotonic_ns(), state=f"disconnected: {why}")
            )
            return f"after data: {why}"
        return why

    async def _read(self, connection: ClientConnection) -> None:
        while True:
            async with asyncio.timeout(self._stale_s):
                message = await connection.recv(decode=False)
            if message == b"PONG":
                continue
            now = self._clock.monotonic_ns()
            self._last_data_ns = now
            self._push(StreamFrame(self.name, now, data=bytes(message)))
            while len(self._frames) >= WAITING_FRAMES:
                self._room.clear()
                await self._room.wait()

    async def _talk(self, connection: ClientConnection) -> None:
        """Send pings, and changes of the subscription."""
        with contextlib.suppress(WebSocketException):
            while True:
                try:
                    async with asyncio.timeout(PING_S):
                        await self._changed.wait()
                except TimeoutError:
                    await connection.send(self._dialect.ping)
                    continue
                self._changed.clear()
                frames = self._dialect.change(self._told, self._subjects)
                self._told = self._subjects
                if frames is None:
                    await connection.close()
                    return
                for text in frames:
                    await connection.send(text)

    def _push(self, frame: StreamFrame) -> None:
        self._frames.append(frame)
        self._wake.set()
