"""Lets a process stand still at one crash point, so that a test can kill it exactly there."""

import os
import signal
import threading
from collections.abc import Mapping

from polybot.errors import ConfigError
from polybot.ports.crash_points import POINTS, on_reach

VARIABLE = "POLYBOT_CRASH_POINT"


def stand_still_as_told(environment: Mapping[str, str], *, mode: str) -> None:
    """Stop this process (SIGSTOP) at the n-th time it reaches a point, told as `orders.sent#3`.

    `@/path/of/a/file` leaves it to a test to say later: the point is what the file holds, counted
    from when it was written, and none while there is no such file. Without the variable nothing
    happens. Raises ConfigError for a point that does not exist, and in live mode, where nobody may
    make a trader stand still from its environment.
    """
    told = environment.get(VARIABLE, "")
    if not told:
        return
    if mode == "live":
        raise ConfigError([f"{VARIABLE}: expected none in live mode, was {told!r}; unset it"])
    if told.startswith("@"):
        on_reach(_ToldLater(told[1:]))
        return
    countdown = _read(told)
    if countdown is None:
        raise ConfigError(
            [f"{VARIABLE}: expected one of {', '.join(POINTS)}, with #n for the n-th, was {told!r}"]
        )
    on_reach(countdown)


def _read(told: str) -> "_Countdown | None":
    point, _, count = told.partition("#")
    if point not in POINTS or not (count or "1").isdecimal() or count == "0":
        return None
    return _Countdown(point, int(count or "1"))


class _Countdown:
    """Counts how often a point is reached, from any thread, and stops the process at the last."""

    def __init__(self, point: str, count: int) -> None:
        self._point = point
        self._left = count
        self._lock = threading.Lock()

    def __call__(self, point: str) -> None:
        if point != self._point:
            return
        with self._lock:
            self._left -= 1
            is_last = self._left == 0
        if is_last:
            # All threads stop, as in a kill; whoever waits for this child is told so by the system.
            # Sent to this very thread: sent to the process it would run on for microseconds.
            signal.pthread_kill(threading.get_ident(), signal.SIGSTOP)


class _ToldLater:
    """Looks into a file at each point; a file that is replaced counts anew."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._seen = 0
        self._countdown: _Countdown | None = None
        self._lock = threading.Lock()

    def __call__(self, point: str) -> None:
        with self._lock:
            self._look()
            countdown = self._countdown
        if countdown is not None:
            countdown(point)

    def _look(self) -> None:
        try:
            file_number = os.stat(self._path).st_ino
        except FileNotFoundError:
            self._seen, self._countdown = 0, None
            return
        if file_number != self._seen:
            self._seen = file_number
            with open(self._path, encoding="utf-8") as file:
                self._countdown = _read(file.read().strip())
