"""What the command line asks the processes of a floor, over their rpc sockets."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol
from uuid import uuid4

import msgspec

from polybot.adapters.zmq_bus.endpoints import open_context
from polybot.adapters.zmq_bus.rpc_client import RpcClient
from polybot.cli.exits import CommandError, Late, NotRunning
from polybot.cli.processes import how_to_start
from polybot.errors import BusError
from polybot.messages.codec import decode_body, decode_reply, encode, encode_body
from polybot.messages.envelope import Request

OPERATOR = "operator"

# Somebody looks at a screen: a process that does not answer by then is shown as it is.
GLANCE_S = 0.3


class Asking(Protocol):
    """The rpc client this needs; the real one, or a fake in a test."""

    def is_running(self, name: str) -> bool:
        """Return whether a living process listens under a name."""

    def request(self, name: str, payload: bytes, timeout_s: float) -> bytes:
        """Return a process's answer; raises BusError when there is none."""


class Conversation:
    """Asks processes for typed answers."""

    def __init__(self, client: Asking) -> None:
        self._client = client

    def is_running(self, process: str) -> bool:
        """Return whether a living process listens under a name."""
        return self._client.is_running(process)

    def ask(self, process: str, message: msgspec.Struct, *, timeout_s: float) -> Any:
        """Return the typed answer of a process.

        Raises NotRunning when nobody listens, Late when no answer came (whether it acted is then
        unknown), CommandError with the process's own words when it refused.
        """
        if not self._client.is_running(process):
            raise NotRunning(
                f"expected {process} to run, was not running; start it: {how_to_start()}"
            )
        request = Request(
            id=uuid4().hex, type=type(message).__name__, sender=OPERATOR, body=encode_body(message)
        )
        try:
            answer = self._client.request(process, encode(request), timeout_s)
        except BusError as error:
            if "refused" in str(error):
                raise CommandError(str(error)) from error
            raise Late(str(error)) from error
        reply = decode_reply(answer)
        if reply.error:
            raise CommandError(f"{process} refused: {reply.error}")
        return decode_body(reply.type, reply.body)

    def glance(self, questions: dict[str, tuple[str, msgspec.Struct]]) -> dict[str, Any]:
        """Ask several questions at once, each (process, message); no answer leaves its name out."""
        with ThreadPoolExecutor(max_workers=max(len(questions), 1)) as pool:
            answers = {
                name: pool.submit(self._glance, process, message)
                for name, (process, message) in questions.items()
            }
            found = {name: answer.result() for name, answer in answers.items()}
        return {name: answer for name, answer in found.items() if answer is not None}

    def _glance(self, process: str, message: msgspec.Struct) -> Any:
        try:
            return self.ask(process, message, timeout_s=GLANCE_S)
        except CommandError:
            # Not running, busy or too old to know the question: the status says which.
            return None


@contextmanager
def conversation(runtime_dir: Path) -> Iterator[Conversation]:
    """Open a conversation with the floor of a runtime directory."""
    context = open_context()
    try:
        yield Conversation(RpcClient(context, runtime_dir))
    finally:
        context.destroy(linger=0)
