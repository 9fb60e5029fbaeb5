"""One process of a floor on its own, run for a test: asked something, then asked to stop."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import msgspec

from polybot.cli.conversation import conversation
from polybot.config.load import LoadedConfig, load
from polybot.config.locations import Installation
from polybot.messages.commands import GetStatus
from polybot.messages.lifecycle import Heartbeat

ANSWER_S = 5.0
START_S = 20.0
STOP_S = 10.0
POLL_S = 0.02
# What only a command, an audit or an analyst's child needs: no process of the floor pays for it.
HEAVY = ("openai", "py_clob_client", "typer", "rich")

PROGRAM = """
import atexit, pathlib, sys
from polybot.cli.run import main
name, path = sys.argv[1:]
atexit.register(lambda: pathlib.Path(path).write_text(" ".join(sys.modules)))
sys.exit(main([name]))
"""


def configured(state_dir: Path, runtime_dir: Path, **settings: str) -> LoadedConfig:
    """Load the default configuration with a floor's directories and settings of the environment."""
    environ = {
        "POLYBOT_STATE_DIR": str(state_dir),
        "POLYBOT_RUNTIME_DIR": str(runtime_dir),
        **settings,
    }
    return load(environ, installation=Installation(state_dir, is_clone=True))


def surroundings(state_dir: Path, runtime_dir: Path) -> dict[str, str]:
    """Return the environment of a process: its directories, an empty configuration, no secrets."""
    config = state_dir / "polybot.toml"
    config.touch()
    return {
        "PATH": os.environ["PATH"],
        "POLYBOT_CONFIG": str(config),
        "POLYBOT_STATE_DIR": str(state_dir),
        "POLYBOT_RUNTIME_DIR": str(runtime_dir),
        "POLYBOT__MODE": "synthetic",
    }


class OneProcess:
    """`polybot run <name>` for as long as the block lasts; afterwards what is known of its life.

    `exit_code`, `log` and `modules` (everything it had loaded by its end) are there then.
    """

    def __init__(self, name: str, state_dir: Path, runtime_dir: Path, **settings: str) -> None:
        self._name = name
        self._runtime_dir = runtime_dir
        self._log_path = runtime_dir / f"{name}.log"
        self._modules_path = runtime_dir / f"{name}.modules"
        self._environ = surroundings(state_dir, runtime_dir) | settings
        self.exit_code: int | None = None
        self.modules: frozenset[str] = frozenset()

    def __enter__(self) -> Self:
        with self._log_path.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-c", PROGRAM, self._name, str(self._modules_path)],
                env=self._environ,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        try:
            self._wait()
        except AssertionError:
            self._process.kill()
            self._process.wait()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._process.send_signal(signal.SIGTERM)
        try:
            self.exit_code = self._process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            raise
        if self._modules_path.exists():
            self.modules = frozenset(self._modules_path.read_text().split())

    @property
    def pid(self) -> int:
        """The process's id."""
        return self._process.pid

    @property
    def log(self) -> str:
        """What it has logged until now."""
        return self._log_path.read_text()

    def ask(self, message: msgspec.Struct) -> Any:
        """Return its answer to a command or query."""
        with conversation(self._runtime_dir) as talk:
            return talk.ask(self._name, message, timeout_s=ANSWER_S)

    def status(self) -> Heartbeat:
        """Return its status."""
        heartbeat: Heartbeat = self.ask(GetStatus())
        return heartbeat

    def _wait(self) -> None:
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline and self._process.poll() is None:
            with conversation(self._runtime_dir) as talk:
                # It answers while it still starts; its first turn says that it has.
                if talk.is_running(self._name) and self.status().turns:
                    return
            time.sleep(POLL_S)
        raise AssertionError(f"{self._name} did not start\n{self.log}")
