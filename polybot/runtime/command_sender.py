"""Sends commands to other processes over the rpc sockets, without waiting for their answers."""

from typing import Any, Protocol

from polybot.messages.codec import encode, encode_body
from polybot.messages.envelope import Request


class Asker(Protocol):
    """What sending needs of the rpc sockets."""

    def ask(self, process: str, payload: bytes) -> None:
        """Send a request to a process."""


class BusCommandSender:
    """Numbers each command, so that one that arrives twice is recognized; `session` is ours."""

    def __init__(self, name: str, session: str, asker: Asker) -> None:
        self._name = name
        self._session = session
        self._asker = asker
        self._sent = 0

    def send(self, process: str, command: Any) -> None:
        """Send a command; it may be lost, and its answer is not waited for."""
        self._sent += 1
        request = Request(
            id=f"{self._name}-{self._session}-{self._sent}",
            type=type(command).__name__,
            sender=self._name,
            body=encode_body(command),
        )
        self._asker.ask(process, encode(request))
