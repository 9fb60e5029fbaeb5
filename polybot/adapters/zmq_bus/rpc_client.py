"""The asking side of rpc: a waiting client for commands, a collecting one for a service's loop."""

import asyncio
import logging
from collections.abc import Iterable
from functools import partial
from pathlib import Path

import zmq

from polybot.adapters.zmq_bus.edge import EdgeReader, Pull
from polybot.adapters.zmq_bus.endpoints import RPC, BusContext, connect, is_bound, socket_path
from polybot.adapters.zmq_bus.rpc_wire import ANSWER_FRAMES, ANSWERED, reason_of
from polybot.errors import BusError

logger = logging.getLogger(__name__)

# Requests one peer may owe an answer to; more means it does not work them off.
HIGH_WATER = 1_000
_BURST = 100


class RpcClient:
    """Asks one question at a time and waits for its answer; for commands, not for a service."""

    def __init__(self, context: BusContext, runtime_dir: Path) -> None:
        self._context = context
        self._runtime_dir = runtime_dir

    def is_running(self, name: str) -> bool:
        """Return whether a living process listens under a name."""
        return is_bound(socket_path(self._runtime_dir, name, RPC))

    def request(self, name: str, payload: bytes, timeout_s: float) -> bytes:
        """Return a process's answer.

        Raises BusError when it refuses, when none comes in time (whether it acted is then unknown),
        or when its socket path is too long.
        """
        path = socket_path(self._runtime_dir, name, RPC)
        # A socket of its own for each question: a late answer can never meet the next one.
        with self._context.socket(zmq.DEALER) as asking:
            connect(asking, path)
            asking.send(payload)
            if not asking.poll(int(timeout_s * 1000)):
                raise BusError(
                    f"expected an answer from {name} within {timeout_s:g} s, was none; "
                    f"{'it is running but busy' if is_bound(path) else 'it is not running'}"
                )
            frames = asking.recv_multipart()
        if len(frames) != ANSWER_FRAMES:
            raise BusError(f"expected {ANSWER_FRAMES} frames from {name}, was {len(frames)}")
        mark, body = frames
        if mark != ANSWERED:
            raise BusError(f"{name} refused: {reason_of(body)}")
        return body


class RpcCaller:
    """Sends requests to peers without waiting and collects their answers for a later turn.

    A request to a peer that is not connected right now is dropped and counted in `unsent`: kept,
    it would reach the peer's next life as an order nobody remembers. Answers carry whatever the
    request's payload needs to be recognized by. Raises BusError when a peer's path is too long.
    """

    def __init__(self, context: BusContext, runtime_dir: Path, names: Iterable[str]) -> None:
        self._inbox: list[tuple[str, bytes]] = []
        self._wake: asyncio.Event | None = None
        paths = {name: socket_path(runtime_dir, name, RPC) for name in names}
        self._sockets = {name: _open_dealer(context, path) for name, path in paths.items()}
        self._readers = {
            name: EdgeReader(peer, partial(self._pull, name))
            for name, peer in self._sockets.items()
        }
        self.unsent = 0
        self.refused = 0

    def attach(self, loop: asyncio.AbstractEventLoop, wake: asyncio.Event) -> None:
        """Collect within a loop and set `wake` whenever an answer arrived."""
        self._wake = wake
        for reader in self._readers.values():
            reader.attach(loop)

    def ask(self, process: str, payload: bytes) -> None:
        """Send a request; never waits."""
        try:
            self._sockets[process].send(payload, zmq.NOBLOCK)
        except zmq.Again:
            self.unsent += 1
        self._readers[process].soon()

    def take(self) -> list[tuple[str, bytes]]:
        """Return the answers that arrived since the last call, each with who gave it."""
        taken, self._inbox = self._inbox, []
        return taken

    def close(self) -> None:
        """Leave the loop and close."""
        for reader in self._readers.values():
            reader.detach()
        for peer in self._sockets.values():
            peer.close()

    def _pull(self, name: str) -> Pull:
        for _ in range(_BURST):
            try:
                frames = self._sockets[name].recv_multipart(zmq.NOBLOCK)
            except zmq.Again:
                return Pull.EMPTY
            if len(frames) == ANSWER_FRAMES and frames[0] == ANSWERED:
                self._inbox.append((name, frames[1]))
                if self._wake is not None:
                    self._wake.set()
            else:
                self.refused += 1
                logger.warning("%s refused a request: %s", name, reason_of(frames[-1]))
        return Pull.MORE


def _open_dealer(context: BusContext, path: Path) -> "zmq.Socket[bytes]":
    peer = context.socket(zmq.DEALER)
    peer.setsockopt(zmq.IMMEDIATE, 1)
    peer.setsockopt(zmq.SNDHWM, HIGH_WATER)
    peer.setsockopt(zmq.RCVHWM, HIGH_WATER)
    connect(peer, path)
    return peer
