"""From kill -9 of the trader until it is reconciled and decides again, with orders at stake."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Final

from polybot.cli.processes import floor_processes
from polybot.messages.envelope import Envelope
from polybot.messages.lifecycle import ProcessStarted
from polybot.messages.trading import DecisionMade, OrderStatusChanged, ReconcileFinished
from tests.bench.floor_process import FloorProcess, floor_environ
from tests.bench.harness import Budget, Row, interleave
from tests.bench.recovery_past import (
    ORDERS,
    RECORDS,
    envelopes,
    give_past,
    wait_discovered,
)

MS_NS: Final = 1_000_000
# What the orders rest in, and the market that is decided about.
SERIES: Final = ("btc-updown-15m", "btc-updown-5m")
# Without the exchange's dead-man switch: on a busy machine it would cancel the orders in between.
CONFIG: Final = """\
[trader]
series = ["btc-updown-15m", "btc-updown-5m"]
exchange_heartbeat = false
[simulator]
series = ["btc-updown-15m", "btc-updown-5m"]
speed = 1
[risk]
max_open_orders = 500
"""
START_S: Final = 120.0
RECOVER_S: Final = 30.0
POLL_S: Final = 0.05
# Between two kills: a checkpoint has been written, a connection was used.
REST_S: Final = 6.0
# Each takes as long as both stands rest; no ratio is taken.
MOST_ROUNDS: Final = 5


def measure(rounds: int) -> list[Row]:
    """Return both rows: a parent that starts it again at once, and supervisord."""
    with tempfile.TemporaryDirectory(prefix="pb-") as name, contextlib.ExitStack() as stack:
        direct = _Direct(Path(name) / "a")
        stack.callback(direct.close)
        direct.prepare()
        supervised = _Supervised(Path(name) / "b")
        stack.callback(supervised.close)
        supervised.prepare()
        sides: dict[str, Callable[[], int]] = {
            "direct": direct.kill_and_wait,
            "supervised": supervised.kill_and_wait,
        }
        taken = interleave(sides, rounds=min(rounds, MOST_ROUNDS), burst=1)
        return [
            Row(
                name="kill -9 of the trader -> deciding again, direct parent",
                unit="ms",
                ours=taken.median_ns("direct") / MS_NS,
                budget=Budget(500, unit="ms"),
                beside=direct.describe(),
            ),
            Row(
                name="the same under supervisord",
                unit="ms",
                ours=taken.median_ns("supervised") / MS_NS,
                budget=Budget(1500, unit="ms"),
                beside=supervised.describe(),
            ),
        ]


@dataclass(frozen=True, slots=True)
class _Recovery:
    """One recovery, in nanoseconds since the kill, and the round trips that waited for another."""

    started_ns: int
    reconciled_ns: int
    decided_ns: int
    replayed: int
    round_trips: int
    cpu_s: float


class _Stand(ABC):
    """A trader and its exchange in one directory."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(exist_ok=True)
        self.directory = directory
        self.orders: frozenset[str] = frozenset()
        self.taken: list[_Recovery] = []
        (directory / "polybot.toml").write_text(CONFIG)
        (directory / "run").mkdir(exist_ok=True)
        self.settings = {
            "POLYBOT_CONFIG": os.fspath(directory / "polybot.toml"),
            # Both stands run the same modules: the second compiles nothing.
            "PYTHONPYCACHEPREFIX": os.fspath(directory.parent / "compiled"),
        }

    @property
    def trader_dir(self) -> Path:
        """Where the trader keeps its journal."""
        return self.directory / "state" / "trader"

    @abstractmethod
    def kill(self) -> None:
        """Kill the trader; what starts it again does so by itself."""

    def kill_and_wait(self) -> int:
        """Kill the trader, see it decide again, and check that nothing was lost or sent."""
        time.sleep(REST_S)
        resting = self.resting()
        assert resting == self.orders, f"expected all to rest before, {len(resting)} did"
        seq = envelopes(self.trader_dir, RECORDS)[-1].seq
        killed_ns = time.time_ns()
        self.kill()
        after = self.wait_decided(seq + 1, RECOVER_S)
        recovery = self._recovery(after, killed_ns)
        _check(after, self.orders)
        resting = self.resting()
        assert resting == self.orders, f"expected the same to rest after, {len(resting)} did"
        self.taken.append(recovery)
        return recovery.decided_ns

    def wait_decided(self, seq: int, seconds: float) -> list[Envelope]:
        """Return the records from a seq on, once a new life has decided something."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            time.sleep(POLL_S)
            found = envelopes(self.trader_dir, seq)
            started = [n for n, one in enumerate(found) if one.type == ProcessStarted.__name__]
            if started and _first(found[started[-1] :], DecisionMade.__name__):
                # Whatever the old life wrote between the last look and its end is not ours.
                return found[started[-1] :]
        raise AssertionError(f"expected a decision within {seconds:g} s, was none")

    def resting(self) -> frozenset[str]:
        """Return the orders that rest at the exchange, by its own books."""
        url = json.loads((self.directory / "run" / "simulator.json").read_text())["url"]
        with urllib.request.urlopen(f"{url}/simulator/ledger", timeout=10) as answer:  # noqa: S310
            rows = json.loads(answer.read())["orders"]
        return frozenset(row["order_id"] for row in rows if row["state"] == "LIVE")

    def describe(self) -> str:
        """Say where the time went, and how many round trips waited for another."""
        taken = self.taken[1:]
        started = median(one.started_ns for one in taken) / MS_NS
        reconciled = median(one.reconciled_ns for one in taken) / MS_NS
        trips = median(one.round_trips for one in taken)
        return (
            f"up after {started:.0f} ms, reconciled after {reconciled:.0f} ms; {ORDERS} open "
            f"orders, {RECORDS} records, {median(one.replayed for one in taken):.0f} of them "
            f"after the checkpoint; {trips:.0f} sequential round trips; "
            f"{median(one.cpu_s for one in taken) * 1000:.0f} ms of processor time"
        )

    def _recovery(self, after: list[Envelope], killed_ns: int) -> _Recovery:
        reconciled = _first(after, ReconcileFinished.__name__)
        decided = _first(after, DecisionMade.__name__)
        assert reconciled is not None, "expected a reconcile before the decision"
        assert decided is not None, "expected a decision"
        assert reconciled.seq < decided.seq, "expected to reconcile first"
        asked = _asked(self.directory / "state" / "simulator", killed_ns, decided.ts_init)
        sent = [line for line in asked if line[2].startswith("POST /order")]
        assert not sent, f"expected no order before the first decision, was {sent}"
        told = json.loads(bytes(after[0].body))
        return _Recovery(
            started_ns=after[0].ts_init - killed_ns,
            reconciled_ns=reconciled.ts_init - killed_ns,
            decided_ns=decided.ts_init - killed_ns,
            replayed=told["replayed"],
            round_trips=_in_a_row(asked),
            cpu_s=_cpu_s(told["pid"]),
        )


class _Direct(_Stand):
    """A parent that waits for its child's end and starts another at once."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self._simulator = self._start("simulator")
        self._simulator.wait_ready()
        self._trader = self._start("trader")

    def prepare(self) -> None:
        """Let the trader log in and find its markets, then give it its past."""
        self.wait_decided(1, START_S)
        wait_discovered(self.trader_dir, SERIES[0], START_S)
        self._trader.kill()
        url = json.loads((self.directory / "run" / "simulator.json").read_text())["url"]
        self.orders = give_past(self.directory / "state", url, SERIES[0])
        self._trader = self._start("trader")
        self._trader.wait_ready()

    def kill(self) -> None:
        self._trader.kill()
        self._trader = self._start("trader")

    def close(self) -> None:
        """End both processes."""
        self._trader.kill()
        self._simulator.kill()

    def _start(self, name: str) -> FloorProcess:
        return FloorProcess(name, self.directory, self.settings)


class _Supervised(_Stand):
    """A whole floor under supervisord, as `polybot up` starts it."""

    _runner: subprocess.Popen[bytes] | None = None

    def prepare(self) -> None:
        """Begin with the past that a trader and its exchange got on their own."""
        alone = _Direct(self.directory)
        try:
            alone.prepare()
        finally:
            alone.close()
        self.orders = alone.orders
        before = envelopes(self.trader_dir, RECORDS)[-1].seq
        polybot = str(Path(sys.executable).parent / "polybot")
        with (self.directory / "floor.log").open("ab") as log:
            self._runner = subprocess.Popen(
                [polybot, "up"],
                env=floor_environ(self.directory) | self.settings,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.wait_decided(before + 1, START_S)

    def kill(self) -> None:
        running = floor_processes(self.directory / "run")
        pids = [process.pid for process in running if process.name == "trader"]
        assert len(pids) == 1, f"expected one trader, was {pids}"
        os.kill(pids[0], signal.SIGKILL)

    def close(self) -> None:
        """Ask supervisord to end the floor."""
        if self._runner is not None:
            self._runner.terminate()
            self._runner.wait(timeout=30)


def _first(found: list[Envelope], kind: str) -> Envelope | None:
    return next((envelope for envelope in found if envelope.type == kind), None)


def _check(after: list[Envelope], orders: frozenset[str]) -> None:
    """Assert that a reconcile found every order, and that none changed for it."""
    reconciled = _first(after, ReconcileFinished.__name__)
    assert reconciled is not None
    told = json.loads(bytes(reconciled.body))
    assert told["open_orders"] == len(orders), told
    assert told["differences"] == [], told
    moved = [one for one in after if one.type == OrderStatusChanged.__name__]
    assert not moved, f"expected no order to change, was {moved}"


def _asked(simulator_dir: Path, from_ns: int, until_ns: int) -> list[tuple[int, int, str]]:
    """Return when each request came, when it was answered, and what it was.

    A websocket's answer is its beginning: it counts as one round trip.
    """
    asked: dict[int, tuple[int, str]] = {}
    found: list[tuple[int, int, str]] = []
    with (simulator_dir / "requests.jsonl").open() as file:
        for line in map(json.loads, file):
            if not from_ns <= line.get("wall_ns", 0) <= until_ns:
                continue
            if "request" in line:
                asked[line["number"]] = line["wall_ns"], line["request"]
            elif line["number"] in asked:
                came_ns, what = asked.pop(line["number"])
                found.append((came_ns, line["wall_ns"], what))
    found += [(came_ns, came_ns, what) for came_ns, what in asked.values()]
    return found


def _cpu_s(pid: int) -> float:
    """Return the processor time a process has used, user and system (proc(5): stat)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _in_a_row(asked: list[tuple[int, int, str]]) -> int:
    """Return the most requests of which each came after the one before was answered."""
    count, free_ns = 0, 0
    for came_ns, answered_ns, _ in sorted(asked, key=lambda one: one[1]):
        if came_ns >= free_ns:
            count, free_ns = count + 1, answered_ns
    return count
