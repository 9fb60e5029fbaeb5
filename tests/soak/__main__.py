"""`make soak`: runs one floor for hours of market time, then judges it by the exchange's books.

Runs one floor on the synthetic market, eight series side by side, faults from a file, far faster
than the clock; with --kills its processes are killed at random moments all the while. Then faults
and kills end, everything settles, and both sides are compared: `polybot audit` must agree, the
database must equal the simulated exchange's books to the micro-unit, every order was posted at most
once and after its record, and every order ended. With --kills every session must also replay.
"""

import argparse
import signal
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from polybot.bootstrap.chaos.posted import settled_windows
from tests.integration.floor import Floor
from tests.soak.growth import Growth, disk_mb, disk_problems, rss_mb
from tests.soak.judgment import judge, resume_in_place
from tests.soak.kills import Killer, Schedule
from tests.soak.scene import JOURNAL_CAP_MB, ROOT, TAPE_CAP_MB, configuration
from tests.soak.sessions import replay_problems
from tests.soak.watching import Person, ask, pids_of, status_of

HOUR_NS: Final = 3_600_000_000_000
REPORT_S: Final = 30.0
LOOK_S: Final = 2.0
START_S: Final = 120.0


def main() -> int:
    """Run the soak and return 0 when every promise was kept."""
    wanted = _arguments()
    root = Path(wanted.directory or tempfile.mkdtemp(prefix="polybot-soak-"))
    root.mkdir(parents=True, exist_ok=True)
    floor = Floor(root, toml=configuration(wanted))
    print(f"soak: {_goal(wanted)} at speed {wanted.speed:g}, in {root}", flush=True)
    # Whoever ends a run ends its floor too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    floor.start()
    try:
        floor.wait("five processes alive", floor.all_alive, timeout_s=START_S)
        problems = _run(floor, wanted)
    finally:
        floor.close()
    for line in problems:
        print(f"wrong: {line}")
    print("soak: every promise kept" if not problems else "soak: NOT equal", flush=True)
    return 1 if problems else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--hours", type=float, default=24.0, help="market hours to play")
    parser.add_argument(
        "--windows", type=int, default=0, help="play until this many windows are settled instead"
    )
    parser.add_argument("--speed", type=float, default=60.0, help="market seconds per second")
    parser.add_argument("--seed", type=int, default=11, help="of the market, and of the kills")
    parser.add_argument("--faults", default=str(ROOT / "config" / "faults.toml"), metavar="FILE")
    parser.add_argument("--directory", metavar="DIR", help="where the floor keeps everything")
    parser.add_argument("--kills", action="store_true", help="kill processes at random moments")
    parser.add_argument(
        "--kill-every", type=float, default=15.0, metavar="S", help="mean wall seconds between"
    )
    return parser.parse_args()


def _goal(wanted: argparse.Namespace) -> str:
    goal = f"{wanted.windows} windows" if wanted.windows else f"{wanted.hours:g} market hours"
    return goal + (f" with kills every {wanted.kill_every:g} s" if wanted.kills else "")


def _run(floor: Floor, wanted: argparse.Namespace) -> list[str]:
    killer = Killer(Schedule(wanted.seed, wanted.kill_every), lambda: pids_of(floor))
    if wanted.kills:
        killer.start()
    play = _Play(floor, wanted, killer)
    try:
        play.until_the_end()
    finally:
        killer.stop()
    if wanted.kills:
        print(f"{killer.describe()}, {killer.missed} missed", flush=True)
        floor.wait("five processes alive", floor.all_alive, timeout_s=START_S)
        return judge(floor) + resume_in_place(floor) + _replayed(floor)
    print(play.growth.describe(), flush=True)
    caps = disk_problems(
        floor.root / "state", journal_cap_mb=JOURNAL_CAP_MB, tape_cap_mb=TAPE_CAP_MB
    )
    return play.growth.problems() + caps + judge(floor)


def _replayed(floor: Floor) -> list[str]:
    """Replay what was recorded; nothing runs beside it, and the last session has ended too."""
    floor.stop()
    return replay_problems(floor)


@dataclass(slots=True)
class _Play:
    """A run in motion: how far it is, what is reported of it, and what it takes."""

    floor: Floor
    wanted: argparse.Namespace
    killer: Killer
    growth: Growth = field(default_factory=Growth)
    _began_ns: int = 0
    _played_h: float = 0.0
    _windows: int = 0

    def until_the_end(self) -> None:
        """Look every two seconds, report every half minute, return when enough was played."""
        person, last_report = Person(self.floor), 0.0
        while True:
            status = status_of(self.floor)
            person.look(status)
            self._advance(status)
            if time.monotonic() - last_report >= REPORT_S or self._is_over():
                last_report = time.monotonic()
                print(f"{self._figures(status)}, {person.resumed} resumed", flush=True)
            if self._is_over():
                return
            time.sleep(LOOK_S)

    def _is_over(self) -> bool:
        if self.wanted.windows:
            return self._windows >= int(self.wanted.windows)
        return self._played_h >= float(self.wanted.hours)

    def _advance(self, status: dict[str, Any]) -> None:
        now_ns = int(status.get("now_ns") or 0)
        self._began_ns = self._began_ns or now_ns
        self._played_h = max(self._played_h, (now_ns - self._began_ns) / HOUR_NS)
        self._windows = settled_windows(self.floor.root / "state" / "tracker" / "ledger.sqlite")
        memory = {name: rss_mb(pid) for name, pid in pids_of(self.floor).items()}
        memory.pop("runner", None)
        self.growth.add(self._played_h, memory)

    def _figures(self, status: dict[str, Any]) -> str:
        ledger = ask(self.floor, "/simulator/ledger")
        injected = ask(self.floor, "/simulator/faults")
        processes = status.get("processes", [])
        late = [f"{p['name']} {p['verdict']}" for p in processes if p["verdict"] != "alive"]
        memory = self.growth.samples[-1][1] if self.growth.samples else {}
        shares = ", ".join(f"{name} {share}" for name, share in memory.items())
        disk = sum(disk_mb(self.floor.root / "state").values())
        killed = f", {self.killer.killed.total()} kills" if self.wanted.kills else ""
        return (
            f"{self._played_h:6.2f} h  {self._windows} windows, {len(ledger['orders'])} orders, "
            f"{len(ledger['executions'])} executions, {injected['total']} faults{killed}, "
            f"{sum(memory.values())} MiB ({shares}), {disk:.0f} MiB on disk, "
            f"{status.get('trading_state')}" + (f"; {', '.join(late)}" if late else "")
        )


if __name__ == "__main__":
    sys.exit(main())
