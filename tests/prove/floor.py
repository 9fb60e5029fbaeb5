"""A floor under proof: simulator, tracker and trader, each a direct child that may be killed."""

import contextlib
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from polybot.bootstrap.crash_stop import VARIABLE
from polybot.config.locations import ALLOCATOR, RUNNER_NAME

ROOT: Final = Path(__file__).resolve().parents[2]
START_S: Final = 60.0
POLL_S: Final = 0.002
SERIES: Final = tuple(f"{asset}-updown-5m" for asset in ("btc", "eth"))
CHILD: Final = ("tests.prove.child",)

TOML: Final = """\
# It kills far more often than three times a minute, and each next life has to enter at once.
[crash_loop]
crashes = 0
[trader]
series = {series}
checkpoint_s = 0.4
reconcile_s = 1.0
unknown_grace_s = 1.0
journal_retention_mb = 8
tape_cap_mb = 8
[exchange]
timeout_s = {timeout_s}
orders_per_second = 600
cancels_per_second = 900
[simulator]
series = {series}
speed = {speed}
seed = {seed}
protocol = "mixed"
rate_limits = "off"
request_log_mb = 512
taker_delay_ms = 100
opening_balance_usdc = 1000000
[tracker]
audit_enabled = false
[watchdog]
max_clock_skew_s = 60
[risk]
min_buy_price = 0.01
max_buy_price = 0.99
max_order_usdc = 1000
max_window_usdc = 100000
max_deployed_usdc = 500000
max_daily_loss_usdc = 900000
max_open_orders = 1000
max_orders_per_minute = 2400
max_consecutive_losses = 1000
max_consecutive_api_errors = 1000
[[agents]]
name = "drill"
strategy = "drill"
capital_usdc = 500000
[agents.parameters]
"""


@dataclass(frozen=True, slots=True)
class Drilled:
    """What the trader's agent does in a life."""

    side: str = "BUY"
    order_type: str = "GTC"
    misses: bool = False
    rests: bool = False

    def parameters(self) -> dict[str, object]:
        """Return them as the strategy takes them; at rest it only cancels what is left."""
        return {
            "side": self.side,
            "order_type": self.order_type,
            "every_s": EVERY_S,
            "rest_s": REST_S,
            "miss_every": 2 if self.misses else 0,
            "last_s": 3600 if self.rests else 3,
        }


EVERY_S: Final = 6
REST_S: Final = 6
SPEED: Final = 20
TIMEOUT_S: Final = 0.4
# Two workers on two cores get in each other's way a little: that is not slow yet.
IDLE_RATIO: Final = 1.5
MOST_SLOWNESS: Final = 12.0


def slowness_now() -> float:
    """Measure how much longer than its processor time a start takes; 1 on an idle machine."""
    began_s, used_s = time.monotonic(), _children_s()
    subprocess.run([sys.executable, "-c", "import polybot.bootstrap.trader"], cwd=ROOT, check=True)
    took_s, used_s = time.monotonic() - began_s, _children_s() - used_s
    return min(max(took_s / max(used_s, 0.01) / IDLE_RATIO, 1.0), MOST_SLOWNESS)


def _children_s() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


@dataclass(slots=True)
class Floor:
    """Directories, configuration and processes; `modules` start one other than as shipped.

    `slowness` is how much longer than its processor time a process takes here: on a machine that is
    busy with other things market, patience and answers are all slower by as much.
    """

    seed: int
    modules: dict[str, tuple[str, ...]] = field(default_factory=dict)
    slowness: float = 1.0
    root: Path = field(init=False)
    children: dict[str, subprocess.Popen[bytes]] = field(init=False, default_factory=dict)
    began_ns: dict[str, int] = field(init=False, default_factory=dict)
    _url: str = field(init=False, default="")

    def __post_init__(self) -> None:
        self.root = Path(tempfile.mkdtemp(prefix="pbp-", dir="/tmp"))
        self.runtime.mkdir(mode=0o700)
        self.state.mkdir(mode=0o700)

    @property
    def state(self) -> Path:
        """Where the processes keep everything."""
        return self.root / "s"

    @property
    def runtime(self) -> Path:
        """Where their sockets are."""
        return self.root / "r"

    def journal_of(self, process: str) -> Path:
        """Return the directory of a process's journal."""
        return self.state / process

    @property
    def crash_file(self) -> Path:
        """What tells a process where to stand still."""
        return self.root / "point"

    def configure(self, drilled: Drilled) -> None:
        """Write the configuration that the next start of a process reads."""
        text = TOML.format(
            series=json.dumps(list(SERIES)),
            speed=round(SPEED / self.slowness, 2),
            seed=self.seed,
            timeout_s=round(TIMEOUT_S * self.slowness, 2),
        )
        rows = (f"{name} = {json.dumps(value)}" for name, value in drilled.parameters().items())
        (self.root / "polybot.toml").write_text(text + "\n".join(rows) + "\n")

    def start(self, process: str, *, may_stop: bool = True) -> None:
        """Start a process as the runner does: an environment, and nothing on the command line."""
        environ = {
            **{name: value for name, value in os.environ.items() if "POLYBOT" not in name},
            "POLYBOT_CONFIG": str(self.root / "polybot.toml"),
            "POLYBOT_STATE_DIR": str(self.state),
            "POLYBOT_RUNTIME_DIR": str(self.runtime),
            RUNNER_NAME: str(os.getpid()),
            **ALLOCATOR,
            "PYTHONPATH": str(ROOT),
        }
        for name in ("PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED"):
            environ.pop(name, None)
        if may_stop:
            environ[VARIABLE] = f"@{self.crash_file}-{process}"
        module = self.modules.get(process, CHILD)
        with (self.root / f"{process}.log").open("ab") as log:
            self.began_ns[process] = time.time_ns()
            self.children[process] = subprocess.Popen(
                [sys.executable, "-P", "-m", *module, process],
                env=environ,
                cwd=self.root,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def arm(self, process: str, point: str, count: int) -> None:
        """Let a running process stand still at a point."""
        path = Path(f"{self.crash_file}-{process}")
        new = path.with_name(path.name + ".new")
        new.write_text(f"{point}#{count}")
        new.rename(path)

    def disarm(self, process: str) -> None:
        """Let a process pass every point again."""
        Path(f"{self.crash_file}-{process}").unlink(missing_ok=True)

    def stood_still(self, process: str, until_s: float, meanwhile: Callable[[], None]) -> bool:
        """Wait until a process stands still; False when it does not by a monotonic moment.

        Raises AssertionError when it ended instead.
        """
        child = self.children[process]
        while True:
            pid, status = os.waitpid(child.pid, os.WUNTRACED | os.WNOHANG)
            if pid and os.WIFSTOPPED(status):
                return True
            if pid:
                child.returncode = os.waitstatus_to_exitcode(status)
                raise AssertionError(
                    f"the {process} ended by itself: {child.returncode}\n{self.log_tail(process)}"
                )
            if time.monotonic() >= until_s:
                return False
            meanwhile()
            time.sleep(POLL_S)

    def kill(self, process: str) -> int:
        """Kill a process with SIGKILL; returns the wall time (ns) at which it was dead."""
        child = self.children.pop(process)
        if child.returncode is None:
            child.kill()
            child.wait(timeout=10)
        self.disarm(process)
        return time.time_ns()

    def is_alive(self, process: str) -> bool:
        """Say whether a process runs."""
        child = self.children.get(process)
        return child is not None and child.poll() is None

    def wait_for_exchange(self) -> None:
        """Wait until the simulated exchange answers."""
        path = self.runtime / "simulator.json"
        end = time.monotonic() + START_S
        while time.monotonic() < end:
            # No file yet, half of one, or nobody behind its port: asked again.
            with contextlib.suppress(OSError, ValueError):
                told = json.loads(path.read_text())
                if told["pid"] == self.children["simulator"].pid:
                    self._url = str(told["url"])
                    self.ask("/simulator/health")
                    return
            if not self.is_alive("simulator"):
                break
            time.sleep(POLL_S)
        raise AssertionError(f"the exchange does not answer\n{self.log_tail('simulator')}")

    def ask(self, path: str, body: dict[str, Any] | None = None) -> Any:
        """Return what one of the simulator's own routes answers."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(  # noqa: S310
            self._url + path, data=data, headers={"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=START_S) as answer:  # noqa: S310
            return json.loads(answer.read())

    def log_tail(self, process: str, lines: int = 30) -> str:
        """Return the end of a process's log."""
        path = self.root / f"{process}.log"
        text = path.read_text() if path.exists() else ""
        return "\n".join(text.splitlines()[-lines:])

    def close(self, *, keep: bool = False) -> None:
        """End every process; the directory stays when a person has to look at it."""
        for child in self.children.values():
            if child.poll() is None:
                child.send_signal(signal.SIGKILL)
                child.wait(timeout=10)
        self.children.clear()
        if not keep:
            shutil.rmtree(self.root, ignore_errors=True)
