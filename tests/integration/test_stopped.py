"""Each process stands still for a while, as under SIGSTOP: it comes back by itself, books equal."""

import os
import signal
import time
from collections.abc import Callable

import pytest

from tests.integration.books import assert_equal_books, doubled_entries
from tests.integration.floor import Floor

pytestmark = pytest.mark.floor

# Longer than every patience but the trader's with the tracker (60 s); a minute proves no more, and
# POLYBOT_TEST_STOP_S=65 proves it.
STOP_S = float(os.environ.get("POLYBOT_TEST_STOP_S", "25"))


def test_every_process_stands_still_in_turn_and_comes_back_by_itself(
    new_floor: Callable[..., Floor],
) -> None:
    floor = new_floor()
    floor.start_alive()
    floor.wait("a trade", lambda: floor.json("trades"), timeout_s=240)
    for process in ("trader", "tracker", "reflector", "watchdog", "simulator"):
        stand_still(floor, process)
        assert_equal_books(floor)
    floor.wait("trading", lambda: state_of(floor) == "ACTIVE", timeout_s=90)
    assert not doubled_entries(floor.ledger())
    audit = floor.command("audit", "--all")
    assert audit.returncode == 0, audit.stdout + audit.stderr
    assert "Traceback" not in floor.log_tail(100_000)


def stand_still(floor: Floor, process: str) -> None:
    """Stop a process for a while, look what the floor makes of it, and let it go on."""
    pid = floor.wait(f"the pid of the {process}", lambda: floor.pid_of(process), timeout_s=30)
    seen_lines = len(floor.log_tail(1_000_000).splitlines())
    os.kill(pid, signal.SIGSTOP)
    try:
        time.sleep(STOP_S)
        status = floor.command("status", timeout_s=30)
        shown = next(line for line in status.stdout.splitlines() if process in line)
        # A trader that was silent for so long is shut out, and another one is alive by now.
        assert "alive" not in shown or not is_there(pid), status.stdout
    finally:
        if is_there(pid):
            os.kill(pid, signal.SIGCONT)
    now = floor.wait(f"all alive after the {process}", floor.all_alive, timeout_s=90)
    if process != "trader":
        assert now[process]["pid"] == pid
    log = "\n".join(floor.log_tail(1_000_000).splitlines()[seen_lines:])
    said = [line for line in log.splitlines() if f"{process}: " in line and "stood still" in line]
    assert said or (process == "trader" and now[process]["pid"] != pid), log
    if process == "watchdog":
        assert "no heartbeat of the watchdog" in log
    else:
        assert f"{process} is dead" in log


def state_of(floor: Floor) -> str:
    """Return the trading state, as the trader says it."""
    status = floor.json("status")
    return str(status["trading_state"]) if status else ""


def is_there(pid: int) -> bool:
    """Return whether a process still exists."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_process_that_hangs_for_good_is_aborted_with_its_stacks_and_started_again(
    new_floor: Callable[..., Floor],
) -> None:
    floor = new_floor()
    floor.start_alive()
    pid = floor.wait("the pid of the watchdog", lambda: floor.pid_of("watchdog"), timeout_s=30)
    # Past startsecs, when the runner tells that it runs.
    time.sleep(5)
    os.kill(pid, signal.SIGSTOP)
    # A minute after its last ping (config/supervisord.conf).
    floor.wait("the abort", lambda: not is_there(pid), timeout_s=100)
    now = floor.wait("all alive again", floor.all_alive, timeout_s=60)
    assert now["watchdog"]["pid"] != pid
    log = floor.log_tail(1_000_000)
    assert f"bridge: floor:watchdog (pid {pid}) waited too long for a watchdog ping" in log
    assert "Fatal Python error: Aborted" in log
    assert "watchdog (terminated by SIGABRT; not expected)" in log
