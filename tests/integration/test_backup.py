"""A floor moves to an empty machine by a backup, and its books agree with the exchange's there."""

import shutil
from collections.abc import Callable

import pytest

from tests.integration.books import assert_equal_books
from tests.integration.floor import Floor

pytestmark = pytest.mark.floor


def test_a_floor_goes_on_from_its_backup_on_an_empty_machine(
    new_floor: Callable[..., Floor],
) -> None:
    floor = new_floor()
    floor.start_alive("--speed", "40")
    floor.wait("two graded windows", lambda: floor.graded(2), timeout_s=240)
    floor.wait("a trade", lambda: floor.json("trades"), timeout_s=240)
    # While it runs: whatever is in the middle of something is whole in the file.
    running = floor.command("backup", "create", "--out", str(floor.root / "running.tar.zst"))
    assert running.returncode == 0, running.stdout + running.stderr
    floor.stop()
    before = {name: floor.json(name) for name in ("trades", "windows", "pnl")}
    made = floor.command("backup", "create", "--out", str(floor.root / "stopped.tar.zst"))
    assert made.returncode == 0, made.stdout + made.stderr

    empty = new_floor()
    refused = floor.command("backup", "restore", str(floor.root / "stopped.tar.zst"))
    assert "never overwrites a state" in refused.stderr
    restored = empty.command("backup", "restore", str(floor.root / "stopped.tar.zst"))
    assert restored.returncode == 0, restored.stderr
    assert {name: empty.json(name) for name in ("trades", "windows", "pnl")} == before

    empty.start_alive("--speed", "40")
    known = len(empty.graded(1) or [])
    empty.wait("another window graded", lambda: empty.graded(known + 1), timeout_s=240)
    assert_equal_books(empty)
    audit = empty.command("audit", "--all")
    assert audit.returncode == 0, audit.stdout + audit.stderr


def test_after_a_disaster_what_the_backup_does_not_know_is_nobody_s_profit(
    new_floor: Callable[..., Floor],
) -> None:
    floor = new_floor()
    floor.start_alive("--speed", "40")
    floor.wait("a graded window", lambda: floor.graded(1), timeout_s=240)
    file = str(floor.root / "early.tar.zst")
    assert floor.command("backup", "create", "--out", file).returncode == 0
    known = {row["order_id"] for row in floor.json("trades") or []}

    def traded_since() -> set[str]:
        return {row["order_id"] for row in floor.json("trades") or []} - known

    floor.wait("a trade since", traded_since, timeout_s=300)
    floor.stop()
    unknown = traded_since()

    # The exchange goes on where it is, the machine that knew the last orders is gone.
    late = new_floor()
    assert late.command("backup", "restore", file).returncode == 0
    state = late.root / "state"
    shutil.rmtree(state / "simulator")
    shutil.copytree(floor.root / "state" / "simulator", state / "simulator")
    late.start_alive("--speed", "40")
    graded = len(late.graded(1) or [])
    late.wait("another window graded", lambda: late.graded(graded + 1), timeout_s=240)

    said = late.log_path.read_text()
    foreign = {order_id for order_id in unknown if f"of order {order_id}, not ours" in said}
    assert foreign == unknown
    # What it does from now on is all there, and what it does not know counts as somebody else's:
    # its money is booked as external when two sweeps in a row have seen it with nothing under way.
    assert not unknown & {row["order_id"] for row in late.json("trades") or []}
    assert late.command("stopentry", "--reason", "let it settle").returncode == 0
    late.wait(
        "an audit that agrees",
        lambda: late.command("audit", "--all").returncode == 0,
        timeout_s=150,
    )
