"""The answering side of rpc: one ROUTER socket per process, served between the service's turns."""

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path

import zmq

from polybot.adapters.zmq_bus.edge import EdgeReader, Pull
from polybot.adapters.zmq_bus.endpoints import RPC, BoundSocket, BusContext, socket_path
from polybot.adapters.zmq_bus.rpc_wire import REQUEST_FRAMES, answer, refusal
from polybot.domain.refusals import Refusals
from polybot.errors import PolybotError

logger = logging.getLogger(__name__)

# Waiting requests and answers, per client; a client with more is broken or gone.
HIGH_WATER = 1_000
_BURST = 50


class RpcServer:
    """Answers requests at `<runtime_dir>/<name>.rpc` with what `handler` makes of each.

    Every well-formed request gets an answer: an error of the handler is sent back, not raised.
    Raises BusError when the path is taken by a living process, too long or not writable.
    """

    def __init__(
        self,
        context: BusContext,
        runtime_dir: Path,
        name: str,
        handler: Callable[[bytes], bytes],
    ) -> None:
        path = socket_path(runtime_dir, name, RPC)
        limits: dict[int, int] = {zmq.SNDHWM: HIGH_WATER, zmq.RCVHWM: HIGH_WATER}
        self._bound = BoundSocket(context, zmq.ROUTER, path, limits)
        self._handler = handler
        self._reader = EdgeReader(self._bound.socket, self._pull)
        self._wake: asyncio.Event | None = None
        self._refusals = Refusals()

    @property
    def malformed(self) -> int:
        """How many requests were not one payload."""
        return self._refusals.total

    def attach(self, loop: asyncio.AbstractEventLoop, wake: asyncio.Event) -> None:
        """Serve within a loop; `wake` is set after requests, for the service to act on them."""
        self._wake = wake
        self._reader.attach(loop)

    def close(self) -> None:
        """Leave the loop, unbind and close."""
        self._reader.detach()
        self._bound.close()

    def _pull(self) -> Pull:
        for _ in range(_BURST):
            try:
                frames = self._bound.socket.recv_multipart(zmq.NOBLOCK)
            except zmq.Again:
                return Pull.EMPTY
            if len(frames) != REQUEST_FRAMES:
                self._refuse(len(frames))
                continue
            client, request = frames
            # A client that is gone by now is not an error: ROUTER drops its answer.
            self._bound.socket.send_multipart((client, *self._answer(request)), zmq.NOBLOCK)
            if self._wake is not None:
                self._wake.set()
        return Pull.MORE

    def _refuse(self, frames: int) -> None:
        mono_ns = int(asyncio.get_running_loop().time() * 1e9)
        line = self._refusals.note(f"expected {REQUEST_FRAMES} frames, was {frames}", mono_ns)
        if line:
            logger.warning("rpc requests that are none: %s", line)

    def _answer(self, request: bytes) -> tuple[bytes, bytes]:
        try:
            return answer(self._handler(request))
        except PolybotError as error:
            logger.warning("refused an rpc request: %s", error)
            return refusal(str(error) or type(error).__name__)
        except Exception as error:
            # The asker must hear of it: without an answer it would wait, and might ask again.
            logger.exception("an rpc request failed")
            return refusal(f"{type(error).__name__}: {error}")
