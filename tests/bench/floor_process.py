"""A process of the floor as a service manager starts it, on directories of its own."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

from polybot.config.locations import ALLOCATOR

START_TIMEOUT_S = 30.0


class FloorProcess:
    """Starts a process, hears its READY=1 on a socket of its own, and ends it."""

    def __init__(self, name: str, directory: Path, environ: dict[str, str] | None = None) -> None:
        self.name = name
        path = directory / f"notify-{name}"
        path.unlink(missing_ok=True)
        self._ear = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._ear.bind(os.fspath(path))
        self._log = (directory / f"{name}.log").open("ab")
        self._process = subprocess.Popen(
            [sys.executable, "-m", "polybot.cli.run", name],
            env=floor_environ(directory) | {"NOTIFY_SOCKET": os.fspath(path)} | (environ or {}),
            stdout=self._log,
            stderr=self._log,
            start_new_session=True,
        )

    @property
    def pid(self) -> int:
        """The process's id."""
        return self._process.pid

    def wait_ready(self) -> None:
        """Wait for READY=1; an AssertionError shows the log of a process that never is."""
        deadline = time.monotonic() + START_TIMEOUT_S
        self._ear.settimeout(0.2)
        while time.monotonic() < deadline and not self._has_ended():
            try:
                if "READY=1" in self._ear.recv(4096).decode().split("\n"):
                    return
            except TimeoutError:
                continue
        raise AssertionError(f"{self.name} did not become ready:\n{self._tail()}")

    def kill(self) -> float:
        """End the process at once and return the CPU seconds it used, user and system."""
        # Not by Popen, which would reap a process that has ended already, and its CPU time with it.
        # The whole group: a child that audits or comments must not stay behind.
        os.killpg(self._process.pid, signal.SIGKILL)
        _, _, used = os.wait4(self._process.pid, 0)
        self._process.returncode = -signal.SIGKILL
        self._ear.close()
        self._log.close()
        return used.ru_utime + used.ru_stime

    def _has_ended(self) -> bool:
        # Left unreaped, because its CPU time is told only once.
        ended = os.WEXITED | os.WNOHANG | os.WNOWAIT
        return os.waitid(os.P_PID, self._process.pid, ended) is not None

    def _tail(self) -> str:
        return Path(self._log.name).read_text(errors="replace")[-2000:]


def floor_environ(directory: Path) -> dict[str, str]:
    """Return this process's environment without its own polybot settings, moved to a directory.

    Compiled modules go there too, so that only the first start compiles, whatever this machine's
    habits are.
    """
    left_out = ("POLYBOT_", "PYTHONDONTWRITEBYTECODE")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(left_out)}
    return kept | {
        "POLYBOT_STATE_DIR": os.fspath(directory / "state"),
        "POLYBOT_RUNTIME_DIR": os.fspath(directory / "run"),
        "PYTHONPYCACHEPREFIX": os.fspath(directory / "compiled"),
        # Killed over and over: what is measured is a start, not the wait of a crash loop.
        "POLYBOT__CRASH_LOOP__CRASHES": "0",
        # As `polybot up` sets it for every process of a floor.
        **ALLOCATOR,
    }
