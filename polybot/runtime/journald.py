"""Log records as journald's own entries: priority, text, and fields to search by.

The native protocol of systemd-journald (systemd.io/JOURNAL_NATIVE_PROTOCOL): one datagram an entry,
`NAME=value` lines, values with line breaks after their length as eight bytes.
"""

import logging
import socket
import struct
from collections.abc import Iterator

from polybot.runtime.log_fields import ORDER, WINDOW, fields_of
from polybot.runtime.logs import PRIORITIES

SOCKET = "/run/systemd/journal/socket"
_LENGTH = struct.Struct("<Q")
_NAMES = {WINDOW: "POLYBOT_WINDOW", ORDER: "POLYBOT_ORDER"}


class JournaldHandler(logging.Handler):
    """Sends each record to journald; what it does not take goes to the handler of the stream."""

    def __init__(
        self, process: str, fallback: logging.Handler, masked: logging.Formatter, path: str = SOCKET
    ) -> None:
        super().__init__()
        self._process = process
        self._fallback = fallback
        self._path = path
        self._sender = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
        # A journald that does not read must not hold the process up.
        self._sender.setblocking(False)  # noqa: FBT003 - the socket's own signature
        self.setFormatter(masked)

    def emit(self, record: logging.LogRecord) -> None:
        """Send one record as an entry."""
        try:
            self._sender.sendto(self._entry(record), self._path)
        except OSError:
            # Gone, full, or an entry larger than a datagram: the stream ends in the journal too.
            self._fallback.emit(record)

    def close(self) -> None:
        """Let go of the socket."""
        self._sender.close()
        super().close()

    def _entry(self, record: logging.LogRecord) -> bytes:
        return b"".join(_encoded(name, value) for name, value in self._fields(record))

    def _fields(self, record: logging.LogRecord) -> Iterator[tuple[str, str]]:
        text = self.format(record)
        yield "MESSAGE", text
        yield "PRIORITY", str(PRIORITIES.get(record.levelno, 6))
        yield "SYSLOG_IDENTIFIER", f"polybot-{self._process}"
        yield "POLYBOT_PROCESS", self._process
        yield "CODE_FILE", record.pathname
        yield "CODE_LINE", str(record.lineno)
        for name, values in fields_of(text).items():
            for value in values:
                yield _NAMES[name], value


def _encoded(name: str, value: str) -> bytes:
    data = value.encode()
    if b"\n" not in data:
        return name.encode() + b"=" + data + b"\n"
    return name.encode() + b"\n" + _LENGTH.pack(len(data)) + data + b"\n"
