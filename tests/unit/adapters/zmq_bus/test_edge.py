import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
import zmq

from polybot.adapters.zmq_bus.edge import EdgeReader, Pull
from tests.unit.adapters.zmq_bus.conftest import eventually

OpenSocket = Callable[[int], zmq.Socket]


class Pair:
    """Two connected sockets, and what was pulled from the receiving one."""

    def __init__(self, open_socket: OpenSocket, runtime_dir: Path) -> None:
        self.sending = open_socket(zmq.PAIR)
        self.receiving = open_socket(zmq.PAIR)
        self.receiving.bind(f"ipc://{runtime_dir}/pair")
        self.sending.connect(f"ipc://{runtime_dir}/pair")
        self.pulled: list[bytes] = []
        self.calls = 0
        self.burst = 1000
        self.room = 10**9

    def pull(self) -> Pull:
        self.calls += 1
        for _ in range(self.burst):
            if len(self.pulled) >= self.room:
                return Pull.FULL
            try:
                self.pulled.append(self.receiving.recv(zmq.NOBLOCK))
            except zmq.Again:
                return Pull.EMPTY
        return Pull.MORE


@pytest.fixture
def pair(open_socket: OpenSocket, runtime_dir: Path) -> Pair:
    return Pair(open_socket, runtime_dir)


async def test_what_arrives_is_pulled(pair: Pair) -> None:
    reader = EdgeReader(pair.receiving, pair.pull)
    reader.attach(asyncio.get_running_loop())
    for number in range(100):
        pair.sending.send(b"%d" % number)
        await asyncio.sleep(0)
    await eventually(lambda: len(pair.pulled) == 100)
    reader.detach()


async def test_what_waited_before_the_loop_is_pulled_too(pair: Pair) -> None:
    reader = EdgeReader(pair.receiving, pair.pull)
    for number in range(100):
        pair.sending.send(b"%d" % number)
    pair.receiving.poll(1000)
    reader.attach(asyncio.get_running_loop())
    await eventually(lambda: len(pair.pulled) == 100)
    reader.detach()


async def test_a_pull_that_stops_half_way_is_continued_after_others_had_their_turn(
    pair: Pair,
) -> None:
    pair.burst = 7
    reader = EdgeReader(pair.receiving, pair.pull)
    for number in range(100):
        pair.sending.send(b"%d" % number)
    await asyncio.sleep(0.05)
    reader.attach(asyncio.get_running_loop())
    await eventually(lambda: len(pair.pulled) == 100)
    assert pair.calls >= 15
    reader.detach()


async def test_while_there_is_no_room_the_loop_does_not_spin_and_later_goes_on(pair: Pair) -> None:
    pair.room = 10
    reader = EdgeReader(pair.receiving, pair.pull)
    reader.attach(asyncio.get_running_loop())
    for number in range(100):
        pair.sending.send(b"%d" % number)
    await eventually(lambda: len(pair.pulled) == 10)
    calls = pair.calls
    await asyncio.sleep(0.1)
    assert pair.calls <= calls + 2
    pair.room = 10**9
    reader.soon()
    await eventually(lambda: len(pair.pulled) == 100)
    reader.detach()


async def test_an_idle_socket_costs_nothing(pair: Pair) -> None:
    reader = EdgeReader(pair.receiving, pair.pull)
    reader.attach(asyncio.get_running_loop())
    pair.sending.send(b"one")
    await eventually(lambda: len(pair.pulled) == 1)
    calls = pair.calls
    await asyncio.sleep(0.2)
    assert pair.calls <= calls + 2
    reader.detach()


async def test_a_change_swallowed_by_a_send_is_not_lost(pair: Pair) -> None:
    reader = EdgeReader(pair.receiving, pair.pull)
    reader.attach(asyncio.get_running_loop())
    await asyncio.sleep(0.01)
    for number in range(300):
        pair.sending.send(b"%d" % number)
        # Sending on the same socket handles its internal commands, the arrival's among them.
        pair.receiving.send(b"x", zmq.NOBLOCK)
        reader.soon()
        if number % 10 == 0:
            await asyncio.sleep(0)
    await eventually(lambda: len(pair.pulled) == 300)
    reader.detach()


async def test_after_leaving_the_loop_nothing_is_pulled(pair: Pair) -> None:
    reader = EdgeReader(pair.receiving, pair.pull)
    reader.attach(asyncio.get_running_loop())
    reader.soon()
    reader.detach()
    pair.sending.send(b"one")
    await asyncio.sleep(0.05)
    assert pair.pulled == []
