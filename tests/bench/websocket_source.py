"""A websocket server that does nothing but send: frames as fast as they are taken, or paced.

The path of a connection says what it gets: /blast/<bytes>/<frames> or /pace/<bytes>/<frames>; the
last frame is "END". It writes the protocol itself, so that no library's server is what is measured.
"""

import asyncio
import base64
import hashlib
import struct
import time

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
KEY = b"sec-websocket-key:"
END = b"END"
GOODBYE = b"\x88\x02\x03\xe8"
SHORT = 126
CHUNK_BYTES = 65_536
PACE_S = 0.002
STAMP_BYTES = 20


def frame(payload: bytes) -> bytes:
    """Return a text frame of up to 65,535 bytes."""
    size = len(payload)
    head = bytes([size]) if size < SHORT else bytes([SHORT]) + struct.pack("!H", size)
    return b"\x81" + head + payload


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Serve one connection."""
    head = (await reader.readuntil(b"\r\n\r\n")).split(b"\r\n")
    _, kind, size, count = head[0].split(b" ")[1].decode().split("/")
    (key,) = (line.split(b": ", 1)[1] for line in head if line.lower().startswith(KEY))
    accept = base64.b64encode(hashlib.sha1(key + GUID, usedforsecurity=False).digest())
    writer.write(
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n"
    )
    if kind == "blast":
        await _blast(writer, int(size), int(count))
    else:
        await _pace(writer, int(size), int(count))
    writer.write(frame(END))
    await writer.drain()
    # The client's goodbye is answered: some libraries wait ten seconds for that.
    await reader.read(1)
    writer.write(GOODBYE)
    writer.close()


async def _blast(writer: asyncio.StreamWriter, size: int, count: int) -> None:
    one = frame(b"x" * size)
    together = max(1, CHUNK_BYTES // len(one))
    while count > 0:
        writer.write(one * min(together, count))
        count -= together
        await writer.drain()


async def _pace(writer: asyncio.StreamWriter, size: int, count: int) -> None:
    for _ in range(count):
        await asyncio.sleep(PACE_S)
        stamp = b"%020d" % time.monotonic_ns()
        writer.write(frame(stamp + b"x" * (size - STAMP_BYTES)))


async def main() -> None:
    """Listen until killed, after telling the port."""
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
