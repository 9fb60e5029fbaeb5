"""`make prove`: thousands of seeded kills of real processes, judged by the exchange's books."""

import argparse
import json
import os
import shutil
import sys
import time
from typing import Final

from tests.prove.controls import CONTROLS, is_caught
from tests.prove.matrix import Scenario, plan, reachable_cells
from tests.prove.running import Running, end_when_asked, nobody
from tests.prove.tally import Tally
from tests.prove.worker import Report, Worker

# A few more than there are cells, so that some that come twice are among them.
SCENARIOS: Final = 2_040
SUBSET: Final = 108
PROGRESS_S: Final = 15.0
# A floor waits half of its time: for answers withheld, delays, windows to close.
WORKERS: Final = 3 * (os.cpu_count() or 2) // 2


def main() -> int:
    """Run the proof; 0 when nothing was found, every cell was hit and every control was caught."""
    wanted = _arguments()
    end_when_asked()
    count = wanted.scenarios or (SUBSET if wanted.subset else SCENARIOS)
    scenarios = plan(wanted.seed, count)
    began_s = time.monotonic()
    end_s = began_s + wanted.minutes * 60
    say = _Talk(quiet=wanted.json)
    say(f"prove: {count} scenarios, seed {wanted.seed}, {wanted.workers} workers")
    say(f"{len(reachable_cells())} cells can be reached, this run plans {_cells(scenarios)}")
    caught = {} if wanted.no_controls else _controls(wanted.seed, wanted.workers, end_s, say)
    tally = Tally(frozenset(scenario.cell for scenario in scenarios))
    _run(scenarios, wanted, end_s, tally, say)
    took_s = time.monotonic() - began_s
    if wanted.json:
        told = {**tally.as_json(), "controls": caught, "seconds": round(took_s, 1)}
        sys.stdout.write(json.dumps(told, indent=1) + "\n")
    for line in tally.lines()[:-1]:
        say(line)
    say(f"took {took_s / 60:.1f} minutes")
    say(tally.last_line)
    return 0 if tally.is_proof and all(caught.values()) else 1


class _Talk:
    """Prints a line at once; says nothing where a script reads the output."""

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet

    def __call__(self, line: str) -> None:
        if not self._quiet:
            sys.stdout.write(line + "\n")
            sys.stdout.flush()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.prove", description=__doc__)
    parser.add_argument("--scenarios", type=int, default=0, help="how many; 0: every cell once")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=WORKERS, help="floors at a time")
    parser.add_argument("--minutes", type=float, default=60.0, help="when to give up")
    parser.add_argument("--subset", action="store_true", help=f"{SUBSET} spread over the cells")
    parser.add_argument("--json", action="store_true", help="print JSON, and nothing else")
    parser.add_argument("--no-controls", action="store_true", help="leave out the broken traders")
    return parser.parse_args()


def _cells(scenarios: list[Scenario]) -> int:
    return len({scenario.cell for scenario in scenarios})


def _controls(seed: int, workers: int, end_s: float, say: _Talk) -> dict[str, bool]:
    """Run the broken traders, as many at a time as there are workers."""
    caught: dict[str, bool] = {}
    for start in range(0, len(CONTROLS), workers):
        share = CONTROLS[start : start + workers]
        running = [Running.of_control(control, seed, end_s) for control in share]
        try:
            for control, run in zip(share, running, strict=True):
                reports = run.all_reports()
                caught[control.name] = is_caught(control, reports)
                say(f"control {control.name}: {'caught' if caught[control.name] else 'NOT CAUGHT'}")
                _forget(reports)
        finally:
            for run in running:
                run.end()
    return caught


def _forget(reports: list[Report]) -> None:
    # What a control broke was broken on purpose: nobody needs to look at it.
    for report in reports:
        if report.directory:
            shutil.rmtree(report.directory, ignore_errors=True)


def _run(
    scenarios: list[Scenario], wanted: argparse.Namespace, end_s: float, tally: Tally, say: _Talk
) -> None:
    """Share the scenarios out and add up what comes back."""
    running = [
        Running.of(Worker(number, wanted.seed, share, end_s, nobody))
        for number, share in enumerate(_shares(scenarios, wanted.workers))
    ]
    try:
        _listen(running, len(scenarios), tally, say)
    finally:
        for run in running:
            run.end()


def _listen(running: list[Running], planned: int, tally: Tally, say: _Talk) -> None:
    next_word_s = time.monotonic() + PROGRESS_S
    while any(run.is_running for run in running):
        for run in running:
            for report in run.reports(0.2):
                told = len(tally.found)
                tally.add(report)
                for finding, where, directory in tally.found[told:]:
                    say(f"FOUND {finding.check}: {finding.detail} ({where}; {directory})")
        if time.monotonic() >= next_word_s:
            next_word_s += PROGRESS_S
            say(
                f"{tally.scenarios} of {planned}, {tally.missed} missed, in flight "
                f"{tally.in_flight_share:.0%}, findings {len(tally.found)}"
            )


def _shares(scenarios: list[Scenario], workers: int) -> list[list[Scenario]]:
    """Cut the list into as many runs, so that each keeps its blocks of one side and type."""
    size = -(-len(scenarios) // workers)
    return [scenarios[start : start + size] for start in range(0, len(scenarios), size)]


if __name__ == "__main__":
    sys.exit(main())
