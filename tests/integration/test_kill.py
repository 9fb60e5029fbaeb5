"""Every process can be killed at any moment: it comes back and the books stay right."""

import json
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.integration.books import assert_equal_books, doubled_entries
from tests.integration.floor import POLL_S, Floor
from tests.integration.test_synthetic_floor import is_new

PROCESSES = ("trader", "simulator", "tracker", "watchdog", "reflector")
TIMES = 3
# The third crash in a minute starts without entries (test_crash_loop): here trading goes on.
NEVER_A_LOOP = {"POLYBOT__CRASH_LOOP__CRASHES": "0"}

pytestmark = pytest.mark.floor


def test_each_process_is_killed_three_times_and_no_order_is_doubled(
    new_floor: Callable[..., Floor],
) -> None:
    floor = new_floor(**NEVER_A_LOOP)
    floor.start_alive()
    floor.wait("a trade", lambda: floor.json("trades"), timeout_s=240)
    kill_all(floor)
    audit = floor.command("audit")
    assert audit.returncode == 0, audit.stdout + audit.stderr
    resumed = floor.log_tail(100_000)
    assert resumed.count("reconciled after start") > TIMES


@pytest.mark.recordings
def test_killing_during_recorded_windows_keeps_the_books_equal(
    new_floor: Callable[..., Floor], recordings: Path
) -> None:
    floor = new_floor(**NEVER_A_LOOP)
    floor.start_alive("--recordings", str(recordings / "dev" / "cronosvirus"))
    floor.wait("a trade", lambda: floor.json("trades"), timeout_s=240)
    kill_all(floor)
    audit = floor.command("audit")
    assert audit.returncode == 0, audit.stdout + audit.stderr


def test_when_the_runner_is_killed_nothing_stays_behind_and_the_next_goes_on(
    new_floor: Callable[..., Floor],
) -> None:
    floor = new_floor()
    floor.start_alive()
    runner = json.loads((floor.runtime / "floor.json").read_text())["pid"]
    os.kill(runner, signal.SIGKILL)
    deadline = time.monotonic() + 10
    while floor.left_running() and time.monotonic() < deadline:
        time.sleep(POLL_S)
    assert floor.left_running() == []
    floor.start_alive()
    assert "continues where the last run ended" in floor.log_tail(2000)


def kill_all(floor: Floor) -> None:
    """Kill each process in turn, three times each, and compare the books after each round."""
    for _ in range(TIMES):
        for process in PROCESSES:
            old = floor.kill(process)
            floor.wait(
                f"{process} after {old}",
                lambda process=process, old=old: is_new(floor, process, old),
                timeout_s=30,
            )
        assert_equal_books(floor)
    assert not doubled_entries(floor.ledger())
