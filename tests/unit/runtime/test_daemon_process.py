"""The daemon as a process of its own: real signals, a real NOTIFY_SOCKET, real exit codes."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

PROGRAM = """
import asyncio, os, sys, time
from polybot.adapters.clock import SystemClock
from polybot.adapters.systemd import make_notifier
from polybot.errors import ConfigError
from polybot.runtime.daemon import Daemon, DaemonSettings
from polybot.runtime.logs import configure_logging

class Service:
    name = "probe"
    def __init__(self):
        self.wake = asyncio.Event()
        self.turns = 0
    async def start(self):
        if "badconfig" in sys.argv:
            raise ConfigError(["trader.tick_s: expected 0.1 to 60, was 0"])
    def turn(self):
        self.turns += 1
        if "stuck" in sys.argv and self.turns == 3:
            time.sleep(60)
        if "failing" in sys.argv:
            raise KeyError("every turn")
    def next_wake_s(self):
        return 0.02
    def status(self):
        return "following 2 windows"
    async def stop(self):
        print("stopped cleanly", file=sys.stderr)

configure_logging("probe")
settings = DaemonSettings(max_failures=3, first_backoff_s=0.01)
reload = lambda: print("reloaded", file=sys.stderr, flush=True)
clock, notifier = SystemClock(), make_notifier()
sys.exit(Daemon(Service(), notifier, clock=clock, settings=settings, on_reload=reload).run())
"""


class Running:
    """A daemon process and the service manager's end of its notify socket."""

    def __init__(self, directory: Path, *arguments: str) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(directory / "notify"))
        self.heard: list[str] = []
        environ = {"NOTIFY_SOCKET": str(directory / "notify"), "WATCHDOG_USEC": "300000"}
        self.process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, *arguments],
            env=os.environ | environ,
            stderr=subprocess.PIPE,
            text=True,
        )

    def wait_for(self, message: str, timeout_s: float = 10.0) -> None:
        deadline = time.monotonic() + timeout_s
        while message not in self.heard:
            self._socket.settimeout(max(0.01, deadline - time.monotonic()))
            self.heard.append(self._socket.recv(65536).decode("ascii"))

    def finish(self) -> tuple[int, str]:
        """Return the exit code and what was written, after everything the manager heard."""
        _, written = self.process.communicate(timeout=10)
        self._socket.settimeout(0)
        try:
            while True:
                self.heard.append(self._socket.recv(65536).decode("ascii"))
        except BlockingIOError:
            return self.process.returncode, written

    def close(self) -> None:
        self.process.kill()
        self.process.communicate()
        self._socket.close()


@pytest.fixture
def running(runtime_dir: Path, request: pytest.FixtureRequest) -> Iterator[Running]:
    started = Running(runtime_dir, *getattr(request, "param", ()))
    yield started
    started.close()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_a_life_in_order(running: Running, number: signal.Signals) -> None:
    running.wait_for("WATCHDOG=1")
    running.process.send_signal(number)
    code, written = running.finish()
    assert code == 0
    assert "stopped cleanly" in written
    assert running.heard[0] == "READY=1"
    assert "STATUS=following 2 windows" in running.heard
    after = running.heard[running.heard.index("STOPPING=1") :]
    assert "WATCHDOG=1" not in after
    assert "READY=1" not in after


def test_pings_go_on_and_hangup_reloads_without_a_restart(running: Running) -> None:
    running.wait_for("READY=1")
    running.process.send_signal(signal.SIGHUP)
    for _ in range(3):
        running.heard.clear()
        running.wait_for("WATCHDOG=1")
    running.process.send_signal(signal.SIGTERM)
    code, written = running.finish()
    assert code == 0
    assert written.count("reloaded") == 1


@pytest.mark.parametrize("running", [("badconfig",)], indirect=True)
def test_a_bad_configuration_exits_78_and_says_every_problem(running: Running) -> None:
    code, written = running.finish()
    assert code == 78
    assert "configuration: trader.tick_s: expected 0.1 to 60, was 0" in written
    assert "READY=1" not in running.heard


@pytest.mark.parametrize("running", [("failing",)], indirect=True)
def test_a_process_that_only_fails_never_pings_and_exits_1(running: Running) -> None:
    code, written = running.finish()
    assert code == 1
    assert "3 failed in a row" in written
    assert "WATCHDOG=1" not in running.heard
    assert "stopped cleanly" in written


@pytest.mark.parametrize("running", [("stuck",)], indirect=True)
def test_a_stuck_turn_stops_the_pings_and_the_watchdogs_abort_shows_where(
    running: Running,
) -> None:
    running.wait_for("WATCHDOG=1")
    time.sleep(0.4)
    running.process.send_signal(signal.SIGUSR1)
    running.process.send_signal(signal.SIGABRT)
    code, written = running.finish()
    assert code == -signal.SIGABRT
    assert len([said for said in running.heard if said == "WATCHDOG=1"]) <= 2
    assert "in turn" in written
    assert "Fatal Python error: Aborted" in written
