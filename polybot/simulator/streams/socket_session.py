"""What every websocket channel shares: the life of a connection, PING and PONG, a good end."""

import contextlib
import socket as sockets
from collections.abc import AsyncIterator

from aiohttp import WSMsgType, web

from polybot.simulator.api.desk import Desk
from polybot.simulator.faults.stream import StreamFaults
from polybot.simulator.feeds.client_queue import ClientQueue

PING = "PING"
PONG = b"PONG"
POLICY_VIOLATION = 1008
TRY_AGAIN_LATER = 1013
GOING_AWAY = 1001
# Small on purpose: what the kernel holds for a slow client is market time it has not seen.
SEND_BUFFER_BYTES = 128 * 1024
LEAVE_CODE = web.ResponseKey("leave_code", int)
# The registry under which an application keeps its open sockets, to close them when it stops.
OPEN_SOCKETS: web.AppKey[set[web.WebSocketResponse]] = web.AppKey("open_sockets", set)


async def open_socket(
    request: web.Request, *, ping_s: float | None = None, leave_code: int = GOING_AWAY
) -> web.WebSocketResponse:
    """Accept a websocket and remember it for the application's end.

    A client that does not answer a ping, sent every `ping_s`, is let go. `leave_code` is what it is
    closed with when the process goes away.
    """
    socket = web.WebSocketResponse(compress=False, heartbeat=ping_s)
    socket[LEAVE_CODE] = leave_code
    await socket.prepare(request)
    transport = request.transport
    raw = transport.get_extra_info("socket") if transport is not None else None
    if raw is not None:
        raw.setsockopt(sockets.SOL_SOCKET, sockets.SO_SNDBUF, SEND_BUFFER_BYTES)
    request.app[OPEN_SOCKETS].add(socket)
    return socket


def open_queue(
    desk: Desk, request: web.Request, socket: web.WebSocketResponse, *, code: int
) -> ClientQueue:
    """Return the queue of a connection, which meets the faults of its stream (/ws/<stream>...).

    `code` closes a connection whose client takes nothing.
    """

    def cut() -> None:
        if request.transport is not None:
            request.transport.abort()

    faults = StreamFaults(
        desk.faults,
        request.path.split("/")[2],
        now_ns=lambda: desk.exchange.now_ns,
        cut=cut,
    )
    return ClientQueue(socket, stalled_code=code, faults=faults)


@contextlib.asynccontextmanager
async def connection(
    desk: Desk,
    request: web.Request,
    *,
    code: int = TRY_AGAIN_LATER,
    ping_s: float | None = None,
    leave_code: int = GOING_AWAY,
) -> AsyncIterator[tuple[web.WebSocketResponse, ClientQueue]]:
    """Hold a connection and its queue open for a block; arguments as of `open_*`."""
    socket = await open_socket(request, ping_s=ping_s, leave_code=leave_code)
    queue = open_queue(desk, request, socket, code=code)
    try:
        yield socket, queue
    finally:
        request.app[OPEN_SOCKETS].discard(socket)
        await queue.stop()


async def texts_of(socket: web.WebSocketResponse) -> AsyncIterator[str]:
    """Yield the text frames of a client until it leaves; other frames are ignored."""
    async for message in socket:
        if message.type is WSMsgType.TEXT:
            yield message.data


async def close_all(app: web.Application) -> None:
    """Close every socket that is open: the process is going away."""
    still_open = app[OPEN_SOCKETS]
    for socket in list(still_open):
        await socket.close(code=socket[LEAVE_CODE], message=b"shutdown")
