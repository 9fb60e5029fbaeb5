"""Plays systemd's part under supervisord: READY and watchdog pings mean the same there.

Run by supervisord as an event listener (`python -m polybot.cli.notify_bridge`). A process that
falls silent is aborted, so that it prints its stacks, and supervisord starts another.
"""

import os
import selectors
import signal
import sys
import time
from pathlib import Path
from typing import BinaryIO

from polybot.adapters.clock import SystemClock
from polybot.adapters.notify_socket import NotifySocket
from polybot.adapters.supervisor_events import StateChange, SupervisorEvents, SupervisorSignals
from polybot.cli.exits import Exit
from polybot.config.locations import RUNTIME_NAME
from polybot.domain.notify_watch import NotifyWatch, Overdue, WatchRules, parse_notification
from polybot.errors import PolybotError
from polybot.ports import Clock

SOCKET_NAME = "notify.sock"
WATCHDOG_NAME = "WATCHDOG_USEC"
# An aborted process prints its stacks within this; then it is killed.
ABORT_S = 5.0
_LOOK_S = 0.5
_SECOND_NS = 1_000_000_000
_ABORT_NS = int(ABORT_S * _SECOND_NS)
# A longer time between two turns is no process's fault: the bridge or the machine stood still.
_GAP_NS = 2 * _SECOND_NS


class Bridge:
    """Hears processes and supervisord, and ends who is overdue."""

    def __init__(
        self,
        heard: NotifySocket,
        events: SupervisorEvents,
        signals: SupervisorSignals,
        clock: Clock,
    ) -> None:
        self._heard, self._events, self._signals = heard, events, signals
        self._clock = clock
        self._watch = NotifyWatch(WatchRules())
        # By pid: the name, and when to kill it, or to try that again.
        self._aborted: dict[int, tuple[str, int]] = {}
        self._turned_ns = clock.monotonic_ns()
        self._selector = selectors.DefaultSelector()
        self._selector.register(heard, selectors.EVENT_READ)
        self._selector.register(events, selectors.EVENT_READ)

    def run(self) -> None:
        """Serve until supervisord is gone."""
        self.catch_up()
        while self._events.is_open:
            self.turn(_LOOK_S)

    def catch_up(self) -> None:
        """Watch who runs already: supervisord tells changes only, and no bridge is the first."""
        running, problem = self._signals.running()
        if problem:
            _say(f"cannot ask supervisord who runs: {problem}")
        now = self._clock.monotonic_ns()
        for change in running:
            self._take(change, now)

    def turn(self, wait_s: float) -> None:
        """Take what arrived within a while, and end who is overdue."""
        self._selector.select(wait_s)
        now = self._clock.monotonic_ns()
        self._allow_for_gap(now)
        for change in self._events.take():
            self._take(change, now)
        for pid, data in self._heard.take():
            self._watch.heard(pid, parse_notification(data), now)
        for late in self._watch.overdue(now):
            self._abort(late, now)
        for pid, (name, kill_ns) in list(self._aborted.items()):
            if now >= kill_ns:
                # Tried until supervisord tells its end: neither signal may have arrived.
                self._aborted[pid] = name, now + _ABORT_NS
                self._send(name, "KILL")

    def _take(self, change: StateChange, now: int) -> None:
        if change.pid == os.getpid():
            return
        if not change.runs:
            self._watch.ended(change.pid)
            self._aborted.pop(change.pid, None)
            return
        # A signal goes to a name: a new process must not be killed for an old one.
        for pid in [pid for pid, (name, _) in self._aborted.items() if name == change.name]:
            del self._aborted[pid]
        self._watch.started(change.name, change.pid, now, ping_ns=interval_of(change.pid))

    def _allow_for_gap(self, now: int) -> None:
        gap_ns = now - self._turned_ns
        self._turned_ns = now
        if gap_ns <= _GAP_NS:
            return
        self._watch.postpone(gap_ns)
        self._aborted = {
            pid: (name, kill_ns + gap_ns) for pid, (name, kill_ns) in self._aborted.items()
        }

    def _abort(self, late: Overdue, now: int) -> None:
        _say(f"{late.name} (pid {late.pid}) {late.reason}; aborting it")
        self._send(late.name, "ABRT")
        # One that stands still hears the abort only when it goes on.
        self._send(late.name, "CONT")
        self._aborted[late.pid] = late.name, now + _ABORT_NS

    def _send(self, name: str, signal_name: str) -> None:
        if problem := self._signals.send(name, signal_name):
            _say(f"cannot send {signal_name} to {name}: {problem}")


def interval_of(pid: int, proc: Path = Path("/proc")) -> int:
    """Return the interval in ns that a process was told to ping in, 0 when it was told none."""
    try:
        block = (proc / str(pid) / "environ").read_bytes()
    except OSError:
        return 0
    told = [entry for entry in block.split(b"\0") if entry.startswith(f"{WATCHDOG_NAME}=".encode())]
    text = told[0].partition(b"=")[2] if told else b""
    return int(text) * 1_000 if text.isdigit() else 0


def main(events: int = 0, answers: BinaryIO | None = None) -> int:
    """Serve as supervisord's event listener; the standard output is its protocol's."""
    runtime = os.environ.get(RUNTIME_NAME, "")
    if not runtime:
        _say(f"expected {RUNTIME_NAME}, was unset; `polybot up` starts this")
        return Exit.CONFIG
    try:
        signals = SupervisorSignals(os.environ)
        heard = NotifySocket(Path(runtime) / SOCKET_NAME)
    except (PolybotError, OSError) as error:
        _say(str(error))
        return Exit.ERROR
    # Asked to stop is a good end.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(Exit.OK))
    try:
        told = SupervisorEvents(events, answers or sys.stdout.buffer)
        Bridge(heard, told, signals, SystemClock()).run()
    finally:
        heard.close()
    return Exit.OK


def _say(text: str) -> None:
    when = time.strftime("%Y-%m-%d %H:%M:%S %Z")
    sys.stderr.write(f"{when} WARNING bridge: {text}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
