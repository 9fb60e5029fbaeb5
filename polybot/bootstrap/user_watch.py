"""The account's own stream listened to in a thread, for a command that waits for one event."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from polybot.adapters.websocket_stream import WebsocketStream

_LOOK_S = 0.05
_JOIN_S = 3.0


class StreamWatch:
    """Keeps every frame of one stream until it is closed."""

    def __init__(self, make: Callable[[asyncio.Event], WebsocketStream]) -> None:
        self._make = make
        self._changed = threading.Condition()
        self._frames: list[bytes] = []
        self._is_connected = False
        self._is_closed = threading.Event()
        self._thread = threading.Thread(
            target=lambda: asyncio.run(self._listen()), name="user stream", daemon=True
        )

    def start(self) -> None:
        """Begin to listen."""
        self._thread.start()

    def close(self) -> None:
        """Stop listening."""
        self._is_closed.set()
        self._thread.join(_JOIN_S)

    def wait_connected(self, seconds: float) -> bool:
        """Return whether the stream connected within a time."""
        with self._changed:
            return self._changed.wait_for(lambda: self._is_connected, seconds)

    def wait_for(self, order_id: str, seconds: float) -> bool:
        """Return whether an event of an order arrived within a time."""
        wanted = order_id.lower().encode()
        with self._changed:
            return self._changed.wait_for(
                lambda: any(wanted in frame for frame in self._frames), seconds
            )

    async def _listen(self) -> None:
        stream = self._make(asyncio.Event())
        await stream.start()
        while not self._is_closed.is_set():
            for frame in stream.take():
                with self._changed:
                    if frame.data:
                        self._frames.append(frame.data.lower())
                    else:
                        self._is_connected = frame.state == "connected"
                    self._changed.notify_all()
            await asyncio.sleep(_LOOK_S)
        await stream.stop()


@contextmanager
def watching(make: Callable[[asyncio.Event], WebsocketStream]) -> Iterator[StreamWatch]:
    """Listen to a stream for as long as the block runs."""
    watch = StreamWatch(make)
    watch.start()
    try:
        yield watch
    finally:
        watch.close()
