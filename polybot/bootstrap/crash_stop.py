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

    Without the variable nothing happens. Raises ConfigError for a point that does not exist, and
    in live mode, where nobody may make a trader stand still from its environment.
    """
    told = environment.get(VARIABLE, "")
    if not told:
        return
    point, _, count = told.partition("#")
    if point not in POINTS or not (count or "1").isdecimal() or count == "0":
        raise ConfigError(
            [f"{VARIABLE}: expected one of {', '.join(POINTS)}, with #n for the n-th, was {told!r}"]
        )
    if mode == "live":
        raise ConfigError([f"{VARIABLE}: expected none in live mode, was {told!r}; unset it"])
    on_reach(_Countdown(point, int(count or "1")))


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
            os.kill(os.getpid(), signal.SIGSTOP)
