"""What a soak asks its floor while it runs; a process that was just killed is no error."""

import json
import subprocess
import time
import urllib.request
from collections.abc import Callable
from typing import Any, Final

from polybot.cli.processes import floor_processes
from tests.integration.floor import Floor

# Some refusals only a person may end (a region not served, a key not known), and this exchange
# shows them too: whoever looks after it comes after this many wall seconds.
PERSON_S: Final = 5.0
# How long a question is asked again while the exchange is being started.
PATIENCE_S: Final = 300.0


class Person:
    """Who is called when trading stays stopped: looks, and says `polybot resume`."""

    def __init__(self, floor: Floor) -> None:
        self.resumed = 0
        self._floor = floor
        self._stopped_s: float | None = None

    def look(self, status: dict[str, Any]) -> None:
        """Resume when trading has been stopped for a while."""
        if status.get("trading_state") in ("ACTIVE", "RECONCILING", None):
            self._stopped_s = None
        elif self._stopped_s is None:
            self._stopped_s = time.monotonic()
        elif time.monotonic() - self._stopped_s >= PERSON_S:
            self._floor.command("resume", "--reason", "looked at it during the soak")
            self._stopped_s = None
            self.resumed += 1


def status_of(floor: Floor) -> dict[str, Any]:
    """Return what `polybot status` says, an empty answer while it says nothing."""
    try:
        answer = floor.json("status")
    except subprocess.TimeoutExpired:
        return {}
    return answer if isinstance(answer, dict) else {}


def pids_of(floor: Floor) -> dict[str, int]:
    """Return the processes that run now, by name, as the system's process table shows them."""
    return {process.name: process.pid for process in floor_processes(floor.runtime)}


def ask(floor: Floor, path: str, body: dict[str, Any] | None = None) -> Any:
    """Return what the simulated exchange answers, once it does."""
    return patiently(lambda: _ask_once(floor, path, body))


def patiently(attempt: Callable[[], Any]) -> Any:
    """Return what an attempt returns, tried again while the exchange cannot be reached."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            return attempt()
        except (OSError, ValueError):
            if time.monotonic() > deadline:
                raise
        time.sleep(0.5)


def _ask_once(floor: Floor, path: str, body: dict[str, Any] | None) -> Any:
    url = json.loads((floor.runtime / "simulator.json").read_text())["url"]
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(  # noqa: S310
        url + path, data=data, headers={"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
        return json.loads(answer.read())
