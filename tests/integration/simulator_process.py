"""A simulator in a process of its own, which a test may kill and start again."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

POLYBOT = str(Path(sys.executable).parent / "polybot")


class SimulatorProcess:
    """Runs `polybot simulator` on one state directory; settings are keys of the configuration.

    `mirrored` are URLs of another exchange, by their keys in the section [feed].
    """

    def __init__(
        self, state_dir: Path, *, mirrored: dict[str, str] | None = None, **settings: object
    ) -> None:
        self.state_dir = state_dir
        self.state_dir.mkdir(exist_ok=True)
        self.log_path = state_dir / "simulator.log"
        self.urls: dict[str, str] = {}
        self._environ = {
            **os.environ,
            **{
                f"POLYBOT__SIMULATOR__{name.upper()}": _written(value)
                for name, value in settings.items()
            },
        }
        self._environ |= {
            f"POLYBOT__FEED__{name.upper()}": url for name, url in (mirrored or {}).items()
        }
        self._is_mirror = mirrored is not None
        self._recordings = str(settings.get("recordings", ""))
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait for its line."""
        options = ["--recordings", self._recordings] if self._recordings else []
        options += ["--mirror"] if self._is_mirror else []
        with self.log_path.open("ab") as log:
            self._process = subprocess.Popen(
                [POLYBOT, "simulator", "--state", str(self.state_dir), *options],
                stdout=subprocess.PIPE,
                stderr=log,
                env=self._environ,
            )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            self._end()
            raise AssertionError(self.log_path.read_text())
        self.urls = json.loads(line)

    @property
    def url(self) -> str:
        return self.urls["url"]

    def kill(self) -> None:
        """Kill it with SIGKILL."""
        assert self._process is not None
        os.kill(self._process.pid, signal.SIGKILL)
        self._end()

    def stop(self) -> int:
        """Ask it to end, and return its exit code."""
        if self._process is None:
            return 0
        self._process.terminate()
        return self._end()

    def fetch(self, path: str) -> Any:
        """Return what a route answers."""
        with urllib.request.urlopen(self.url + path, timeout=10) as response:  # noqa: S310
            return json.loads(response.read())

    def wait_until(self, path: str, met: Any, seconds: float = 60.0) -> Any:
        """Ask a route until its answer meets a condition."""
        end = time.monotonic() + seconds
        while True:
            answer = self.fetch(path)
            if met(answer):
                return answer
            assert time.monotonic() < end, answer
            time.sleep(0.05)

    def _end(self) -> int:
        assert self._process is not None
        code = self._process.wait(timeout=15)
        if self._process.stdout is not None:
            self._process.stdout.close()
        self._process = None
        return code


def _written(value: object) -> str:
    return ",".join(value) if isinstance(value, tuple) else str(value)
