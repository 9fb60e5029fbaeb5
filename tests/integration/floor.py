"""A whole floor for a test: `polybot up` in directories of its own, seen through the commands."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

POLL_S = 0.25
# Its first order fills in the first window; it loses its fees, and must not be paused for it.
_DRILL = """
[risk]
max_consecutive_losses = 1000
max_daily_loss_usdc = 100000
[[agents]]
name = "driller"
strategy = "drill"
[agents.parameters]
every_s = {every_s}
"""
DRILL = _DRILL.format(every_s=10)
# Once in a window, but after a kill: the memory a drill goes by may be a checkpoint old (ADR 4).
DRILL_ONCE = _DRILL.format(every_s=3600)
POLYBOT = str(Path(sys.executable).parent / "polybot")


class Floor:
    """Starts, watches and stops one floor; everything it writes is under `root`.

    The runtime directory has a short path of its own, because a unix socket's path is limited.
    """

    def __init__(self, root: Path, **settings: str) -> None:
        self.root = root
        self.runtime = Path(tempfile.mkdtemp(prefix="pbf-", dir="/tmp"))
        self.log_path = root / "floor.log"
        self.environ = {
            **{name: value for name, value in os.environ.items() if "POLYBOT" not in name},
            "POLYBOT_CONFIG": str(root / "polybot.toml"),
            "POLYBOT_STATE_DIR": str(root / "state"),
            "POLYBOT_RUNTIME_DIR": str(self.runtime),
            **settings,
        }
        (root / "polybot.toml").write_text(settings.pop("toml", ""))
        self.environ.pop("toml", None)
        self._runner: subprocess.Popen[bytes] | None = None

    def start(self, *options: str) -> None:
        """Start the floor in the background."""
        if self._runner is not None:
            self._runner.wait(timeout=5)
        with self.log_path.open("ab") as log:
            self._runner = subprocess.Popen(
                [POLYBOT, "up", *options],
                env=self.environ,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def start_alive(self, *options: str, timeout_s: float = 60) -> dict[str, dict[str, Any]]:
        """Start the floor and return its processes when all of them are alive."""
        self.start(*options)
        return self.wait("five processes alive", self.all_alive, timeout_s=timeout_s)

    def command(self, *arguments: str, timeout_s: float = 60) -> subprocess.CompletedProcess[str]:
        """Run a polybot command against the floor."""
        return subprocess.run(
            [POLYBOT, *arguments],
            env=self.environ,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )

    def json(self, *arguments: str) -> Any:
        """Return what a command prints with --json, None when it failed."""
        done = self.command(*arguments, "--json")
        if done.returncode not in (0, 1):
            return None
        try:
            return json.loads(done.stdout)
        except ValueError:
            return None

    def wait(self, what: str, seen: Callable[[], Any], timeout_s: float) -> Any:
        """Wait until `seen` answers something; fails with the log's end when it does not."""
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            if answer := seen():
                return answer
            if self._runner is not None and self._runner.poll() is not None:
                break
            time.sleep(POLL_S)
        raise AssertionError(f"waited {timeout_s:.0f} s for {what}\n{self.log_tail()}")

    def processes(self) -> dict[str, dict[str, Any]]:
        """Return what `status` says of each process, by name."""
        status = self.json("status") or {"processes": []}
        return {process["name"]: process for process in status["processes"]}

    def all_alive(self) -> dict[str, dict[str, Any]] | None:
        """Return the five processes once all are alive."""
        processes = self.processes()
        alive = [p for p in processes.values() if p["verdict"] == "alive" and p["pid"]]
        return processes if len(alive) == len(processes) == 5 else None

    def graded(self, count: int = 1) -> list[dict[str, Any]] | None:
        """Return the graded windows once there are `count`."""
        windows = [w for w in self.json("windows") or [] if w["grades"]]
        return windows if len(windows) >= count else None

    def kill(self, process: str) -> int:
        """Kill a process with SIGKILL and return its pid."""
        pid = self.wait(f"the pid of the {process}", lambda: self.pid_of(process), timeout_s=15)
        os.kill(pid, signal.SIGKILL)
        return int(pid)

    def pid_of(self, process: str) -> int:
        """Return a process's id, 0 while it does not answer; never 1, which nobody may kill."""
        pid = int(self.processes().get(process, {"pid": 0})["pid"])
        return pid if pid > 1 else 0

    def ledger(self) -> Any:
        """Return the simulated exchange's own books."""
        url = json.loads((self.runtime / "simulator.json").read_text())["url"]
        with urllib.request.urlopen(f"{url}/simulator/ledger", timeout=10) as answer:  # noqa: S310
            return json.loads(answer.read())

    def stop(self) -> float:
        """Stop the floor as a user does and return how many seconds that took."""
        began = time.monotonic()
        done = self.command("down")
        took = time.monotonic() - began
        assert done.returncode == 0, done.stdout + done.stderr + self.log_tail()
        if self._runner is not None:
            self._runner.wait(timeout=5)
        return took

    def close(self) -> None:
        """End whatever is left, for a test that failed half way; nothing is asked afterwards."""
        if self._runner is not None and self._runner.poll() is None:
            self.command("down")
        if self._runner is not None and self._runner.poll() is None:
            os.killpg(self._runner.pid, signal.SIGKILL)
            self._runner.wait(timeout=5)
        shutil.rmtree(self.runtime, ignore_errors=True)

    def left_running(self) -> list[str]:
        """Return the command lines of processes that still belong to this floor."""
        marker = f"POLYBOT_RUNTIME_DIR={self.runtime}".encode()
        left = []
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit() or int(entry.name) == os.getpid():
                continue
            try:
                if marker in (entry / "environ").read_bytes().split(b"\0"):
                    left.append((entry / "cmdline").read_bytes().replace(b"\0", b" ").decode())
            except OSError:
                continue
        return left

    def log_tail(self, lines: int = 60) -> str:
        """Return the end of the floor's log."""
        text = self.log_path.read_text() if self.log_path.exists() else ""
        return "\n".join(text.splitlines()[-lines:])
