import os
from pathlib import Path

import pytest

from polybot.adapters.clock import SystemClock
from polybot.bootstrap.chaos.conditions import (
    SECOND_NS,
    SYNC_POINTS,
    VARIABLE,
    Conditions,
    ConditionsFile,
    ShiftedClock,
    SlowDisk,
    machine_clock,
    suffer_as_told,
    write_conditions,
)
from polybot.errors import ConfigError
from polybot.ports import crash_points
from polybot.ports.crash_points import POINTS, on_reach, reach
from tests.fakes import FakeClock


def test_without_a_file_nothing_is_out_of_the_ordinary(tmp_path: Path) -> None:
    assert ConditionsFile(tmp_path / "absent").now() == Conditions()


def test_conditions_hold_from_when_they_are_written_until_they_are_replaced(tmp_path: Path) -> None:
    path = tmp_path / "conditions.json"
    seen = ConditionsFile(path)
    for number, wanted in enumerate(
        (Conditions(clock_shift_s=-3600), Conditions(sync_s=0.5), Conditions()), start=1
    ):
        write_conditions(path, wanted)
        os.utime(path, ns=(number, number))
        assert seen.now() == wanted


def test_a_shifted_clock_is_off_by_its_seconds_and_never_in_monotonic_time(tmp_path: Path) -> None:
    path = tmp_path / "conditions.json"
    write_conditions(path, Conditions(clock_shift_s=3600))
    true = FakeClock()
    shifted = ShiftedClock(true, ConditionsFile(path))
    assert shifted.now_ns() - true.now_ns() == 3600 * SECOND_NS
    assert shifted.monotonic_ns() == true.monotonic_ns()


def test_a_slow_disk_waits_before_each_sync_and_nowhere_else(tmp_path: Path) -> None:
    path = tmp_path / "conditions.json"
    waits: list[float] = []
    slow = SlowDisk(ConditionsFile(path), waits.append)
    for point in POINTS:
        slow(point)
    assert waits == []
    write_conditions(path, Conditions(sync_s=0.25))
    for point in POINTS:
        slow(point)
    assert waits == [0.25] * len(SYNC_POINTS)
    assert set(POINTS) >= SYNC_POINTS


def test_every_process_but_the_exchange_takes_its_machine_from_the_file(tmp_path: Path) -> None:
    environment = {VARIABLE: str(tmp_path / "conditions.json")}
    assert isinstance(machine_clock("trader", environment), ShiftedClock)
    assert isinstance(machine_clock("simulator", environment), SystemClock)
    assert isinstance(machine_clock("trader", {}), SystemClock)


def test_a_process_that_is_told_nothing_pays_nothing(tmp_path: Path) -> None:
    suffer_as_told("trader", {}, mode="synthetic")
    suffer_as_told("simulator", {VARIABLE: str(tmp_path / "c")}, mode="synthetic")
    assert crash_points._stop is None  # noqa: SLF001 - that nothing is called is the promise


def test_a_process_that_is_told_meets_its_slow_syncs(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "conditions.json"
    write_conditions(path, Conditions(sync_s=0.01))
    suffer_as_told("trader", {VARIABLE: str(path)}, mode="synthetic")
    try:
        reach("journal.unsynced")
    finally:
        on_reach(None)
    assert "chaos: a sync takes 0.01 s longer" in caplog.text


def test_live_mode_takes_no_clock_and_no_slow_disk_from_the_environment(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="POLYBOT_FLOOR_CHAOS: expected none in live mode"):
        suffer_as_told("trader", {VARIABLE: str(tmp_path / "c")}, mode="live")
    suffer_as_told("trader", {}, mode="live")
