"""A server on loopback that answers every POST alike, over TLS, in HTTP/1.1 or HTTP/2 by ALPN.

`python -m tests.bench.tls_server <certificate> <key>` prints its port; it ends with its standard
input.
"""

import asyncio
import ssl
import sys

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import StreamEnded

ANSWER = (
    b'{"success":true,"errorMsg":"","orderID":"0x%064x","status":"live","makingAmount":"",'
    b'"takingAmount":"","tradeIDs":[]}' % 0xAB
)
HTTP2 = "h2"
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
END_OF_HEAD = b"\r\n\r\n"


class Answers(asyncio.Protocol):
    """One connection."""

    def __init__(self) -> None:
        self._heard = b""
        self._h2: H2Connection | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        if transport.get_extra_info("ssl_object").selected_alpn_protocol() == HTTP2:
            self._h2 = H2Connection(H2Configuration(client_side=False))
            self._h2.initiate_connection()
            transport.write(self._h2.data_to_send())

    def data_received(self, data: bytes) -> None:
        if self._h2 is None:
            self._take_http1(data)
        else:
            self._take_http2(self._h2, data)

    def _take_http1(self, data: bytes) -> None:
        self._heard += data
        head, end, body = self._heard.partition(END_OF_HEAD)
        if not end:
            return
        lengths = [
            int(line.split(b":")[1])
            for line in head.split(b"\r\n")
            if line.lower().startswith(b"content-length:")
        ]
        if len(body) >= sum(lengths):
            self._heard = body[sum(lengths) :]
            self._transport.write(HEAD % len(ANSWER) + ANSWER)

    def _take_http2(self, connection: H2Connection, data: bytes) -> None:
        for event in connection.receive_data(data):
            if hasattr(event, "flow_controlled_length"):
                connection.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            if isinstance(event, StreamEnded):
                headers = [
                    (":status", "200"),
                    ("content-type", "application/json"),
                    ("content-length", str(len(ANSWER))),
                ]
                connection.send_headers(event.stream_id, headers)
                connection.send_data(event.stream_id, ANSWER, end_stream=True)
        self._transport.write(connection.data_to_send())


async def serve(certificate: str, key: str) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    context.set_alpn_protocols([HTTP2, "http/1.1"])
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Answers, "127.0.0.1", 0, ssl=context)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    server.close()


if __name__ == "__main__":
    asyncio.run(serve(*sys.argv[1:3]))
