"""What the bus tests share: a context, and waiting for what arrives on another thread's time."""

import asyncio
from collections.abc import Callable, Iterator

import pytest
import zmq

from polybot.adapters.zmq_bus.endpoints import BusContext, open_context


@pytest.fixture
def context() -> Iterator[BusContext]:
    made = open_context()
    yield made
    made.destroy(linger=0)


@pytest.fixture
def open_socket(context: BusContext) -> Iterator[Callable[[int], zmq.Socket]]:
    """Open plain sockets, as another program would, and close them after the test."""
    opened: list[zmq.Socket] = []

    def open_one(socket_type: int) -> zmq.Socket:
        opened.append(context.socket(socket_type))
        return opened[-1]

    yield open_one
    for each in opened:
        each.close(linger=0)


async def eventually(condition: Callable[[], bool], timeout_s: float = 10.0) -> None:
    """Let the loop run until a condition holds."""
    async with asyncio.timeout(timeout_s):
        # What is waited for happens on ZeroMQ's own thread: there is no event to wait for.
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.002)
