"""What a websocket frame costs our stream, beside the library under it and the two others."""

import asyncio
import subprocess
import sys
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from statistics import median
from time import monotonic_ns, process_time_ns

import aiohttp
from picows import WSFrame, WSListener, WSTransport, ws_connect
from websockets.asyncio.client import connect

from polybot.adapters.clock import SystemClock
from polybot.adapters.websocket_stream import WebsocketStream
from tests.bench.harness import Budget, Row, interleave, microseconds
from tests.bench.websocket_source import END, STAMP_BYTES

SOURCE = Path(__file__).with_name("websocket_source.py")
# A price_change of both tokens, and a book of sixty levels a side.
SIZES = {"price change of 638 bytes": 638, "book of 5,000 bytes": 5_000}
BYTES_A_ROUND = 6_000_000
PACED_FRAMES = 150
BURST = 1
PEER = "websockets"
# A client reads until END and keeps every message.
Client = Callable[[str, Callable[[bytes], None]], Awaitable[None]]


class Plain:
    """The dialect of a server that needs to be told nothing."""

    name = "bench"
    ping = ""
    ping_s = 60.0

    def opening(self, subjects: Sequence[str]) -> list[str] | None:
        return []

    def change(self, old: Sequence[str], new: Sequence[str]) -> list[str] | None:
        return []

    def may_return_soon(self, code: int) -> bool:
        return False


async def ours(url: str, keep: Callable[[bytes], None]) -> None:
    """Read as the trader does: whatever is there, once a wake."""
    wake = asyncio.Event()
    stream = WebsocketStream(
        Plain(), lambda: url, wake=wake, clock=SystemClock(), seed=1, stale_s=30.0
    )
    await stream.start()
    data = b""
    while data != END:
        await wake.wait()
        wake.clear()
        for frame in stream.take():
            data = frame.data
            if data:
                keep(data)
    await stream.stop()


async def by_picows(url: str, keep: Callable[[bytes], None]) -> None:
    """Read with nothing but the library under our stream."""
    ended = asyncio.get_running_loop().create_future()

    class Listener(WSListener):
        def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
            data = frame.get_payload_as_bytes()
            keep(data)
            if data == END:
                ended.set_result(None)

    transport, _ = await ws_connect(Listener, url, use_aiofastnet=False)
    await ended
    transport.disconnect()


async def by_websockets(url: str, keep: Callable[[bytes], None]) -> None:
    """Read with websockets, at its fastest: no compression, no text."""
    async with connect(url, compression=None, proxy=None, ping_interval=None) as connection:
        data = b""
        while data != END:
            data = bytes(await connection.recv(decode=False))
            keep(data)


async def by_aiohttp(url: str, keep: Callable[[bytes], None]) -> None:
    """Read with aiohttp, without turning bytes into text."""
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(url, compress=0, decode_text=False) as connection,
    ):
        data = b""
        while data != END:
            data = (await connection.receive()).data
            keep(data)


CLIENTS: dict[str, Client] = {
    "ours": ours,
    "picows": by_picows,
    PEER: by_websockets,
    "aiohttp": by_aiohttp,
}


def measure(rounds: int) -> list[Row]:
    """Return a row a size of frame, in CPU time a frame, and one of the time to a wake."""
    process = subprocess.Popen([sys.executable, SOURCE], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        base = f"ws://127.0.0.1:{process.stdout.readline().strip()}"
        rows = [_cost(base, name, size, rounds) for name, size in SIZES.items()]
        return [*rows, _wake(base, rounds)]
    finally:
        process.kill()
        process.wait()


def _cost(base: str, name: str, size: int, rounds: int) -> Row:
    count = BYTES_A_ROUND // size
    url = f"{base}/blast/{size}/{count}"

    def step(client: Client) -> Callable[[], int]:
        def read_all() -> int:
            sizes: list[int] = []
            begin = process_time_ns()
            asyncio.run(client(url, lambda data: sizes.append(len(data))))
            used = process_time_ns() - begin
            assert sizes == [size] * count + [len(END)], "expected every frame, whole"
            return used // count

        return read_all

    sides = {client: step(read) for client, read in CLIENTS.items()}
    taken = interleave(sides, rounds=rounds, burst=BURST)
    costs = {client: microseconds(taken.median_ns(client)) for client in CLIENTS}
    return Row(
        name=f"websocket frame, CPU: {name}",
        unit="us",
        ours=costs["ours"],
        peer=costs[PEER],
        ratio=taken.ratio(PEER, "ours"),
        budget=Budget(2, at_least=True),
        beside=f"peer: {PEER}; the bare library under ours {costs['picows']:.2f} us, "
        f"aiohttp {costs['aiohttp']:.2f} us; ours {1_000_000 / costs['ours']:,.0f} frames/s",
    )


def _wake(base: str, rounds: int) -> Row:
    url = f"{base}/pace/638/{PACED_FRAMES}"

    def step(client: Client) -> Callable[[], int]:
        def wait_for_each() -> int:
            late: list[int] = []

            def keep(data: bytes) -> None:
                if data != END:
                    late.append(monotonic_ns() - int(data[:STAMP_BYTES]))

            asyncio.run(client(url, keep))
            assert len(late) == PACED_FRAMES, "expected every frame"
            return int(median(late))

        return wait_for_each

    sides = {client: step(read) for client, read in CLIENTS.items()}
    taken = interleave(sides, rounds=rounds, burst=BURST)
    times = {client: microseconds(taken.median_ns(client)) for client in CLIENTS}
    return Row(
        name="websocket frame, sent -> in our hands, p50",
        unit="us",
        ours=times["ours"],
        peer=times[PEER],
        ratio=taken.ratio(PEER, "ours"),
        beside=f"peer: {PEER}; the bare library under ours {times['picows']:.0f} us, "
        f"aiohttp {times['aiohttp']:.0f} us",
    )
