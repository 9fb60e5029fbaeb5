"""The floor of a run of chaos: started, asked, watched and stopped; it belongs to nobody else."""

import contextlib
import http.client
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec

from polybot.bootstrap.chaos.books import differences
from polybot.bootstrap.chaos.conditions import Conditions, write_conditions
from polybot.cli.chaos.places import Places
from polybot.cli.conversation import conversation
from polybot.cli.exits import CommandError, Late
from polybot.cli.processes import RUNNER, floor_processes, send
from polybot.config.load import load
from polybot.config.locations import PROCESSES
from polybot.errors import PolybotError
from polybot.messages.commands import GetStatus, GetVerdicts, ProcessVerdict, Verdicts
from polybot.messages.lifecycle import Heartbeat

_ASK_S: Final = 10.0
_POLL_S: Final = 0.1
_CLEAN_S: Final = 12.0
_HARD_S: Final = 5.0
_ALIVE: Final = "alive"
# The console script, which may be elsewhere than this program.
_POLYBOT: Final = "from polybot.cli.main import main; main()"


class Look(msgspec.Struct, frozen=True):
    """The floor at one moment; `pids` is what the system says, `missing` who is not well."""

    pids: dict[str, int]
    missing: tuple[str, ...]
    trading_state: str
    orders: int


class ChaosFloor:
    """Everything a run does with its floor."""

    def __init__(self, places: Places, environ: dict[str, str]) -> None:
        self.places = places
        self.environ = environ
        self.locations = load(environ).locations
        self._runner: subprocess.Popen[bytes] | None = None
        self._stopped: set[int] = set()

    def start(self) -> None:
        """Start the floor in the background, in a session of its own: no Ctrl-C reaches it."""
        self.set_conditions(Conditions())
        command = [sys.executable, "-P", "-m", "polybot.cli.chaos.runner", str(os.getpid())]
        with self.places.log.open("ab") as log:
            self._runner = subprocess.Popen(
                command,
                env=self.environ,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def stop(self) -> None:
        """Stop everything, at last by SIGKILL; raises Late when something would not end."""
        for pid in tuple(self._stopped):
            self.let_go(pid)
        runtime = self.places.runtime
        running = floor_processes(runtime)
        send([each for each in running if each.name == RUNNER] or running, signal.SIGTERM)
        if not _within(_CLEAN_S, lambda: not floor_processes(runtime)):
            send(floor_processes(runtime), signal.SIGKILL)
            _within(_HARD_S, lambda: not floor_processes(runtime))
        if self._runner is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._runner.wait(_HARD_S)
        left = floor_processes(runtime)
        if left:
            raise Late(f"expected the floor to end, was still running: {left}")

    def is_over(self) -> bool:
        """Tell whether the runner ended, which nothing of a run asks for."""
        return self._runner is not None and self._runner.poll() is not None

    def set_conditions(self, conditions: Conditions) -> None:
        """Say how clock and disk of the floor's processes are from now on."""
        write_conditions(self.places.conditions, conditions)

    def pids(self) -> dict[str, int]:
        """Return the processes that run now by name, as the system's process table has them."""
        return {each.name: each.pid for each in floor_processes(self.places.runtime)}

    def look(self) -> Look:
        """Ask everybody at once how they are; who does not answer is missing."""
        pids = self.pids()
        with conversation(self.places.runtime) as talk:
            answers = talk.glance(
                {"verdicts": ("watchdog", GetVerdicts()), "trader": ("trader", GetStatus())}
            )
        beat, verdicts = answers.get("trader"), answers.get("verdicts")
        judged = verdicts.processes if isinstance(verdicts, Verdicts) else ()
        well = {each.name for each in judged if _is_well(each, pids)}
        return Look(
            pids=pids,
            missing=tuple(name for name in PROCESSES if name not in well),
            trading_state=beat.trading_state if isinstance(beat, Heartbeat) else "",
            orders=self.orders(),
        )

    def orders(self) -> int:
        """Return how many orders the exchange has taken so far, -1 while it does not answer."""
        try:
            return int(self.ask("/simulator/health")["orders"])
        except (OSError, ValueError, http.client.HTTPException):
            return -1

    def ask(self, path: str, body: dict[str, Any] | None = None) -> Any:
        """Return what the simulated exchange answers; raises OSError while it cannot."""
        url = urlsplit(str(json.loads(self.locations.simulator_path.read_text("utf-8"))["url"]))
        connection = http.client.HTTPConnection(url.hostname or "", url.port, timeout=_ASK_S)
        try:
            if body is None:
                connection.request("GET", path)
            else:
                connection.request("POST", path, body=json.dumps(body))
            answer = connection.getresponse()
            text = answer.read()
            if answer.status != http.client.OK:
                raise CommandError(f"{path}: expected status 200, was {answer.status}: {text!r}")
            return json.loads(text)
        finally:
            connection.close()

    def tell_trader(self, message: msgspec.Struct) -> None:
        """Give the trader a command of the operator's; raises CommandError."""
        with conversation(self.places.runtime) as talk:
            talk.ask("trader", message, timeout_s=_ASK_S)

    def signal(self, pid: int, number: signal.Signals) -> bool:
        """Signal a process of this floor; returns whether it was still there."""
        if pid <= 1 or pid not in self.pids().values():
            return False
        if number is signal.SIGSTOP:
            self._stopped.add(pid)
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            return False
        return True

    def let_go(self, pid: int) -> None:
        """Let a stopped process go on, if nobody aborted it meanwhile."""
        self.signal(pid, signal.SIGCONT)
        self._stopped.discard(pid)

    def stands_still(self, pid: int) -> bool:
        """Tell whether a process is stopped."""
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            return False
        return fields[0] == "T"

    def log_size(self) -> int:
        """Return where the log ends now."""
        return self.places.log.stat().st_size if self.places.log.exists() else 0

    def said_since(self, offset: int) -> str:
        """Return what the floor logged behind an offset."""
        with self.places.log.open("rb") as file:
            file.seek(offset)
            return file.read().decode("utf-8", "replace")

    def differences(self) -> list[str]:
        """Return what differs between our books and the exchange's now, or why nobody can say."""
        try:
            return differences(self.locations, self.ask("/simulator/ledger"))
        except (OSError, ValueError, sqlite3.Error, PolybotError) as error:
            return [f"not compared: {error}"]

    def command(self, *arguments: str, timeout_s: float) -> subprocess.CompletedProcess[str]:
        """Run a polybot command on this floor with this program's own Python."""
        return subprocess.run(
            [sys.executable, "-P", "-c", _POLYBOT, *arguments],
            env=self.environ,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )


def _is_well(verdict: ProcessVerdict, pids: dict[str, int]) -> bool:
    """Take a verdict for what it says only if it is about the process that runs now."""
    return verdict.verdict == _ALIVE and verdict.pid == pids.get(verdict.name)


def _within(seconds: float, seen: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + seconds
    while not seen():
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL_S)
    return True
