"""What stands between picows and a stream: whole messages, how it ended, errors as OSError."""

import asyncio
import gc
import re
import shutil
import ssl
import subprocess
from base64 import b64encode
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from hashlib import sha1
from pathlib import Path

import pytest
from websockets.asyncio.server import ServerConnection, serve

from polybot.adapters.websocket_stream.connection import (
    ABNORMAL,
    MESSAGE_BYTES_MOST,
    Connection,
    open_connection,
)
from tests.unit.adapters.websocket_stream.channel import until

PATIENCE_S = 5.0
TOO_BIG = 1009
GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
Handler = Callable[[ServerConnection], Awaitable[None]]


class Told:
    """A connection, with everything it told."""

    def __init__(self) -> None:
        self.messages: list[bytes] = []
        self.signs = 0
        self.before_opened: list[bytes] | None = None
        self.over = asyncio.Event()
        self.connection = Connection(
            self.messages.append,
            opened=self._note_opened,
            alive=self._note_alive,
            over=self.over.set,
        )

    async def open(self, url: str, tls: ssl.SSLContext | None = None) -> None:
        await open_connection(self.connection, url, user_agent="polybot/test", tls=tls)

    async def ended(self) -> tuple[int, str]:
        async with asyncio.timeout(PATIENCE_S):
            await self.over.wait()
        return self.connection.close_code, self.connection.close_reason

    def _note_opened(self) -> None:
        self.before_opened = list(self.messages)

    def _note_alive(self) -> None:
        self.signs += 1


async def test_a_frame_right_behind_the_handshake_comes_after_the_opening() -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        key = re.search(r"(?i)sec-websocket-key: (\S+)", head)
        assert key is not None
        proof = b64encode(sha1(key[1].encode() + GUID, usedforsecurity=False).digest()).decode()
        writer.write(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Accept: {proof}\r\n\r\n".encode()
            # In one write with the handshake: nothing of ours runs in between.
            + b"\x81\x05first"
        )
        await reader.read()
        writer.close()

    told = Told()
    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        await told.open(f"ws://127.0.0.1:{port}")
        await until(lambda: told.messages)
        assert told.before_opened == []
        assert told.messages == [b"first"]
        told.connection.close()
        await told.ended()


@asynccontextmanager
async def serving(handler: Handler, tls: ssl.SSLContext | None = None) -> AsyncIterator[str]:
    async with serve(handler, "127.0.0.1", 0, ssl=tls, close_timeout=0.1) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        yield f"{'wss' if tls else 'ws'}://127.0.0.1:{port}"


async def test_messages_arrive_whole_and_in_order_and_our_name_is_told() -> None:
    names: list[str | None] = []

    async def talk(peer: ServerConnection) -> None:
        assert peer.request is not None
        names.append(peer.request.headers.get("User-Agent"))
        await peer.send("text")
        await peer.send(b"bytes")
        await peer.send(["in ", "several ", "parts"])
        await peer.close(1000, "done")

    told = Told()
    async with serving(talk) as url:
        await told.open(url)
        assert await told.ended() == (1000, "done")
    assert told.messages == [b"text", b"bytes", b"in several parts"]
    assert names == ["polybot/test"]


@pytest.mark.parametrize("code", [1001, 1008, 1013, 4001, 4008])
async def test_the_peer_s_close_code_is_kept(code: int) -> None:
    async def leave(peer: ServerConnection) -> None:
        await peer.close(code, "why")

    told = Told()
    async with serving(leave) as url:
        await told.open(url)
        assert await told.ended() == (code, "why")
    assert not told.connection.is_open


async def test_pings_of_either_side_are_answered() -> None:
    answered = asyncio.Event()

    async def ping(peer: ServerConnection) -> None:
        await (await peer.ping())
        answered.set()
        await peer.wait_closed()

    told = Told()
    async with serving(ping) as url:
        await told.open(url)
        told.connection.ping()
        async with asyncio.timeout(PATIENCE_S):
            await answered.wait()
            while not told.signs:  # noqa: ASYNC110 - a fact of the peer
                await asyncio.sleep(0.005)
        told.connection.close()
        assert (await told.ended())[0] == ABNORMAL
    told.connection.send("nobody hears this")
    told.connection.ping()
    told.connection.close()


async def test_a_message_that_never_ends_ends_the_connection() -> None:
    async def flood(peer: ServerConnection) -> None:
        async def parts() -> AsyncIterator[bytes]:
            for _ in range(MESSAGE_BYTES_MOST // 1_000_000 + 2):
                yield b"x" * 1_000_000

        await peer.send(parts())
        await peer.wait_closed()

    told = Told()
    async with serving(flood) as url:
        await told.open(url)
        assert (await told.ended())[0] == ABNORMAL
    assert told.messages == []


async def test_who_is_no_websocket_is_an_os_error_with_its_answer() -> None:
    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 6\r\n\r\n<html>")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(refuse, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server:
        with pytest.raises(OSError, match="403"):
            await Told().open(f"ws://127.0.0.1:{port}")
    with pytest.raises(OSError, match="Connect call failed"):
        await Told().open(f"ws://127.0.0.1:{port}")
    with pytest.raises(OSError, match="nonsense"):
        await Told().open("nonsense://127.0.0.1")


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """Return a throw-away certificate for loopback with its key, in one file."""
    tool = shutil.which("openssl")
    if tool is None:
        pytest.skip("openssl is not installed: it makes the throw-away certificate")
    path = tmp_path / "loopback.pem"
    wanted = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2"
    names = ["-subj", "/CN=loopback", "-addext", "subjectAltName=IP:127.0.0.1"]
    files = ["-keyout", str(path), "-out", f"{path}c"]
    subprocess.run([tool, *wanted.split(), *names, *files], check=True, capture_output=True)
    with path.open("ab") as both:
        both.write(Path(f"{path}c").read_bytes())
    return path


async def test_tls_is_checked_against_the_certificates_we_trust(certificate: Path) -> None:
    async def greet(peer: ServerConnection) -> None:
        await peer.send("over tls")
        await peer.close(1000)

    served = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    served.load_cert_chain(certificate)
    async with serving(greet, served) as url:
        told = Told()
        await told.open(url, ssl.create_default_context(cafile=str(certificate)))
        assert await told.ended() == (1000, "")
        assert told.messages == [b"over tls"]
        with pytest.raises(OSError, match="certificate"):
            await Told().open(url)


async def test_a_frame_larger_than_any_real_one_ends_the_connection_with_its_reason() -> None:
    async def flood(peer: ServerConnection) -> None:
        await peer.send("x" * (MESSAGE_BYTES_MOST + 1))
        await peer.wait_closed()

    unheard: list[str] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, told: unheard.append(str(told)))
    async with serving(flood) as url:
        told = Told()
        await told.open(url)
        code, reason = await told.ended()
    del told
    gc.collect()
    # Which of the two sides' closing is seen first is chance.
    assert code in (ABNORMAL, TOO_BIG)
    assert unheard == []
    assert "exceeding max allowed size" in reason
