"""`make test-system`: boots throw-away Debians with systemd as PID 1 and uses polybot on them.

Three machines: a Debian 12 treated as the README says, a second one on which everything hangs, and
a Debian 13 on which a release is upgraded while windows run. The simulated exchange's own books are
the judge throughout. Needs root and a kernel that lets containers boot; exit code 3 says that this
machine cannot.
"""

import argparse
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from typing import Final

from tests.system import first_day, going_live, hard_night, new_version
from tests.system.container_host import CannotRun, require_host
from tests.system.debian_root import build_root
from tests.system.figures import Figures
from tests.system.machine import Machine, MachineError

CANNOT: Final = 3
Step = Callable[[Machine, Figures], None]

ALONE: Final[tuple[Step, ...]] = (
    first_day.install_as_a_newcomer,
    first_day.look,
    first_day.time_kills,
)
FIRST: Final[tuple[Step, ...]] = (
    first_day.kill_each,
    first_day.alarm,
    first_day.reboot,
    first_day.back_up_and_restore,
    hard_night.fill_the_disk,
    first_day.weigh,
    first_day.uninstall,
)
SECOND: Final[tuple[Step, ...]] = (hard_night.hang_each,)
THIRD: Final[tuple[Step, ...]] = (
    new_version.refuse,
    new_version.upgrade,
    hard_night.crash_again_and_again,
    going_live.go_live,
)


class Run:
    """Runs the steps of each machine in order, the machines beside each other."""

    def __init__(self) -> None:
        self.figures = Figures()
        self.machines: list[Machine] = []
        self.failures: list[str] = []
        self._began = time.monotonic()

    def machine(self, name: str, suite: str) -> Machine:
        """Make a machine, not booted yet."""
        made = Machine(name, build_root(suite))
        self.machines.append(made)
        return made

    def go(self, machine: Machine, steps: Sequence[Step]) -> bool:
        """Run steps until one fails; the failure is kept and told."""
        for step in steps:
            began = time.monotonic()
            self._say(f"{machine.name}: {step.__name__} ...")
            try:
                step(machine, self.figures)
            except Exception:  # noqa: BLE001 - whatever went wrong is told, the others go on
                told = traceback.format_exc()
                self.failures.append(f"{machine.name}: {step.__name__}")
                self._say(f"{machine.name}: {step.__name__} FAILED\n{told}")
                return False
            took = time.monotonic() - began
            self._say(f"{machine.name}: {step.__name__} ok, {took:.0f} s")
        return True

    def beside(self, machine: Machine, steps: Sequence[Step]) -> threading.Thread:
        """Run steps in a thread of their own."""
        thread = threading.Thread(target=self.go, args=(machine, steps), name=machine.name)
        thread.start()
        return thread

    def _say(self, text: str) -> None:
        print(f"[{time.monotonic() - self._began:4.0f} s] {text}", flush=True)


def main() -> int:
    """Run everything and print the table; 0 when every step held."""
    parser = argparse.ArgumentParser(
        prog="make test-system", description=__doc__, epilog="examples: make test-system"
    )
    parser.add_argument("--only", choices=("first", "second", "third"), help="one machine's steps")
    wanted = parser.parse_args()
    # Whoever ends a run ends its machines too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    run = Run()
    try:
        require_host()
        _play(run, wanted.only)
    except CannotRun as reason:
        print(f"\nSYSTEM TESTS NOT RUN: {reason}\n", file=sys.stderr)
        return CANNOT
    finally:
        for machine in run.machines:
            machine.remove()
    print(f"\n{run.figures.table()}\n")
    for failure in run.failures:
        print(f"FAILED {failure}")
    print("system tests: " + ("FAILED" if run.failures else "every step held"))
    return 1 if run.failures else 0


def _begin(run: Run, name: str, suite: str) -> Machine:
    """Boot a machine with nothing of ours on it: where that fails, this host cannot do it."""
    began = time.monotonic()
    try:
        build_root(suite)
        run.figures.add(f"minimal root of {suite}", time.monotonic() - began)
        machine = run.machine(name, suite)
        run.figures.add(f"boot of {suite}", machine.boot())
    except (MachineError, OSError) as error:
        raise CannotRun(f"no container boots here: {error}") from error
    return machine


def _play(run: Run, only: str | None) -> None:
    # Every root is built before anything is measured.
    first = _begin(run, "first", "bookworm") if only != "third" else None
    third = _begin(run, "third", "trixie") if only in (None, "third") else None
    beside: list[tuple[Machine, Sequence[Step]]] = []
    if first is not None:
        if not run.go(first, ALONE):
            return
        if only != "first":
            second = run.machine("second", "bookworm")
            second.copy_disk(first)
            second.boot()
            beside.append((second, SECOND))
        if only != "second":
            beside.append((first, FIRST))
    if third is not None:
        beside.append((third, THIRD))
    for thread in [run.beside(machine, steps) for machine, steps in beside]:
        thread.join()


if __name__ == "__main__":
    sys.exit(main())
