"""Sets the wall clock of a process off, by what a test writes into a file: for tests alone.

A directory that Python finds by PYTHONPATH: it is loaded before anything of the process. The
simulated exchange keeps the true time, as a real one would.
"""

import os
import sys
import time

_FILE = os.environ.get("TEST_CLOCK_SHIFT_FILE", "")
_time_ns = time.time_ns


def _shift_ns() -> int:
    try:
        with open(_FILE, encoding="ascii") as file:
            return int(file.read() or 0) * 1_000_000_000
    except OSError:
        return 0


def _shifted_ns() -> int:
    return _time_ns() + _shift_ns()


def _shifted() -> float:
    return _shifted_ns() / 1e9


if _FILE and sys.orig_argv[-1] != "simulator":
    time.time_ns = _shifted_ns
    time.time = _shifted
