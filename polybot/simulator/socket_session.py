"""What the three websocket channels share: opening, PING and PONG, and closing in good order."""

import socket as sockets
from collections.abc import AsyncIterator

from aiohttp import WSMsgType, web

PING = "PING"
PONG = b"PONG"
POLICY_VIOLATION = 1008
TRY_AGAIN_LATER = 1013
GOING_AWAY = 1001
# Small on purpose: what the kernel holds for a slow client is market time it has not seen.
SEND_BUFFER_BYTES = 128 * 1024
# The registry under which an application keeps its open sockets, to close them when it stops.
OPEN_SOCKETS: web.AppKey[set[web.WebSocketResponse]] = web.AppKey("open_sockets", set)


async def open_socket(request: web.Request) -> web.WebSocketResponse:
    """Accept a websocket and remember it for the application's end."""
    socket = web.WebSocketResponse(compress=False)
    await socket.prepare(request)
    transport = request.transport
    raw = transport.get_extra_info("socket") if transport is not None else None
    if raw is not None:
        raw.setsockopt(sockets.SOL_SOCKET, sockets.SO_SNDBUF, SEND_BUFFER_BYTES)
    request.app[OPEN_SOCKETS].add(socket)
    return socket


async def texts_of(socket: web.WebSocketResponse) -> AsyncIterator[str]:
    """Yield the text frames of a client until it leaves; other frames are ignored."""
    async for message in socket:
        if message.type is WSMsgType.TEXT:
            yield message.data


async def close_all(app: web.Application) -> None:
    """Close every socket that is open: the process is going away."""
    still_open = app[OPEN_SOCKETS]
    for socket in list(still_open):
        await socket.close(code=GOING_AWAY, message=b"shutdown")
