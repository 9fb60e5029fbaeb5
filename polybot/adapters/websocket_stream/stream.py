"""A websocket feed that keeps itself connected: frames out, reconnects with jitter, and says so.

What is sent at the start, at a change of subscription and as a ping differs by channel and is a
`Dialect`; everything else (deadlines, back-off, back-pressure) is the same for all of them.
"""

import asyncio
import contextlib
import logging
import random
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import KW_ONLY, dataclass, field
from ssl import SSLContext
from typing import TYPE_CHECKING, Protocol

import msgspec

from polybot.ports import Clock, StreamFrame

if TYPE_CHECKING:
    from polybot.adapters.websocket_stream.connection import Connection

logger = logging.getLogger(__name__)

PONG = b"PONG"
# A peer that answered none of this many pings in a row is gone.
UNANSWERED_PINGS = 2
# Reading pauses while this many frames wait for the service: TCP then slows the sender down.
WAITING_FRAMES = 4096
BACKOFF_FIRST_S = 0.25
BACKOFF_CAP_S = 30.0
# A restart of the other side is over sooner than this many tries.
WORRYING_FAILURES = 6
CLOSE_MEANINGS = {
    4001: "it refuses our credentials",
    4002: "it says that we read too slowly",
    4003: "it is being drained",
    4008: "it says that we break a rule of its",
}


class Dialect(Protocol):
    """What one channel expects to be told.

    `ping` is sent every `ping_s` seconds; "" stands for the protocol's own ping frame.
    """

    name: str
    ping: str
    ping_s: float

    def opening(self, subjects: Sequence[str]) -> list[str] | None:
        """Return the frames to send after connecting; None while there is nothing to subscribe."""

    def change(self, old: Sequence[str], new: Sequence[str]) -> list[str] | None:
        """Return the frames that turn one subscription into another; None means reconnect."""

    def may_return_soon(self, code: int) -> bool:
        """Return whether to connect again soon after a close with this code, or rather later."""


class _Deadlines(msgspec.Struct):
    """When to look at a connection again: the next ping, and the moment it counts as stale."""

    ping_s: float
    stale_s: float | None
    heard: float
    data: float
    ping_at: float
    pinged: float = 0.0
    unanswered: int = 0

    def next_at(self) -> float:
        """Return when something is due."""
        return min(self.ping_at, self.data + self.stale_s) if self.stale_s else self.ping_at

    def pinged_at(self, now: float) -> None:
        """Note that a ping was just sent."""
        self.pinged = now
        self.unanswered += 1
        self.ping_at = now + self.ping_s

    def quiet_s(self, now: float) -> float:
        """Return how long nothing came: no data, or where that is normal no sign of life."""
        return now - (self.data if self.stale_s else self.heard)

    def excuse(self, now: float) -> None:
        """Count from now: it was us who did not read."""
        self.heard = self.data = now

    def verdict(self, now: float) -> str:
        """Return why the connection counts as dead, "" while it does not."""
        if self.stale_s and now - self.data >= self.stale_s:
            return f"no data for {self.stale_s:g} s"
        if now < self.ping_at:
            return ""
        if self.heard > self.pinged:
            self.unanswered = 0
        if self.unanswered >= UNANSWERED_PINGS:
            return f"no answer to {self.unanswered} pings in {self.unanswered * self.ping_s:g} s"
        return ""


@dataclass(slots=True)
class WebsocketStream:
    """Connects, subscribes, reads; every change of the connection becomes a frame of its own.

    `url` is asked before each attempt, None means that nobody listens yet. A connection without a
    data frame for `stale_s` is given up however many pings it answers; None where no data is
    normal. With `silent_at_first` that counts only once data ever came: a recording may lack the
    feed. `ping_s` None leaves it to the dialect, `tls` None to the system's certificates.
    """

    dialect: Dialect
    url: Callable[[], str | None]
    _: KW_ONLY
    wake: asyncio.Event
    clock: Clock
    seed: int
    stale_s: float | None
    silent_at_first: bool = False
    ping_s: float | None = None
    waiting_frames: int = WAITING_FRAMES
    user_agent: str = ""
    tls: SSLContext | None = None
    name: str = field(init=False)
    _jitter: random.Random = field(init=False)
    _frames: deque[StreamFrame] = field(init=False, default_factory=deque)
    _attention: asyncio.Event = field(init=False, default_factory=asyncio.Event)
    _subjects: tuple[str, ...] = field(init=False, default=())
    _told: tuple[str, ...] = field(init=False, default=())
    _last_data_ns: int | None = field(init=False, default=None)
    _times: "_Deadlines | None" = field(init=False, default=None)
    _connection: "Connection | None" = field(init=False, default=None)
    _is_paused: bool = field(init=False, default=False)
    _is_lost: bool = field(init=False, default=False)
    _loop_time: Callable[[], float] = field(init=False, default=float)
    _task: asyncio.Task[None] | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        self.name = self.dialect.name
        self._jitter = random.Random(self.seed)

    def subscribe(self, subjects: Sequence[str]) -> None:
        """Replace what is subscribed."""
        wanted = tuple(subjects)
        if wanted != self._subjects:
            self._subjects = wanted
            self._attention.set()

    def take(self) -> list[StreamFrame]:
        """Return the frames that arrived since the last call."""
        frames = list(self._frames)
        self._frames.clear()
        if self._is_paused and self._connection is not None and self._times is not None:
            self._is_paused = False
            self._times.excuse(self._loop_time())
            self._connection.resume()
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
        self._loop_time = asyncio.get_running_loop().time
        failures = 0
        while True:
            url = self.url()
            told = self._subjects
            opening = self.dialect.opening(told) if url else None
            soon = True
            if url and opening is not None:
                self._told = told
                worked, soon, why = await self._live_once(url, opening)
                # Whoever lets us in only to close again is not asked again at once.
                failures = 0 if worked else failures + 1
                self._say_ended(why, failures)
            await asyncio.sleep(self._pause_s(failures, soon=soon))

    def _say_ended(self, why: str, failures: int) -> None:
        """Log the loss of a connection, and once that it does not come back."""
        if not why or (self._is_lost and failures != WORRYING_FAILURES):
            return
        how = f"still not back after {failures} tries" if self._is_lost else "lost"
        self._is_lost = True
        logger.info("%s stream: %s: %s", self.name, how, why)

    def _say_connected(self) -> None:
        self._push(state="connected")
        if self._is_lost:
            self._is_lost = False
            logger.info("%s stream: connected again", self.name)

    def _pause_s(self, failures: int, *, soon: bool) -> float:
        ceiling = min(BACKOFF_FIRST_S * 2 ** min(failures, 10), BACKOFF_CAP_S)
        return self._jitter.uniform(BACKOFF_FIRST_S / 5, ceiling if soon else BACKOFF_CAP_S)

    async def _live_once(self, url: str, opening: list[str]) -> tuple[bool, bool, str]:
        """Stay connected until that ends.

        Returns whether it was worth having (it brought data, or lived longer than a ping), whether
        to come back soon, and why it ended ("" when we no longer want it).
        """
        # A process is ready before its first connection, and need not wait for this to load.
        from polybot.adapters.websocket_stream.connection import (  # noqa: PLC0415
            Connection,
            open_connection,
        )

        before_ns = self._last_data_ns

        is_told = False

        def opened() -> None:
            nonlocal is_told
            is_told = True
            # Called before any frame is read: one that comes right behind the handshake must not
            # stand before "connected", which begins everything anew.
            for text in opening:
                connection.send(text)
            self._say_connected()

        connection = Connection(
            self._receive, opened=opened, alive=self._note_alive, over=self._attention.set
        )
        self._times = times = self._fresh_times()
        try:
            await open_connection(connection, url, user_agent=self.user_agent, tls=self.tls)
        except OSError as error:
            why = str(error) or type(error).__name__
            if is_told:
                self._push(state=f"disconnected: {why}")
            return False, True, why
        self._connection = connection
        began = self._loop_time()
        try:
            why, lost = await self._tend(connection, times)
        finally:
            connection.close()
            self._connection, self._times, self._is_paused = None, None, False
        self._push(state=f"{lost}: {why}", quiet_s=times.quiet_s(self._loop_time()))
        lived = self._loop_time() - began > times.ping_s
        soon = self.dialect.may_return_soon(connection.close_code)
        return lived or self._last_data_ns != before_ns, soon, why if self._subjects else ""

    async def _tend(self, connection: "Connection", times: "_Deadlines") -> tuple[str, str]:
        """Send pings and changes of the subscription; return why it ended and what it then is."""
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(times.next_at()):
                    await self._attention.wait()
            self._attention.clear()
            if not connection.is_open:
                return _closing(connection), "disconnected"
            now = self._loop_time()
            if self._is_paused:
                times.excuse(now)
            why = times.verdict(now)
            if why:
                return why, "stale"
            if now >= times.ping_at:
                self._ping(connection)
                times.pinged_at(now)
            told, self._told = self._told, self._subjects
            frames = self.dialect.change(told, self._told)
            if frames is None:
                return "another subscription", "disconnected"
            for text in frames:
                connection.send(text)

    def _fresh_times(self) -> "_Deadlines":
        now = self._loop_time()
        ping_s = self.dialect.ping_s if self.ping_s is None else self.ping_s
        absent = self.silent_at_first and self._last_data_ns is None
        stale_s = None if absent else self.stale_s
        return _Deadlines(ping_s, stale_s, heard=now, data=now, ping_at=now + ping_s)

    def _ping(self, connection: "Connection") -> None:
        if self.dialect.ping:
            connection.send(self.dialect.ping)
        else:
            connection.ping()

    def _receive(self, message: bytes) -> None:
        times = self._times
        if times is None:
            return
        times.heard = now = self._loop_time()
        if message == PONG:
            # A server may freeze and still answer pings: they are no data.
            return
        times.data = now
        if times.stale_s is None and self.silent_at_first:
            times.stale_s = self.stale_s
            self._attention.set()
        mono_ns = self._last_data_ns = self.clock.monotonic_ns()
        self._frames.append(StreamFrame(self.name, mono_ns, message))
        if len(self._frames) >= self.waiting_frames and self._connection is not None:
            self._is_paused = True
            self._connection.pause()
        self.wake.set()

    def _note_alive(self) -> None:
        if self._times is not None:
            self._times.heard = self._loop_time()

    def _push(self, *, state: str, quiet_s: float = 0.0) -> None:
        now_ns = self.clock.monotonic_ns()
        quiet_ns = int(quiet_s * 1e9)
        self._frames.append(StreamFrame(self.name, now_ns, state=state, quiet_ns=quiet_ns))
        self.wake.set()


def _closing(connection: "Connection") -> str:
    code, reason = connection.close_code, connection.close_reason
    meaning = CLOSE_MEANINGS.get(code, "")
    words = ", ".join(word for word in (meaning, reason) if word)
    return f"closed with code {code}" + (f" ({words})" if words else "")
