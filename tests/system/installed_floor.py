"""polybot on a machine, seen from outside: units, commands, files, the exchange's books."""

import json
import shlex
import signal
import time
import urllib.request
from collections.abc import Callable, Sequence
from typing import Any, Final

from tests.integration.books import doubled_entries
from tests.system.machine import Machine, MachineError

PROCESSES: Final = ("simulator", "trader", "tracker", "reflector", "watchdog")
_POLL_S: Final = 0.02
# On the machine, as the service's user, with the release's own code.
_COMPARE: Final = (
    "runuser -u polybot -- /opt/polybot/current/.venv/bin/python -P -c "
    + shlex.quote(
        """
import json, urllib.request
from polybot.bootstrap.chaos.books import differences
from polybot.config.load import load

locations = load(lenient=True, keyless=True).locations
url = json.loads(locations.simulator_path.read_text())["url"]
with urllib.request.urlopen(f"{url}/simulator/ledger", timeout=10) as answer:
    print(json.dumps(differences(locations, json.load(answer))))
"""
    )
)


class InstalledFloor:
    """Five services of one machine; what it waits for fails with the journal's end."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine

    def show(self, process: str, name: str) -> str:
        """Return one property of a process's unit."""
        return self.machine.ask(f"systemctl show polybot-{process}.service -P {name}")

    def pid_of(self, process: str) -> int:
        """Return the process's id among the machine's; never 0 or 1, which nobody may kill."""
        pid = int(self.show(process, "MainPID"))
        if pid <= 1:
            raise MachineError(f"expected {process} to run, its MainPID was {pid}")
        return pid

    def signal(self, process: str, number: signal.Signals) -> int:
        """Send a signal and return the monotonic ns just before it."""
        pid = self.pid_of(process)
        began = time.monotonic_ns()
        self.machine.ask(f"kill -{number.value} {pid}")
        return began

    def ready_again_s(self, process: str, since_ns: int, timeout_s: float) -> float:
        """Wait for READY=1 of another process than at that time; return the seconds until then."""
        name = f"polybot-{process}.service"
        asked = f"systemctl show {name} -P ActiveState -P ActiveEnterTimestampMonotonic"
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            told = self.machine.ask(asked).split()
            # Both clocks are CLOCK_MONOTONIC of one kernel.
            if told[0] == "active" and int(told[1]) * 1000 > since_ns:
                return (int(told[1]) * 1000 - since_ns) / 1e9
            time.sleep(_POLL_S)
        raise MachineError(f"{process} was not READY after {timeout_s:.0f} s\n{self.journal()}")

    def all_ready(self) -> bool:
        """Tell whether all five services are active, which READY=1 makes them."""
        asked = " ".join(f"polybot-{each}.service" for each in PROCESSES)
        told = self.machine.shell(f"systemctl is-active {asked}").stdout.split()
        return told == ["active"] * len(PROCESSES)

    def polybot(self, arguments: str, timeout_s: float = 60) -> Any:
        """Run `polybot` as root from /, with no variable set, and return what --json says."""
        done = self.machine.shell(f"cd / && polybot {arguments} --json", timeout_s)
        if done.returncode not in (0, 1):
            raise MachineError(f"polybot {arguments}: {done.returncode} {done.stderr}")
        return json.loads(done.stdout)

    def all_alive(self) -> bool:
        """Tell whether the floor itself says that all five are alive."""
        return self.are_alive(PROCESSES)

    def are_alive(self, processes: Sequence[str]) -> bool:
        """Tell whether the floor itself says that these, which are all, are alive."""
        done = self.machine.shell("polybot status --json")
        if done.returncode not in (0, 1):
            return False
        told = {each["name"]: each["verdict"] for each in json.loads(done.stdout)["processes"]}
        return told == dict.fromkeys(processes, "alive")

    def windows(self) -> list[dict[str, Any]]:
        """Return the graded windows."""
        return [each for each in self.polybot("windows") if each["grades"]]

    def orders_posted(self) -> int:
        """Return how many orders the exchange has seen."""
        return len(self.ledger()["orders"])

    def wait_for_order(self, before: int) -> None:
        """Wait until the exchange has seen more orders than before: it trades."""
        # A dozen windows in a row without one that is worth an entry were seen: 200 s at speed 20.
        self.wait(f"more than {before} orders", lambda: self.orders_posted() > before, 420)

    def wait_for_words(self, process: str, words: str) -> None:
        """Wait until a process has said these words in the journal."""
        asked = f"journalctl -u polybot-{process} --no-pager -o cat -n 300 | grep '{words}'"
        self.wait(f"{process}: {words}", lambda: self.machine.shell(asked).stdout)

    def wait(self, what: str, seen: Callable[[], Any], timeout_s: float = 60) -> Any:
        """Wait until `seen` answers something."""
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            if answer := seen():
                return answer
            time.sleep(0.25)
        raise MachineError(f"waited {timeout_s:.0f} s for {what}\n{self.journal()}")

    def journal(self, arguments: str = "-n 60") -> str:
        """Return what the units said."""
        return self.machine.shell(
            f"journalctl -u 'polybot*' --no-pager -o short-precise {arguments}"
        ).stdout

    def ledger(self) -> Any:
        """Return the simulated exchange's own books: the judge."""
        told = json.loads((self.machine.files / "run/polybot/simulator.json").read_text())
        # The machine has its host's network.
        url = f"{told['url']}/simulator/ledger"
        with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310
            return json.loads(answer.read())

    def judge(self) -> None:
        """Fail unless our books equal the exchange's within 60 s and no window was bought twice."""
        left: list[str] = []
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            left = json.loads(self.machine.ask(_COMPARE))
            if not left:
                break
            time.sleep(0.5)
        if left:
            raise MachineError("\n".join(["the books differ:", *left[:20], self.journal()]))
        if doubled := doubled_entries(self.ledger()):
            raise MachineError(f"windows bought twice: {doubled}")

    def pss_mb(self) -> float:
        """Return the summed proportional set size of all processes of the service's user in MB."""
        total = 0
        for process in PROCESSES:
            rollup = self.machine.ask(f"cat /proc/{self.pid_of(process)}/smaps_rollup")
            total += next(
                int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:")
            )
        return total / 1024

    def free_of(self, user: str) -> list[str]:
        """Return files in the state directory that do not belong to a user."""
        return self.machine.ask(f"find /var/lib/polybot ! -user {user} | head").splitlines()
