"""Floors on recorded real windows: what is traded there is booked to the micro-unit."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.integration.books import assert_equal_books, doubled_entries
from tests.integration.floor import Floor

pytestmark = [pytest.mark.floor, pytest.mark.recordings]


def test_twenty_recorded_windows_end_with_equal_books(
    new_floor: Callable[..., Floor], recordings: Path
) -> None:
    floor = new_floor()
    floor.start("--recordings", str(recordings / "dev" / "cronosvirus"), "--speed", "60")
    floor.wait("the first graded window", floor.graded, timeout_s=60)
    graded = floor.wait("twenty graded windows", lambda: floor.graded(20), timeout_s=240)
    assert all(window["outcome"] in ("Up", "Down") for window in graded)
    assert_equal_books(floor)
    ledger = floor.ledger()
    assert len(ledger["executions"]) > 0
    assert not doubled_entries(ledger)
    assert floor.command("audit").returncode == 0
    pnl = floor.json("pnl")
    assert pnl


@pytest.mark.parametrize("source", ["arnav_parity", "."])
def test_other_recordings_play_too(
    new_floor: Callable[..., Floor], recordings: Path, source: str
) -> None:
    floor = new_floor()
    floor.start("--recordings", str(recordings / "dev" / source), "--speed", "60")
    floor.wait("the first graded window", floor.graded, timeout_s=120)
    floor.wait("five processes alive", floor.all_alive, timeout_s=60)
    assert_equal_books(floor)


def test_a_damaged_recording_is_named_and_skipped(
    new_floor: Callable[..., Floor], recordings: Path, tmp_path: Path
) -> None:
    source = recordings / "dev" / "cronosvirus"
    copy = tmp_path / "recordings"
    copy.mkdir()
    shutil.copy(source / "windows.csv", copy)
    names = sorted(path.name for path in source.glob("*.jsonl.gz"))[:2]
    damaged = (source / names[0]).read_bytes()
    (copy / names[0]).write_bytes(damaged[: len(damaged) // 2])
    shutil.copy(source / names[1], copy)
    floor = new_floor()
    floor.start("--recordings", str(copy), "--speed", "60")
    floor.wait("the first graded window", floor.graded, timeout_s=120)
    assert names[0].removesuffix(".jsonl.gz") in floor.log_tail(5000)
