"""The CPU time of a process from nothing to READY=1, beside loading the official client alone."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from polybot.config.locations import PROCESSES
from tests.bench.floor_process import FloorProcess, floor_environ
from tests.bench.harness import Budget, Row, interleave

SECOND_NS = 1_000_000_000
MS_NS = 1_000_000
PEER = "loads py_clob_client"
UNBUDGETED = ("simulator",)


def measure(rounds: int) -> list[Row]:
    """Return one row a process; the first start of each, on an empty disk, is thrown away."""
    with tempfile.TemporaryDirectory(prefix="pb-") as name:
        directory = Path(name)
        sides: dict[str, Callable[[], int]] = {
            process: _starter(process, directory) for process in PROCESSES
        }
        sides[PEER] = _official_client_loader(directory)
        taken = interleave(sides, rounds=rounds, burst=1)
    return [
        Row(
            name=f"cold start of {process}, CPU",
            unit="ms",
            ours=taken.median_ns(process) / MS_NS,
            peer=taken.median_ns(PEER) / MS_NS,
            ratio=taken.ratio(PEER, process),
            budget=None if process in UNBUDGETED else Budget(150, unit="ms"),
        )
        for process in (*(p for p in PROCESSES if p not in UNBUDGETED), *UNBUDGETED)
    ]


def _starter(name: str, directory: Path) -> Callable[[], int]:
    def start() -> int:
        process = FloorProcess(name, directory)
        try:
            process.wait_ready()
        finally:
            # Killed, not asked: what stopping costs is another question.
            used_s = process.kill()
        return int(used_s * SECOND_NS)

    return start


def _official_client_loader(directory: Path) -> Callable[[], int]:
    command = [sys.executable, "-c", "import os, py_clob_client.client; os._exit(0)"]

    def load() -> int:
        process = subprocess.Popen(command, env=floor_environ(directory))
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        assert process.returncode == 0, f"expected exit code 0, was {process.returncode}"
        return int((used.ru_utime + used.ru_stime) * SECOND_NS)

    return load
