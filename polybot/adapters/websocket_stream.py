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
from dataclasses import KW_ONLY, dataclass, field
from typing import TYPE_CHECKING, Protocol

from polybot.ports import Clock, StreamFrame

if TYPE_CHECKING:
    from websockets.asyncio.client import ClientConnection

logger = logging.getLogger(__name__)

PONG = b"PONG"
PING_S = 10.0
# Reading pauses while this many frames wait for the service: TCP then slows the sender down.
WAITING_FRAMES = 4096
BACKOFF_FIRST_S = 0.25
BACKOFF_CAP_S = 30.0
# A restart of the other side is over sooner than this many tries.
WORRYING_FAILURES = 6
OPEN_TIMEOUT_S = 5.0
# Whoever does not answer a close is gone already.
CLOSE_TIMEOUT_S = 1.0


class Dialect(Protocol):
    """What one channel expects to be told."""

    name: str
    ping: str

    def opening(self, subjects: Sequence[str]) -> list[str] | None:
        """Return the frames to send after connecting; None while there is nothing to subscribe."""

    def change(self, old: Sequence[str], new: Sequence[str]) -> list[str] | None:
        """Return the frames that turn one subscription into another; None means reconnect."""


@dataclass(slots=True)
class WebsocketStream:
    """Connects, subscribes, reads; every change of the connection becomes a frame of its own.

    `url` is asked before each attempt, None means that nobody listens yet. A connection without a
    data frame for `stale_s` is given up, however many pings it answers. `ping_s` and
    `waiting_frames` are shorter in tests.
    """

    dialect: Dialect
    url: Callable[[], str | None]
    _: KW_ONLY
    wake: asyncio.Event
    clock: Clock
    seed: int
    stale_s: float | None
    ping_s: float = PING_S
    waiting_frames: int = WAITING_FRAMES
    name: str = field(init=False)
    _jitter: random.Random = field(init=False)
    _frames: deque[StreamFrame] = field(init=False, default_factory=deque)
    _room: asyncio.Event = field(init=False, default_factory=asyncio.Event)
    _changed: asyncio.Event = field(init=False, default_factory=asyncio.Event)
    _subjects: tuple[str, ...] = field(init=False, default=())
    _told: tuple[str, ...] = field(init=False, default=())
    _last_data_ns: int | None = field(init=False, default=None)
    _task: asyncio.Task[None] | None = field(init=False, default=None)
    _is_lost: bool = field(init=False, default=False)

    def __post_init__(self) -> None:
        self.name = self.dialect.name
        self._jitter = random.Random(self.seed)

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
        return (self.clock.monotonic_ns() - self._last_data_ns) / 1e9

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
            url = self.url()
            told = self._subjects
            opening = self.dialect.opening(told) if url else None
            if url and opening is not None:
                self._told = told
                worked, why = await self._live_once(url, opening)
                # Whoever lets us in only to close again is not asked again at once.
                failures = 0 if worked else failures + 1
                self._say_ended(why, failures)
            await asyncio.sleep(self._pause_s(failures))

    def _say_ended(self, why: str, failures: int) -> None:
        """Log the loss of a connection, and once that it does not come back."""
        if self._is_lost and failures != WORRYING_FAILURES:
            return
        how = f"still not back after {failures} tries" if self._is_lost else "lost"
        self._is_lost = True
        logger.info("%s stream: %s: %s", self.name, how, why)

    def _say_connected(self) -> None:
        self._push(state="connected")
        if self._is_lost:
            self._is_lost = False
            logger.info("%s stream: connected again", self.name)

    def _pause_s(self, failures: int) -> float:
        ceiling = min(BACKOFF_FIRST_S * 2 ** min(failures, 10), BACKOFF_CAP_S)
        return self._jitter.uniform(BACKOFF_FIRST_S / 5, ceiling)

    async def _live_once(self, url: str, opening: list[str]) -> tuple[bool, str]:
        """Read until the connection ends; return whether it was one worth having, and why it ended.

        It was when it brought data, or lived longer than a ping.
        """
        # A process is ready before its first connection, and need not wait for this to load.
        from websockets.asyncio.client import connect  # noqa: PLC0415
        from websockets.exceptions import WebSocketException  # noqa: PLC0415

        connected = False
        before_ns = self._last_data_ns
        loop = asyncio.get_running_loop()
        began = loop.time()
        try:
            async with connect(
                url,
                ping_interval=None,
                max_queue=16,
                compression=None,
                proxy=None,
                open_timeout=OPEN_TIMEOUT_S,
                close_timeout=CLOSE_TIMEOUT_S,
            ) as connection:
                for text in opening:
                    await connection.send(text)
                self._say_connected()
                connected = True
                await self._converse(connection)
            why = "closed"
        except TimeoutError as error:
            why = str(error) or f"no data for {self.stale_s or 0:g} s"
        except (OSError, WebSocketException) as error:
            why = str(error) or type(error).__name__
        if connected:
            self._push(state=f"disconnected: {why}")
        lived = connected and loop.time() - began > self.ping_s
        return lived or self._last_data_ns != before_ns, why

    async def _converse(self, connection: "ClientConnection") -> None:
        talker = asyncio.create_task(self._talk(connection))
        try:
            await self._read(connection)
        finally:
            talker.cancel()

    async def _read(self, connection: "ClientConnection") -> None:
        while True:
            async with asyncio.timeout(self.stale_s):
                message = await connection.recv(decode=False)
                # A server may freeze and still answer pings: they are no sign of life.
                while message == PONG:
                    message = await connection.recv(decode=False)
            self._last_data_ns = self.clock.monotonic_ns()
            self._push(data=bytes(message))
            while len(self._frames) >= self.waiting_frames:
                self._room.clear()
                await self._room.wait()

    async def _talk(self, connection: "ClientConnection") -> None:
        """Send pings, and changes of the subscription."""
        from websockets.exceptions import WebSocketException  # noqa: PLC0415

        loop = asyncio.get_running_loop()
        ping_at = loop.time() + self.ping_s
        with contextlib.suppress(WebSocketException):
            while True:
                try:
                    async with asyncio.timeout_at(ping_at):
                        await self._changed.wait()
                except TimeoutError:
                    ping_at = loop.time() + self.ping_s
                    await connection.send(self.dialect.ping)
                    continue
                self._changed.clear()
                told, self._told = self._told, self._subjects
                frames = self.dialect.change(told, self._told)
                if frames is None:
                    await connection.close()
                    return
                for text in frames:
                    await connection.send(text)

    def _push(self, *, data: bytes = b"", state: str = "") -> None:
        self._frames.append(
            StreamFrame(self.name, self.clock.monotonic_ns(), data=data, state=state)
        )
        self.wake.set()
