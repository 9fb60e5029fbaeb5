"""A stream in a thread: connected, heard, and closed."""

import asyncio
import threading
from typing import Any

from polybot.bootstrap.user_watch import watching
from polybot.ports import StreamFrame


class FakeStream:
    """Hands out frames that a test puts in from another thread."""

    def __init__(self) -> None:
        self.frames: list[StreamFrame] = []
        self.stopped = threading.Event()

    def put(self, *, data: bytes = b"", state: str = "") -> None:
        self.frames.append(StreamFrame("user", 0, data=data, state=state))

    async def start(self) -> None:
        await asyncio.sleep(0)

    def take(self) -> list[StreamFrame]:
        taken, self.frames = self.frames, []
        return taken

    async def stop(self) -> None:
        self.stopped.set()


def test_it_waits_for_the_connection_and_for_an_order() -> None:
    stream: Any = FakeStream()
    with watching(lambda _: stream) as watch:
        assert not watch.wait_connected(0.05)
        stream.put(state="connected")
        assert watch.wait_connected(5)
        stream.put(data=b'{"id":"0xAAAA"}')
        assert not watch.wait_for("0xbb", 0.2)
        assert watch.wait_for("0xaaaa", 5)
    assert stream.stopped.wait(5)


def test_a_lost_connection_is_none() -> None:
    stream: Any = FakeStream()
    stream.put(state="connected")
    stream.put(state="disconnected: refused")
    with watching(lambda _: stream) as watch:
        assert not watch.wait_connected(0.3)
