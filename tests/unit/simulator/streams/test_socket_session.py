"""What all channels share: small buffers, and an orderly end."""

import socket

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from polybot.simulator.streams.socket_session import (
    OPEN_SOCKETS,
    SEND_BUFFER_BYTES,
    close_all,
    open_socket,
    texts_of,
)
from tests.unit.simulator.listening import listening
from tests.unit.simulator.stand import Stand, standing, until


async def test_open_sockets_are_known_and_closed_at_the_end() -> None:
    heard: list[str] = []
    buffers: list[int] = []

    async def serve(request: web.Request) -> web.WebSocketResponse:
        opened = await open_socket(request)
        assert request.transport is not None
        raw = request.transport.get_extra_info("socket")
        buffers.append(raw.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF))
        async for text in texts_of(opened):
            heard.append(text)
            if text == "bye":
                await close_all(request.app)
        return opened

    app = web.Application()
    app[OPEN_SOCKETS] = set()
    app.router.add_get("/", serve)
    server = TestServer(app)
    await server.start_server()
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(server.make_url("/")) as client,
    ):
        await client.send_bytes(b"ignored")
        await client.send_str("hello")
        await client.send_str("bye")
        message = await client.receive(timeout=5)
        assert message.type is aiohttp.WSMsgType.CLOSE
        assert client.close_code == 1001
    await server.close()
    assert heard == ["hello", "bye"]
    # Linux doubles what it is asked for.
    assert buffers[0] <= 2 * SEND_BUFFER_BYTES


@pytest.mark.parametrize("channel", ["market", "user", "price", "rtds", "binance", "coinbase"])
async def test_nothing_is_left_of_a_connection_whose_client_went_away(channel: str) -> None:
    async with standing(Stand()) as stand:
        async with listening(stand, channel):
            await until(lambda: len(stand.app[OPEN_SOCKETS]) == 1)
        await until(lambda: not stand.app[OPEN_SOCKETS])
        hub = stand.desk.hub
        for feed in (hub.market, hub.user, hub.price, hub.public):
            assert not feed.subscribers
