import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
import zmq

from polybot.adapters.zmq_bus.endpoints import BusContext
from polybot.adapters.zmq_bus.rpc_client import RpcCaller
from polybot.adapters.zmq_bus.rpc_server import RpcServer
from polybot.errors import BusError, ProtocolError
from tests.unit.adapters.zmq_bus.conftest import eventually

OpenSocket = Callable[[int], zmq.Socket]
Dealer = Callable[[], zmq.Socket]


def handler(request: bytes) -> bytes:
    if request == b"refuse":
        raise ProtocolError("expected a known command, was refuse")
    if request == b"bug":
        raise KeyError("missing")
    return request.upper()


@pytest.fixture
def dealer(open_socket: OpenSocket, runtime_dir: Path) -> Callable[[], zmq.Socket]:
    def connect() -> zmq.Socket:
        asking = open_socket(zmq.DEALER)
        asking.connect(f"ipc://{runtime_dir}/trader.rpc")
        return asking

    return connect


async def answers(asking: zmq.Socket, count: int = 1) -> list[list[bytes]]:
    collected = []
    await eventually(lambda: asking.poll(0) != 0)
    while len(collected) < count:
        await eventually(lambda: asking.poll(0) != 0)
        collected.append(asking.recv_multipart())
    return collected


async def test_requests_are_answered_in_order_and_wake_the_service(
    context: BusContext, runtime_dir: Path, dealer: Dealer
) -> None:
    server = RpcServer(context, runtime_dir, "trader", handler)
    wake = asyncio.Event()
    server.attach(asyncio.get_running_loop(), wake)
    asking = dealer()
    for number in range(300):
        asking.send(b"ask %d" % number)
    got = await answers(asking, 300)
    assert got == [[b"+", b"ASK %d" % number] for number in range(300)]
    assert wake.is_set()
    server.close()


@pytest.mark.parametrize(
    ("sent", "reason"),
    [(b"refuse", b"expected a known command, was refuse"), (b"bug", b"KeyError: 'missing'")],
)
async def test_a_failing_handler_is_an_answer_and_the_next_request_is_served(
    context: BusContext, runtime_dir: Path, dealer: Dealer, sent: bytes, reason: bytes
) -> None:
    server = RpcServer(context, runtime_dir, "trader", handler)
    server.attach(asyncio.get_running_loop(), asyncio.Event())
    asking = dealer()
    asking.send(sent)
    asking.send(b"ok")
    assert await answers(asking, 2) == [[b"-", reason], [b"+", b"OK"]]
    server.close()


async def test_requests_of_odd_frames_are_counted_said_once_and_not_served(
    context: BusContext, runtime_dir: Path, dealer: Dealer, caplog: pytest.LogCaptureFixture
) -> None:
    server = RpcServer(context, runtime_dir, "trader", handler)
    server.attach(asyncio.get_running_loop(), asyncio.Event())
    asking = dealer()
    for _ in range(3):
        asking.send_multipart([b"one", b"two"])
    asking.send(b"ok")
    assert await answers(asking) == [[b"+", b"OK"]]
    assert server.malformed == 3
    assert len(caplog.records) == 1
    assert "expected 2 frames, was 3" in caplog.text
    server.close()


async def test_a_client_that_left_does_not_disturb_the_others(
    context: BusContext, runtime_dir: Path, dealer: Dealer
) -> None:
    server = RpcServer(context, runtime_dir, "trader", handler)
    leaving = dealer()
    leaving.send(b"gone")
    await asyncio.sleep(0.05)
    leaving.close(linger=0)
    server.attach(asyncio.get_running_loop(), asyncio.Event())
    asking = dealer()
    asking.send(b"ok")
    assert await answers(asking) == [[b"+", b"OK"]]
    server.close()


async def test_a_flood_of_requests_leaves_the_loop_to_others(
    context: BusContext, runtime_dir: Path, dealer: Dealer
) -> None:
    server = RpcServer(context, runtime_dir, "trader", handler)
    asking = dealer()
    for _ in range(500):
        asking.send(b"x")
    await asyncio.sleep(0.1)
    between: list[int] = []
    loop = asyncio.get_running_loop()
    server.attach(loop, asyncio.Event())
    loop.call_later(0, lambda: between.append(1))
    assert len(await answers(asking, 500)) == 500
    assert between == [1]
    server.close()


async def test_two_processes_cannot_answer_under_one_name(
    context: BusContext, runtime_dir: Path
) -> None:
    server = RpcServer(context, runtime_dir, "trader", handler)
    with pytest.raises(BusError, match="living process"):
        RpcServer(context, runtime_dir, "trader", handler)
    server.close()


async def test_a_server_answers_callers_it_has_never_met(
    context: BusContext, runtime_dir: Path
) -> None:
    server = RpcServer(context, runtime_dir, "trader", handler)
    server.attach(asyncio.get_running_loop(), asyncio.Event())
    for _ in range(10):
        caller = RpcCaller(context, runtime_dir, ["trader"])
        caller.attach(asyncio.get_running_loop(), asyncio.Event())

        def answered(asking: RpcCaller = caller) -> bool:
            asking.ask("trader", b"hi")
            return ("trader", b"HI") in asking.take()

        await eventually(answered)
        caller.close()
    server.close()
