"""One websocket connection: whole messages out of its frames, and how it ended."""

import asyncio
import logging
from collections.abc import Callable
from ssl import SSLContext

from picows import WSCloseCode, WSError, WSFrame, WSListener, WSMsgType, WSTransport, ws_connect

OPEN_TIMEOUT_S = 5.0
# A message is in memory before anybody has judged it; the largest known is a book of 1 MB.
MESSAGE_BYTES_MOST = 16 * 1024 * 1024
# How a connection ends that nobody closed.
ABNORMAL = 1006

# Whatever it has to say ends a connection, and the stream says why in one line of its own.
logging.getLogger("picows").setLevel(logging.CRITICAL)

_DATA = (WSMsgType.TEXT, WSMsgType.BINARY)


class Connection(WSListener):
    """Hands every message to `take`, any other sign of life to `alive`, the end to `over`.

    `opened` is called when frames may be sent, before any is read. All are called from the event
    loop, in the order in which things came.
    """

    def __init__(
        self,
        take: Callable[[bytes], None],
        *,
        opened: Callable[[], None],
        alive: Callable[[], None],
        over: Callable[[], None],
    ) -> None:
        self.close_code = ABNORMAL
        self.close_reason = ""
        self.is_open = False
        self._take = take
        self._opened = opened
        self._alive = alive
        self._over = over
        self._parts: list[bytes] = []
        self._size = 0
        self._transport: WSTransport | None = None
        self._ending: asyncio.Task[None] | None = None

    def on_ws_connected(self, transport: WSTransport) -> None:
        """Say that frames may be sent."""
        self._transport = transport
        self.is_open = True
        self._opened()

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        """Take a frame: nearly always a message of its own."""
        kind = frame.msg_type
        if kind in _DATA and frame.fin:
            self._take(frame.get_payload_as_bytes())
        elif kind in _DATA or kind is WSMsgType.CONTINUATION:
            self._add_part(transport, frame)
        elif kind is WSMsgType.CLOSE:
            self.close_code = frame.get_close_code().value
            self.close_reason = (frame.get_close_message() or b"").decode(errors="replace")
            transport.send_close(frame.get_close_code())
            transport.disconnect()
        else:
            self._alive()

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        """Note the end, and why as soon as it is known."""
        self.is_open = False
        self._ending = asyncio.get_running_loop().create_task(self._end(transport))

    def send(self, text: str) -> None:
        """Send a message; nothing happens when the connection has just ended."""
        if self._transport is not None and self.is_open:
            self._transport.send(WSMsgType.TEXT, text.encode())

    def ping(self) -> None:
        """Send a ping frame of the protocol, which every peer must answer."""
        if self._transport is not None and self.is_open:
            self._transport.send_ping()

    def pause(self) -> None:
        """Stop reading; what was read already is still handed over."""
        if self._transport is not None and self.is_open:
            self._transport.underlying_transport.pause_reading()

    def resume(self) -> None:
        """Read on."""
        if self._transport is not None and self.is_open:
            self._transport.underlying_transport.resume_reading()

    def close(self) -> None:
        """Say goodbye and close, without waiting for an answer."""
        if self._transport is not None and self.is_open:
            self._transport.send_close(WSCloseCode.OK)
            self._transport.disconnect()

    async def _end(self, transport: WSTransport) -> None:
        try:
            await transport.wait_disconnected()
        except (WSError, OSError) as error:
            self.close_reason = self.close_reason or str(error)
        self._over()

    def _add_part(self, transport: WSTransport, frame: WSFrame) -> None:
        part = frame.get_payload_as_bytes()
        self._size += len(part)
        if self._size > MESSAGE_BYTES_MOST:
            transport.disconnect(graceful=False)
            return
        self._parts.append(part)
        if frame.fin:
            message, self._parts, self._size = b"".join(self._parts), [], 0
            self._take(message)


async def open_connection(
    connection: Connection, url: str, *, user_agent: str, tls: SSLContext | None
) -> None:
    """Connect; `tls` None means the system's certificates. Raises OSError when that fails."""
    try:
        async with asyncio.timeout(OPEN_TIMEOUT_S):
            await ws_connect(
                lambda: connection,
                url,
                ssl_context=tls,
                websocket_handshake_timeout=OPEN_TIMEOUT_S,
                max_frame_size=MESSAGE_BYTES_MOST,
                extra_headers={"User-Agent": user_agent} if user_agent else None,
                # Its own transports reach into the interpreter's TLS objects: too small a gain
                # for that risk in the process that holds the wallet's key.
                use_aiofastnet=False,
            )
    except (WSError, ValueError) as error:
        raise ConnectionError(str(error)) from error
    except TimeoutError as error:
        raise ConnectionError(f"no websocket within {OPEN_TIMEOUT_S:g} s") from error
