"""Counts what a piece of code does on the network, by the interpreter's own audit events."""

import contextlib
import sys
from collections.abc import Iterator

NETWORK_EVENTS = frozenset(
    {
        "socket.connect",
        "socket.getaddrinfo",
        "socket.gethostbyname",
        "socket.sendmsg",
        "socket.sendto",
        "http.client.connect",
        "http.client.send",
    }
)


class NetworkWatch:
    """Collects network events while it looks; an audit hook stays for the process's life."""

    def __init__(self) -> None:
        self.events: list[str] = []
        self._looking = False
        sys.addaudithook(self._hear)

    @contextlib.contextmanager
    def looking(self) -> Iterator[list[str]]:
        """Collect the events of a block."""
        self.events.clear()
        self._looking = True
        try:
            yield self.events
        finally:
            self._looking = False

    def _hear(self, event: str, _arguments: tuple[object, ...]) -> None:
        if self._looking and event in NETWORK_EVENTS:
            self.events.append(event)
