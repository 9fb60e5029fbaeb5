"""A client's queue keeps order, says when it is full, and lets go of the dead."""

import asyncio
from typing import Any

from polybot.simulator.feeds.client_queue import FULL_BYTES, FULL_FRAMES, ClientQueue


class FakeSocket:
    """A websocket whose client reads only when a test lets it."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.reading = asyncio.Event()
        self.reading.set()
        self.closed_with = 0
        self.broken = False

    async def send_frame(self, data: bytes, kind: Any) -> None:
        await self.reading.wait()
        if self.broken:
            raise ConnectionResetError
        self.sent.append(data)

    async def close(self, *, code: int, message: bytes) -> None:
        self.closed_with = code


def make(socket: FakeSocket) -> ClientQueue:
    return ClientQueue(socket, stalled_code=1013)  # type: ignore[arg-type]


def is_full(queue: ClientQueue) -> bool:
    return queue.full


async def test_frames_go_out_in_order() -> None:
    socket = FakeSocket()
    queue = make(socket)
    for number in range(5):
        queue.put(b"%d" % number)
    await asyncio.sleep(0.01)
    assert socket.sent == [b"0", b"1", b"2", b"3", b"4"]
    await queue.stop()


async def test_it_is_full_by_frames_or_by_bytes_and_drains() -> None:
    socket = FakeSocket()
    socket.reading.clear()
    queue = make(socket)
    queue.put(b"x" * FULL_BYTES)
    assert is_full(queue)
    for _ in range(FULL_FRAMES):
        queue.put(b"x")
    waiting = asyncio.create_task(queue.drained())
    await asyncio.sleep(0.01)
    assert not waiting.done()
    socket.reading.set()
    await asyncio.wait_for(waiting, 1)
    assert not is_full(queue)
    await queue.stop()


async def test_a_client_that_takes_nothing_is_closed_and_holds_nobody_up() -> None:
    socket = FakeSocket()
    socket.reading.clear()
    queue = ClientQueue(socket, stalled_code=1013, stalled_s=0.01)  # type: ignore[arg-type]
    for _ in range(FULL_FRAMES + 1):
        queue.put(b"x")
    await asyncio.wait_for(queue.drained(), 2)
    assert socket.closed_with == 1013
    assert not queue.full
    queue.put(b"late")
    assert not queue.full
    await queue.stop()


async def test_a_client_that_is_gone_is_not_waited_for() -> None:
    socket = FakeSocket()
    socket.broken = True
    queue = make(socket)
    queue.put(b"x")
    await asyncio.sleep(0.01)
    for _ in range(FULL_FRAMES + 5):
        queue.put(b"x")
    assert not queue.full
    await queue.stop()
