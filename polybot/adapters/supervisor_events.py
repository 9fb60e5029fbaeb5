"""supervisord as an event listener sees it: process states on stdin, signals by its own rpc.

The protocol is supervisord's (supervisord.org/events.html): the listener says READY, reads a
header line and a payload, and answers RESULT.
"""

import http.client
import os
import xmlrpc.client
from collections.abc import Callable, Iterator, Mapping
from typing import Any, BinaryIO, NamedTuple, cast

from polybot.errors import StartRefused

_READY, _RESULT = b"READY\n", b"RESULT 2\nOK"
RUNNING = "PROCESS_STATE_RUNNING"
_RUNNING_NAME = "RUNNING"
# What an rpc may end in: a refusal, a broken answer, or nobody there.
_RPC_ERRORS = (xmlrpc.client.Error, http.client.HTTPException, OSError)
_ENDED = (
    "PROCESS_STATE_EXITED",
    "PROCESS_STATE_STOPPED",
    "PROCESS_STATE_BACKOFF",
    "PROCESS_STATE_FATAL",
)


class StateChange(NamedTuple):
    """A process that runs now, or does not any more; `name` is the rpc's group:process."""

    name: str
    pid: int
    runs: bool


class SupervisorEvents:
    """Reads events without ever waiting for half of one, and answers each."""

    def __init__(self, descriptor: int, answers: BinaryIO) -> None:
        self._descriptor = descriptor
        self._answers = answers
        self._buffer = b""
        self.is_open = True
        os.set_blocking(descriptor, False)
        self._say(_READY)

    def fileno(self) -> int:
        """Return the descriptor, for a selector."""
        return self._descriptor

    def take(self) -> list[StateChange]:
        """Return what changed; `is_open` turns False when supervisord is gone."""
        try:
            data = os.read(self._descriptor, 1 << 16)
        except BlockingIOError:
            return []
        self.is_open = bool(data)
        self._buffer += data
        return list(self._changes())

    def _changes(self) -> Iterator[StateChange]:
        while True:
            line, newline, rest = self._buffer.partition(b"\n")
            if not newline:
                return
            header = _fields(line)
            length = int(header["len"])
            if len(rest) < length:
                return
            payload, self._buffer = rest[:length], rest[length:]
            self._say(_RESULT + _READY)
            change = _change(header["eventname"], _fields(payload))
            if change is not None:
                yield change

    def _say(self, words: bytes) -> None:
        self._answers.write(words)
        self._answers.flush()


class SupervisorSignals:
    """Signals a process through supervisord, which knows whether it still is that process."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        # Only the listener loads what speaks XML.
        from supervisor.childutils import getRPCInterface  # noqa: PLC0415

        # A connection that broke once refuses every later call, so each call has one of its own.
        self._connect: Callable[[], Any] = lambda: getRPCInterface(environ).supervisor
        try:
            self._connect()
        except KeyError as error:
            raise StartRefused(
                "expected to be started by supervisord as an event listener, was not"
            ) from error

    def send(self, name: str, signal_name: str) -> str:
        """Send a signal such as ABRT; returns what went wrong, "" when it was sent."""
        try:
            self._connect().signalProcess(name, signal_name)
        except _RPC_ERRORS as error:
            return _told(error)
        return ""

    def running(self) -> tuple[list[StateChange], str]:
        """Return the processes that run now, and what kept them from being known, "" if nothing."""
        try:
            known = cast("list[dict[str, Any]]", self._connect().getAllProcessInfo())
        except _RPC_ERRORS as error:
            return [], _told(error)
        return [
            StateChange(f"{info['group']}:{info['name']}", int(info["pid"]), runs=True)
            for info in known
            if info["statename"] == _RUNNING_NAME
        ], ""


def _told(error: Exception) -> str:
    # An answer that breaks off has no text of its own.
    return str(error) or type(error).__name__


def _change(event: str, payload: Mapping[str, str]) -> StateChange | None:
    name = f"{payload.get('groupname', '')}:{payload.get('processname', '')}"
    pid = int(payload.get("pid") or 0)
    if event == RUNNING:
        return StateChange(name, pid, runs=True)
    return StateChange(name, pid, runs=False) if event in _ENDED else None


def _fields(line: bytes) -> dict[str, str]:
    pairs = (part.partition(":") for part in line.decode("utf-8", errors="replace").split())
    return {name: value for name, _, value in pairs}
