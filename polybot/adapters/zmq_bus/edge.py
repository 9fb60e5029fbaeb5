"""Brings a ZeroMQ socket's edge-triggered descriptor into an asyncio loop."""

import asyncio
import enum
from collections.abc import Callable

import zmq


class Pull(enum.Enum):
    """Why a pull ended."""

    EMPTY = "the socket has nothing more"
    MORE = "the socket may have more, others' turn first"
    FULL = "there is no room for more now"


class EdgeReader:
    """Calls `pull` whenever its socket may have messages.

    The descriptor tells only of a change: `pull` has to take messages until there are none. After
    anything else is done with the socket (a send) the change may have been swallowed: call `soon`.
    """

    def __init__(self, socket: "zmq.Socket[bytes]", pull: Callable[[], Pull]) -> None:
        self._descriptor = int(socket.getsockopt(zmq.FD))
        self._pull = pull
        self._loop: asyncio.AbstractEventLoop | None = None
        self._watching = False
        self._scheduled = False

    def attach(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begin to read within a loop."""
        self._loop = loop
        self.soon()

    def detach(self) -> None:
        """Leave the loop; call it before the socket is closed."""
        self._watch(on=False)
        self._loop = None

    def soon(self) -> None:
        """Look at the socket again as soon as the loop comes round."""
        if self._loop is not None and not self._scheduled:
            self._scheduled = True
            self._loop.call_soon(self._run)

    def _run(self) -> None:
        self._scheduled = False
        if self._loop is None:
            return
        ended = self._pull()
        if ended is Pull.MORE:
            self.soon()
        # While there is no room, a descriptor that stays readable would keep the loop spinning.
        self._watch(on=ended is not Pull.FULL)

    def _watch(self, *, on: bool) -> None:
        if self._loop is None or on == self._watching:
            return
        self._watching = on
        if on:
            self._loop.add_reader(self._descriptor, self._run)
        else:
            self._loop.remove_reader(self._descriptor)
