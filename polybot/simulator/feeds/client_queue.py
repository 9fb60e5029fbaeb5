"""One websocket client's bounded queue: frames go out in order; a full one stops the clock."""

import asyncio
import contextlib
import logging
from collections import deque

from aiohttp import WSMsgType, web

from polybot.simulator.faults.stream import Item, StreamFaults

logger = logging.getLogger(__name__)

FULL_FRAMES = 32
FULL_BYTES = 512 * 1024
# A client that takes nothing for this long is taken for dead: one must not stop all for ever.
STALLED_S = 30.0
SENT_CHECK_S = 0.002


class ClientQueue:
    """Frames that wait for one client; `put` never blocks, a task sends."""

    def __init__(
        self,
        socket: web.WebSocketResponse,
        *,
        stalled_code: int,
        stalled_s: float = STALLED_S,
        faults: StreamFaults | None = None,
    ) -> None:
        self._socket = socket
        self._faults = faults
        self._stalled_code = stalled_code
        self._stalled_s = stalled_s
        self._frames: deque[Item] = deque()
        self._bytes = 0
        self._over = False
        self._waits = False
        self._filled = asyncio.Event()
        self._drained = asyncio.Event()
        self._drained.set()
        self._task = asyncio.create_task(self._send(), name="simulated stream")

    @property
    def full(self) -> bool:
        """Whether the client is so far behind that market time waits for it.

        What is held back by a fault is not the client's doing, so nobody waits for that.
        """
        if self._waits:
            return False
        return len(self._frames) >= FULL_FRAMES or self._bytes >= FULL_BYTES

    def put(self, frame: bytes) -> None:
        """Queue a text frame of data; one for a client that is gone is dropped."""
        if self._over:
            return
        if self._faults is None:
            self._add(frame)
            return
        for item in self._faults.passed(frame):
            self._add(item)

    def say(self, frame: bytes) -> None:
        """Queue an answer to the client, which no fault touches."""
        if not self._over:
            self._add(frame)

    async def drained(self) -> None:
        """Return when the queue is not full any more, or its client was given up."""
        try:
            async with asyncio.timeout(self._stalled_s):
                await self._drained.wait()
        except TimeoutError:
            logger.warning("a stream client took nothing for %s s, closed it", self._stalled_s)
            self._give_up()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(1):
                    await self._socket.close(code=self._stalled_code, message=b"slow consumer")

    async def sent(self) -> None:
        """Return when nothing waits any more, or the client was given up."""
        while self._frames and not self._over:  # noqa: ASYNC110 - no event is worth a rare wait
            await asyncio.sleep(SENT_CHECK_S)

    async def stop(self) -> None:
        """Let go of the client; what still waits is dropped."""
        self._give_up()
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task

    def _add(self, item: Item) -> None:
        self._frames.append(item)
        if isinstance(item, bytes):
            self._bytes += len(item)
        self._filled.set()
        if self.full:
            self._drained.clear()

    def _give_up(self) -> None:
        self._over = True
        self._frames.clear()
        self._bytes = 0
        self._drained.set()

    async def _send(self) -> None:
        try:
            while True:
                while self._frames:
                    item = self._frames.popleft()
                    if isinstance(item, bytes):
                        await self._socket.send_frame(item, WSMsgType.TEXT)
                        self._bytes = max(0, self._bytes - len(item))
                    else:
                        await self._wait(item)
                    if not self.full:
                        self._drained.set()
                self._filled.clear()
                await self._filled.wait()
        except ConnectionError:
            # The reader of the same socket sees the end too and takes the client out.
            self._give_up()

    async def _wait(self, seconds: float) -> None:
        self._waits = True
        self._drained.set()
        await asyncio.sleep(seconds)
        self._waits = False
