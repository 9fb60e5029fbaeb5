"""The memory of a floor at rest, beside as many processes that load every package."""

import contextlib
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from polybot.config.locations import PROCESSES
from tests.bench.floor_process import FloorProcess
from tests.bench.harness import Budget, Row

IDLE_S = 6.0
KB_PER_MB = 1024
# What a process that does not think about it has loaded: every package the floor runs on.
EAGER = (
    "import asyncio, aiohttp, dotenv, msgspec, openai, peewee, picows, py_clob_client.client,"
    " sdnotify, sys, zmq; print(flush=True); sys.stdin.read()"
)


def measure(rounds: int) -> list[Row]:
    """Return the row; memory is measured once, whatever `rounds` says."""
    del rounds
    shares = _floor()
    eager = _eager(len(shares))
    total = sum(shares.values())
    return [
        Row(
            name=f"memory of {len(shares)} processes, idle",
            unit="MB",
            ours=total,
            peer=eager,
            ratio=eager / total,
            budget=Budget(130, unit="MB"),
            beside=", ".join(f"{name} {share:.1f}" for name, share in shares.items()),
        )
    ]


def _floor() -> dict[str, float]:
    with tempfile.TemporaryDirectory(prefix="pb-") as name:
        # The first start compiles every module, and a compiler's memory does not come back.
        with _started(Path(name)):
            pass
        with _started(Path(name)) as processes:
            time.sleep(IDLE_S)
            return {process.name: pss_mb(process.pid) for process in processes}


@contextlib.contextmanager
def _started(directory: Path) -> Iterator[list[FloorProcess]]:
    with contextlib.ExitStack() as stack:
        processes = []
        for name in PROCESSES:
            process = FloorProcess(name, directory)
            stack.callback(process.kill)
            processes.append(process)
        for process in processes:
            process.wait_ready()
        yield processes


def _eager(count: int) -> float:
    with contextlib.ExitStack() as stack:
        loaded = []
        for _ in range(count):
            process = subprocess.Popen(
                [sys.executable, "-c", EAGER], stdin=subprocess.PIPE, stdout=subprocess.PIPE
            )
            stack.enter_context(process)
            stack.callback(process.kill)
            loaded.append(process)
        for process in loaded:
            assert process.stdout is not None
            assert process.stdout.readline() == b"\n", "a process did not load its packages"
        return sum(pss_mb(process.pid) for process in loaded)


def pss_mb(pid: int) -> float:
    """Return a process's proportional share of memory in MiB: a sum counts shared pages once."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) / KB_PER_MB
    raise AssertionError(f"expected a line Pss: for process {pid}, was none")
