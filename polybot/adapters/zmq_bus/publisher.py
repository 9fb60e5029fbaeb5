"""The publishing side of the bus: one PUB socket per process."""

from pathlib import Path

import zmq

from polybot.adapters.zmq_bus.endpoints import (
    EVENTS,
    TOPIC_END,
    BoundSocket,
    BusContext,
    socket_path,
)

# Per subscriber: some seconds of a busy market. A subscriber further behind loses messages, sees
# the gap in their numbers, and asks the journal.
SEND_HIGH_WATER = 20_000


class BusPublisher:
    """Publishes a process's events at `<runtime_dir>/<name>.events`.

    Raises BusError when the path is taken by a living process, too long or not writable.
    """

    def __init__(self, context: BusContext, runtime_dir: Path, name: str) -> None:
        path = socket_path(runtime_dir, name, EVENTS)
        self._bound = BoundSocket(context, zmq.PUB, path, {zmq.SNDHWM: SEND_HIGH_WATER})

    def send(self, topic: bytes, payload: bytes) -> None:
        """Publish one message; never waits, a slow subscriber loses it instead."""
        # One frame, not two: a second one costs a fifth of the way.
        self._bound.socket.send(TOPIC_END.join((topic, payload)), zmq.NOBLOCK)

    def close(self) -> None:
        """Unbind and close."""
        self._bound.close()
