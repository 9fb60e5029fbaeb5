"""A process of a floor as commands meet it: an rpc socket that answers, on its own thread."""

import threading
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import zmq

from polybot.messages.codec import decode_body, decode_request, encode, encode_body
from polybot.messages.commands import GetStatus
from polybot.messages.envelope import Reply
from polybot.messages.lifecycle import Heartbeat

Answer = Callable[[Any], Any]


class Peer:
    """Answers requests with what `answers` makes of their bodies, by type; others get an error.

    `silent` takes requests and never answers, as a process stuck in its loop does.
    """

    def __init__(
        self, runtime_dir: Path, name: str, answers: dict[str, Answer], *, silent: bool = False
    ) -> None:
        self.asked: list[Any] = []
        self._answers = answers
        self._silent = silent
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._socket = self._context.socket(zmq.ROUTER)
        self._socket.bind(f"ipc://{runtime_dir / name}.rpc")
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop.set()
        self._thread.join()
        self._socket.close(linger=0)
        self._context.term()

    def _serve(self) -> None:
        while not self._stop.is_set():
            if not self._socket.poll(20):
                continue
            client, payload = self._socket.recv_multipart()
            answer = self._answer(payload)
            if not self._silent:
                self._socket.send_multipart((client, b"+", answer))

    def _answer(self, payload: bytes) -> bytes:
        request = decode_request(payload)
        body = decode_body(request.type, request.body)
        self.asked.append(body)
        answer = self._answers.get(request.type)
        if answer is None:
            return encode(Reply(id=request.id, error=f"expected no {request.type}"))
        message = answer(body)
        return encode(Reply(id=request.id, type=type(message).__name__, body=encode_body(message)))


def beating(name: str, **fields: Any) -> dict[str, Answer]:
    """Return the answers of a process that only tells its status."""

    def beat(_: GetStatus) -> Heartbeat:
        return Heartbeat(
            **{
                "process": name,
                "pid": 100 + len(name),
                "last_seq": 1,
                "turns": 2,
                "progress": 3,
                "status": f"{name} works",
                **fields,
            }
        )

    return {"GetStatus": beat}
