"""The default floor: five processes on the synthetic market, as `make run` starts them."""

import json
from collections.abc import Callable

import pytest

from tests.integration.books import assert_equal_books, doubled_entries
from tests.integration.floor import Floor

pytestmark = pytest.mark.floor


def test_a_floor_trades_grades_and_stops_without_a_question(
    new_floor: Callable[..., Floor],
) -> None:
    floor = new_floor()
    floor.start_alive()
    floor.wait("the first graded window", floor.graded, timeout_s=120)
    trades = floor.wait("a trade", lambda: floor.json("trades"), timeout_s=240)

    status = floor.command("status")
    assert status.returncode == 0
    assert max(len(line) for line in status.stdout.splitlines()) <= 40
    assert {"mode", "trading_state", "now_ns", "speed", "processes"} <= floor.json("status").keys()
    assert floor.json("pnl") is not None
    story = floor.command("why", trades[0]["slug"])
    assert story.returncode == 0
    assert "risk let" in story.stdout
    assert_equal_books(floor)
    assert not doubled_entries(floor.ledger())
    audit = floor.command("audit", "--json")
    assert json.loads(audit.stdout)["agrees"], audit.stdout
    assert audit.returncode == 0

    assert floor.stop() <= 10
    assert floor.left_running() == []
    assert floor.command("status").returncode == 3
    # What the floor wrote can be read while it is down.
    assert len(floor.json("trades")) >= len(trades)


def test_an_operator_stops_entries_halts_and_resumes(new_floor: Callable[..., Floor]) -> None:
    floor = new_floor()
    floor.start_alive()

    def state_is(wanted: str) -> Callable[[], bool]:
        return lambda: floor.json("status")["trading_state"] == wanted

    floor.wait("trading", state_is("ACTIVE"), timeout_s=30)
    assert floor.command("stopentry", "--reason", "lunch").returncode == 0
    floor.wait("no entries", state_is("REDUCING"), timeout_s=10)
    assert floor.command("halt", "--reason", "fire").returncode == 0
    floor.wait("a halt", state_is("HALTED"), timeout_s=10)
    killed = floor.kill("trader")
    floor.wait("a new trader", lambda: is_new(floor, "trader", killed), timeout_s=30)
    floor.wait("the halt over a restart", state_is("HALTED"), timeout_s=30)
    assert "fire" in floor.log_tail(2000)
    assert floor.command("resume", "--reason", "all clear").returncode == 0
    floor.wait("trading again", state_is("ACTIVE"), timeout_s=30)


def is_new(floor: Floor, process: str, old_pid: int) -> bool:
    """Return whether a process is alive under another pid than before."""
    now = floor.processes().get(process)
    return now is not None and now["verdict"] == "alive" and now["pid"] not in (0, old_pid)
