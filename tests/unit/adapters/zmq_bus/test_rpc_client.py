import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from polybot.adapters.zmq_bus.endpoints import BusContext, open_context
from polybot.adapters.zmq_bus.rpc_client import RpcCaller, RpcClient
from polybot.adapters.zmq_bus.rpc_server import RpcServer
from polybot.errors import BusError, ProtocolError
from tests.unit.adapters.zmq_bus.conftest import eventually


def echo(request: bytes) -> bytes:
    if request == b"refuse":
        raise ProtocolError("expected a known command, was refuse")
    if request == b"slow":
        time.sleep(0.3)
    return b"<" + request + b">"


class ServerThread:
    """An rpc server in a loop of its own, as another process would run it."""

    def __init__(self, runtime_dir: Path, handler: Callable[[bytes], bytes] = echo) -> None:
        self._runtime_dir = runtime_dir
        self._handler = handler
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()))
        self._thread.start()
        self._ready.wait(10)

    async def _serve(self) -> None:
        context = open_context()
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        server = RpcServer(context, self._runtime_dir, "trader", self._handler)
        server.attach(self._loop, asyncio.Event())
        self._ready.set()
        await self._stop.wait()
        server.close()
        context.destroy(linger=0)

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()


@pytest.fixture
def server(runtime_dir: Path) -> Iterator[ServerThread]:
    started = ServerThread(runtime_dir)
    yield started
    started.close()


@pytest.mark.usefixtures("server")
def test_a_command_gets_its_answer(context: BusContext, runtime_dir: Path) -> None:
    client = RpcClient(context, runtime_dir)
    assert client.is_running("trader")
    assert client.request("trader", b"status", 5) == b"<status>"
    large = b"x" * 1_000_000
    assert client.request("trader", large, 5) == b"<" + large + b">"


@pytest.mark.usefixtures("server")
def test_a_refusal_is_an_error_with_the_reason(context: BusContext, runtime_dir: Path) -> None:
    with pytest.raises(BusError, match="trader refused: expected a known command"):
        RpcClient(context, runtime_dir).request("trader", b"refuse", 5)


def test_a_process_that_does_not_run_is_said_after_the_timeout(
    context: BusContext, runtime_dir: Path
) -> None:
    client = RpcClient(context, runtime_dir)
    assert not client.is_running("trader")
    with pytest.raises(BusError, match=r"answer from trader within 0\.05 s.*not running"):
        client.request("trader", b"status", 0.05)


@pytest.mark.usefixtures("server")
def test_a_busy_process_is_told_from_one_that_does_not_run_and_late_answers_never_mix(
    context: BusContext, runtime_dir: Path
) -> None:
    client = RpcClient(context, runtime_dir)
    with pytest.raises(BusError, match="running but busy"):
        client.request("trader", b"slow", 0.1)
    assert client.request("trader", b"next", 5) == b"<next>"


def test_a_process_that_starts_within_the_timeout_answers(
    context: BusContext, runtime_dir: Path
) -> None:
    started: list[ServerThread] = []
    timer = threading.Timer(0.2, lambda: started.append(ServerThread(runtime_dir)))
    timer.start()
    assert RpcClient(context, runtime_dir).request("trader", b"hi", 10) == b"<hi>"
    timer.join()
    started[0].close()


async def test_a_service_asks_and_takes_answers_later(
    context: BusContext, runtime_dir: Path, server: ServerThread
) -> None:
    caller = RpcCaller(context, runtime_dir, ["trader"])
    wake = asyncio.Event()
    caller.attach(asyncio.get_running_loop(), wake)
    await connected(caller)
    wake.clear()
    for number in range(200):
        caller.ask("trader", b"%d" % number)
    await asyncio.wait_for(wake.wait(), 5)
    taken: list[tuple[str, bytes]] = []

    def all_here() -> bool:
        taken.extend(caller.take())
        return len(taken) == 200

    await eventually(all_here)
    assert taken == [("trader", b"<%d>" % number) for number in range(200)]
    caller.close()
    assert server is not None


async def connected(caller: RpcCaller) -> None:
    def answered() -> bool:
        caller.ask("trader", b"hello")
        return ("trader", b"<hello>") in caller.take()

    await eventually(answered)
    await asyncio.sleep(0.05)
    caller.take()


async def test_asking_never_waits_and_a_request_to_nobody_does_not_reach_a_later_life(
    context: BusContext, runtime_dir: Path
) -> None:
    caller = RpcCaller(context, runtime_dir, ["trader"])
    caller.attach(asyncio.get_running_loop(), asyncio.Event())
    for _ in range(5000):
        caller.ask("trader", b"old command")
    assert caller.unsent == 5000
    served: list[bytes] = []

    def remember(request: bytes) -> bytes:
        served.append(request)
        return echo(request)

    server = await asyncio.to_thread(ServerThread, runtime_dir, remember)
    await connected(caller)
    assert b"old command" not in served
    server.close()
    caller.close()


async def test_a_peer_that_restarts_is_reached_again(
    context: BusContext, runtime_dir: Path
) -> None:
    caller = RpcCaller(context, runtime_dir, ["trader"])
    caller.attach(asyncio.get_running_loop(), asyncio.Event())
    for _ in range(3):
        server = await asyncio.to_thread(ServerThread, runtime_dir)
        await connected(caller)
        await asyncio.to_thread(server.close)
    caller.close()


async def test_a_refusal_is_counted_and_logged_not_taken_for_an_answer(
    context: BusContext,
    runtime_dir: Path,
    server: ServerThread,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caller = RpcCaller(context, runtime_dir, ["trader"])
    caller.attach(asyncio.get_running_loop(), asyncio.Event())
    await connected(caller)
    caller.ask("trader", b"refuse")
    await eventually(lambda: caller.refused == 1)
    assert caller.take() == []
    assert "trader refused a request: expected a known command" in caplog.text
    caller.close()
    assert server is not None


def test_a_path_too_long_is_refused(context: BusContext) -> None:
    directory = Path("/" + "d" * 120)
    with pytest.raises(BusError, match="POLYBOT_RUNTIME_DIR"):
        RpcCaller(context, directory, ["trader"])
    with pytest.raises(BusError, match="POLYBOT_RUNTIME_DIR"):
        RpcClient(context, directory).request("trader", b"x", 1)
