"""The timers' jobs and the stop, on a floor that runs meanwhile."""

import json
from collections.abc import Callable

import pytest

from tests.integration.books import assert_equal_books
from tests.integration.floor import Floor

pytestmark = pytest.mark.floor


def test_report_backup_and_cleanup_work_beside_a_running_floor_and_stop_ends_it(
    new_floor: Callable[..., Floor],
) -> None:
    floor = new_floor()
    floor.start_alive("--speed", "40")
    floor.wait("a graded window", lambda: floor.graded(1), timeout_s=240)

    told = floor.json("report")
    assert told["running"] is True
    assert {life["name"] for life in told["processes"]} == set(floor.processes())
    assert sum(day["windows"] for day in told["days"]) >= 1
    assert told["state_bytes"] > 0

    # A segment that the journal has put away, whatever is in it.
    archive = floor.root / "state" / "trader" / "archive"
    archive.mkdir(exist_ok=True)
    segment = archive / "journal-0000000000000001.log.zst"
    segment.write_bytes(b"put away")
    assert "no whole backup holds them" in floor.command("cleanup").stdout
    assert segment.exists()
    segment.unlink()
    made = floor.command("backup", "create")
    assert made.returncode == 0, made.stdout + made.stderr

    before = floor.processes()
    log = floor.root / "state" / "tracker" / "ledger.sqlite-wal"
    # The first cleanup has emptied it, and the tracker writes when there is something to store.
    floor.wait("a line in the database's log", lambda: log.stat().st_size > 0, timeout_s=60)
    cleaned = floor.json("cleanup")
    assert cleaned["problems"] == []
    assert cleaned["log_bytes"] > 0
    known = len(floor.graded(1) or [])
    floor.wait("another window graded", lambda: floor.graded(known + 1), timeout_s=240)
    after = floor.processes()
    assert {name: each["pid"] for name, each in after.items()} == {
        name: each["pid"] for name, each in before.items()
    }
    assert_equal_books(floor)

    stopped = floor.command("stop", "--json")
    assert stopped.returncode == 0, stopped.stdout + stopped.stderr + floor.log_tail()
    told = json.loads(stopped.stdout)
    assert {"runner", "trader", "tracker", "simulator"} <= set(told["stopped"])
    assert (told["killed"], told["orders"]["problem"]) == ([], None)
    assert floor.left_running() == []
    # Down, it still has a report, and nothing to stop.
    assert floor.json("report")["running"] is False
    assert floor.command("stop").returncode == 3
