"""The bus between real processes that start in any order and are killed."""

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from polybot.adapters.zmq_bus.endpoints import BusContext
from polybot.adapters.zmq_bus.rpc_client import RpcCaller, RpcClient
from polybot.adapters.zmq_bus.subscriber import BusSubscriber
from polybot.errors import BusError
from tests.unit.adapters.zmq_bus.conftest import eventually

PEER = """
import asyncio, os, sys
from pathlib import Path
from polybot.adapters.zmq_bus.endpoints import open_context
from polybot.adapters.zmq_bus.publisher import BusPublisher
from polybot.adapters.zmq_bus.rpc_server import RpcServer

async def main():
    context, directory = open_context(), Path(sys.argv[1])
    publisher = BusPublisher(context, directory, "trader")
    server = RpcServer(context, directory, "trader", lambda request: b"%d" % os.getpid())
    server.attach(asyncio.get_running_loop(), asyncio.Event())
    number = 0
    while True:
        number += 1
        publisher.send(b"d.Fill", b"%d %d" % (os.getpid(), number))
        await asyncio.sleep(0.001)

asyncio.run(main())
"""


class Peers:
    """Peer processes, one at a time under the same name."""

    def __init__(self, runtime_dir: Path) -> None:
        self._runtime_dir = runtime_dir
        self._processes: list[subprocess.Popen[bytes]] = []

    def start(self) -> int:
        process = subprocess.Popen([sys.executable, "-c", PEER, str(self._runtime_dir)])
        self._processes.append(process)
        return process.pid

    def kill(self) -> None:
        for process in self._processes:
            process.kill()
            process.wait()
        self._processes.clear()


@pytest.fixture
def peers(runtime_dir: Path) -> Iterator[Peers]:
    started = Peers(runtime_dir)
    yield started
    started.kill()


async def test_whoever_starts_first_and_however_often_the_peer_is_killed(
    context: BusContext, runtime_dir: Path, peers: Peers
) -> None:
    loop, wake = asyncio.get_running_loop(), asyncio.Event()
    first = peers.start()
    subscriber = BusSubscriber(context, runtime_dir, ["trader"], [b"d."])
    caller = RpcCaller(context, runtime_dir, ["trader"])
    subscriber.attach(loop, wake)
    caller.attach(loop, wake)
    pids = [first]
    for _ in range(3):
        await hears_and_asks(subscriber, caller, pids[-1])
        peers.kill()
        assert not RpcClient(context, runtime_dir).is_running("trader")
        pids.append(peers.start())
    await hears_and_asks(subscriber, caller, pids[-1])
    assert len(set(pids)) == 4
    subscriber.close()
    caller.close()


async def hears_and_asks(subscriber: BusSubscriber, caller: RpcCaller, pid: int) -> None:
    """Wait for events in a row and an answer of the process with a pid."""
    numbers: list[int] = []

    def heard() -> bool:
        events = [payload.split() for payload in subscriber.take()]
        numbers.extend(int(number) for sender, number in events if int(sender) == pid)
        return len(numbers) >= 20

    await eventually(heard)
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))

    def answered() -> bool:
        caller.ask("trader", b"who")
        return ("trader", b"%d" % pid) in caller.take()

    await eventually(answered)


def test_a_second_process_of_a_name_is_told_that_the_first_lives(
    context: BusContext, runtime_dir: Path, peers: Peers
) -> None:
    pid = peers.start()
    client = RpcClient(context, runtime_dir)
    assert client.request("trader", b"who", 10) == b"%d" % pid
    second = subprocess.run(
        [sys.executable, "-c", PEER, str(runtime_dir)], capture_output=True, text=True, check=False
    )
    assert second.returncode == 1
    assert BusError.__name__ in second.stderr
    assert "bound by a living process" in second.stderr
    assert client.request("trader", b"who", 10) == b"%d" % pid
