"""The wall clock jumps an hour forward and back: nothing is doubled, and entries wait for it."""

import os
import signal
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from tests.integration.books import assert_equal_books, doubled_entries
from tests.integration.floor import DRILL_ONCE, Floor
from tests.integration.test_synthetic_floor import is_new

pytestmark = pytest.mark.floor

HOUR_S = 3600
HERE = Path(__file__).parent / "shifted_clock"


class ShiftedFloor:
    """A floor whose processes, but for the exchange, have another wall clock than this machine."""

    def __init__(self, new_floor: Callable[..., Floor], tmp_path: Path) -> None:
        self._file = tmp_path / "shift"
        self.shift(0)
        self.floor = new_floor(
            toml=DRILL_ONCE, PYTHONPATH=str(HERE), TEST_CLOCK_SHIFT_FILE=str(self._file)
        )

    def shift(self, seconds: int) -> None:
        """Set the processes' wall clock off by so many seconds."""
        draft = self._file.with_suffix(".new")
        draft.write_text(str(seconds))
        draft.rename(self._file)

    def state(self) -> str:
        """Return the trading state, as the trader says it."""
        status = self.floor.json("status")
        return str(status["trading_state"]) if status else ""


@pytest.fixture
def shifted(new_floor: Callable[..., Floor], tmp_path: Path) -> ShiftedFloor:
    made = ShiftedFloor(new_floor, tmp_path)
    floor = made.floor
    floor.start_alive()
    floor.wait("a trade", lambda: floor.json("trades"), timeout_s=240)
    return made


@pytest.mark.parametrize("hours", [1, -1])
def test_a_jump_of_an_hour_and_back_costs_entries_and_nothing_else(
    shifted: ShiftedFloor, hours: int
) -> None:
    floor = shifted.floor
    floor.wait("trading", lambda: shifted.state() == "ACTIVE", timeout_s=60)
    pids = {name: each["pid"] for name, each in floor.processes().items()}

    shifted.shift(hours * HOUR_S)
    floor.wait("no entries", lambda: shifted.state() == "REDUCING", timeout_s=30)
    said = floor.log_tail(100_000)
    for process in ("trader", "tracker", "reflector", "watchdog"):
        assert f"{process}: the wall clock jumped by {hours * HOUR_S:+.1f} s" in said
    status = floor.command("status").stdout
    assert "clock" in status
    orders = len(floor.ledger()["orders"])
    time.sleep(10)
    entries = {order["order_id"] for order in floor.ledger()["orders"][orders:]}
    assert not {row["order_id"] for row in floor.json("trades") if row["side"] == "BUY"} & entries

    # A trader that starts under the wrong clock goes by the confirmed one.
    old = floor.kill("trader")
    floor.wait("a new trader", lambda: is_new(floor, "trader", old), timeout_s=30)
    assert shifted.state() in ("REDUCING", "RECONCILING")

    shifted.shift(0)
    floor.wait("trading again", lambda: shifted.state() == "ACTIVE", timeout_s=60)
    assert "the wall clock is back" in floor.log_tail(100_000)
    now = {name: each["pid"] for name, each in floor.processes().items()}
    assert {name for name, pid in now.items() if pid != pids[name]} == {"trader"}
    assert_equal_books(floor)
    assert not doubled_entries(floor.ledger())
    audit = floor.command("audit", "--all")
    assert audit.returncode == 0, audit.stdout + audit.stderr
    assert "Traceback" not in floor.log_tail(100_000)


def test_a_clock_that_was_wrong_and_is_set_right_is_followed_once_the_exchange_confirms_it(
    new_floor: Callable[..., Floor], tmp_path: Path
) -> None:
    shifted = ShiftedFloor(new_floor, tmp_path)
    floor = shifted.floor
    shifted.shift(-HOUR_S)
    floor.start_alive()
    disagrees = "expected the exchange's clock within 5.0 s of ours, was -3"
    floor.wait("the exchange to disagree", lambda: disagrees in floor.log_tail(2000), timeout_s=90)
    # It cannot even log in: the exchange refuses a signature with that time.
    assert shifted.state() in ("RECONCILING", "REDUCING")
    assert floor.ledger()["orders"] == []

    shifted.shift(0)
    floor.wait("trading", lambda: shifted.state() == "ACTIVE", timeout_s=120)

    said = floor.log_tail(100_000)
    for process in ("trader", "tracker", "watchdog"):
        assert f"{process}: the exchange's clock confirms the wall clock" in said
    floor.wait("a trade", lambda: floor.json("trades"), timeout_s=240)
    assert_equal_books(floor)


def test_a_stop_of_the_operator_outlasts_the_jump_with_its_original_time(
    shifted: ShiftedFloor,
) -> None:
    floor = shifted.floor
    assert floor.command("halt", "--reason", "a look at it").returncode == 0
    floor.wait("halted", lambda: shifted.state() == "HALTED", timeout_s=30)

    for seconds in (HOUR_S, -HOUR_S):
        shifted.shift(seconds)
        time.sleep(3)
        assert shifted.state() == "HALTED"
        pid = floor.pid_of("trader")
        os.kill(pid, signal.SIGKILL)
        renewed = partial(is_new, floor, "trader", pid)
        floor.wait("a new trader", renewed, timeout_s=30)
        assert shifted.state() == "HALTED"
    shifted.shift(0)
    time.sleep(5)
    assert shifted.state() == "HALTED"
    assert floor.command("resume", "--reason", "seen").returncode == 0
    floor.wait("trading again", lambda: shifted.state() == "ACTIVE", timeout_s=60)
    assert_equal_books(floor)
