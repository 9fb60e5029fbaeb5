"""The receiving side of the bus: one SUB socket connected to every peer's events."""

import asyncio
import logging
from collections.abc import Iterable
from pathlib import Path

import zmq

from polybot.adapters.zmq_bus.edge import EdgeReader, Pull
from polybot.adapters.zmq_bus.endpoints import EVENTS, TOPIC_END, BusContext, connect, socket_path
from polybot.domain.refusals import Refusals

logger = logging.getLogger(__name__)

# More than every publisher together keeps back, so that a busy turn loses nothing here first.
RECEIVE_HIGH_WATER = 50_000
# What a service that does not take may pile up before messages wait in the socket.
LARGEST_INBOX = 100_000
_BURST = 500
_SHOWN = 60


class BusSubscriber:
    """Collects the payloads of peers' messages until the service takes them.

    Peers need not exist yet and may come and go. Frames that are not a topic and a payload are
    counted, and within a loop logged once a minute. Raises BusError when a peer's path is too long.
    """

    def __init__(
        self, context: BusContext, runtime_dir: Path, names: Iterable[str], topics: Iterable[bytes]
    ) -> None:
        paths = [socket_path(runtime_dir, name, EVENTS) for name in names]
        self._socket = context.socket(zmq.SUB)
        self._socket.setsockopt(zmq.RCVHWM, RECEIVE_HIGH_WATER)
        for topic in topics:
            self._socket.setsockopt(zmq.SUBSCRIBE, topic)
        for path in paths:
            connect(self._socket, path)
        self._reader = EdgeReader(self._socket, self._pull)
        self._inbox: list[bytes] = []
        self._wake: asyncio.Event | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._refusals = Refusals()

    @property
    def malformed(self) -> int:
        """How many frames were not a topic and a payload."""
        return self._refusals.total

    def attach(self, loop: asyncio.AbstractEventLoop, wake: asyncio.Event) -> None:
        """Collect within a loop and set `wake` whenever something arrived."""
        self._wake, self._loop = wake, loop
        self._reader.attach(loop)

    def take(self) -> list[bytes]:
        """Return the payloads that arrived since the last call, oldest first."""
        taken, self._inbox = self._inbox, []
        if len(taken) >= LARGEST_INBOX:
            self._reader.soon()
        return taken

    def receive(self, timeout_s: float) -> list[bytes]:
        """Wait for messages without a loop (for a command); empty after a timeout."""
        if not self._inbox and self._socket.poll(int(timeout_s * 1000)):
            self._pull()
        return self.take()

    def close(self) -> None:
        """Leave the loop and close."""
        self._reader.detach()
        self._socket.close()

    def _pull(self) -> Pull:
        before = len(self._inbox)
        ended = self._pull_burst()
        if self._wake is not None and len(self._inbox) > before:
            self._wake.set()
        return ended

    def _pull_burst(self) -> Pull:
        for _ in range(_BURST):
            if len(self._inbox) >= LARGEST_INBOX:
                return Pull.FULL
            try:
                frame = self._socket.recv(zmq.NOBLOCK)
            except zmq.Again:
                return Pull.EMPTY
            topic, mark, payload = frame.partition(TOPIC_END)
            if topic and mark:
                self._inbox.append(payload)
            else:
                self._refuse(frame)
        return Pull.MORE

    def _refuse(self, frame: bytes) -> None:
        mono_ns = int(self._loop.time() * 1e9) if self._loop else 0
        line = self._refusals.note(f"{frame[:_SHOWN]!r}", mono_ns)
        if line:
            logger.warning("bus frames that are no message: %s", line)
