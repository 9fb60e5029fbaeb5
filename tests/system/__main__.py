"""`make test-system`: boots throw-away Debians with systemd as PID 1 and uses polybot on them.

Three machines: a Debian 12 treated as the README says, a second one on which everything hangs, and
a Debian 13 on which a release is upgraded while windows run. The simulated exchange's own books are
the judge throughout. Needs root and a kernel that lets containers boot; exit code 3 says that this
machine cannot.
"""

import argparse
import sys
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from typing import Final

from tests.system import first_day, hard_night, new_version
from tests.system.container_host import CannotRun, require_host
from tests.system.debian_root import build_root
from tests.system.figures import Figures
from tests.system.machine import Machine

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
THIRD: Final[tuple[Step, ...]] = (new_version.refuse, new_version.upgrade)


class Run:
    """Runs the steps of each machine in order, the machines beside each other."""

    def __init__(self) -> None:
        self.figures = Figures()
        self.machines: list[Machine] = []
        self.failures: list[str] = []
        self._began = time.monotonic()

    def machine(self, name: str, suite: str) -> Machine:
        """Make a machine, not booted yet."""
        began = time.monotonic()
        base = build_root(suite)
        self.figures.add(f"minimal root of {suite}", time.monotonic() - began)
        made = Machine(name, base)
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
    try:
        require_host()
        run = Run()
        _play(run, wanted.only)
    except CannotRun as reason:
        print(f"\nSYSTEM TESTS NOT RUN: {reason}\n", file=sys.stderr)
        return CANNOT
    finally:
        for machine in run.machines if "run" in locals() else ():
            machine.remove()
    print(f"\n{run.figures.table()}\n")
    for failure in run.failures:
        print(f"FAILED {failure}")
    print("system tests: " + ("FAILED" if run.failures else "every step held"))
    return 1 if run.failures else 0


def _play(run: Run, only: str | None) -> None:
    threads = []
    if only != "third":
        first = run.machine("first", "bookworm")
        run.figures.add("boot of the machine", first.boot())
        if not run.go(first, ALONE):
            return
        if only != "first":
            second = Machine("second", build_root("bookworm"))
            run.machines.append(second)
            second.copy_disk(first)
            second.boot()
            threads.append(run.beside(second, SECOND))
        if only != "second":
            threads.append(run.beside(first, FIRST))
    if only in (None, "third"):
        third = run.machine("third", "trixie")
        third.boot()
        threads.append(run.beside(third, THIRD))
    for thread in threads:
        thread.join()


if __name__ == "__main__":
    sys.exit(main())
