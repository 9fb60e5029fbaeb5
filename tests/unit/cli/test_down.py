"""Tests of how a floor is ended, on floors of real processes."""

import os
import signal
import threading
import time
from pathlib import Path

import pytest

from polybot.cli import down
from polybot.cli.down import (
    CLEAN_S,
    HARD_S,
    LOCKS_S,
    Ended,
    Progress,
    end_processes,
    end_units,
    named,
    refuse_held,
)
from polybot.cli.exits import CommandError, Late
from polybot.cli.processes import FloorProcess, floor_processes
from polybot.cli.up import Wishes, start_floor
from polybot.config.load import load
from polybot.runtime.journal_lock import take_lock
from tests.unit.adapters.test_service_units import systemctl
from tests.unit.cli.conftest import Command
from tests.unit.cli.runner import POLITE, STUBBORN, fake_python, running, wait_for_floor
from tests.unit.cli.test_up import Execution


@pytest.fixture
def became(state_dir: Path) -> Execution:
    execution = Execution()
    start_floor(Wishes(), dict(os.environ), execution)
    return execution


def environ_of(became: Execution, tmp_path: Path, script: str = POLITE) -> dict[str, str]:
    return {**became.environ, "POLYBOT_FLOOR_PYTHON": str(fake_python(tmp_path, script))}


def test_where_nothing_runs_it_says_so_with_its_code(polybot: Command) -> None:
    assert polybot("down", code=3).stdout.startswith("not running: ")


def test_it_stops_everything_and_says_what_it_did(
    became: Execution, polybot: Command, tmp_path: Path, runtime_dir: Path
) -> None:
    with running(became.command, environ_of(became, tmp_path), tmp_path / "out"):
        wait_for_floor(runtime_dir)
        out = polybot("down").stdout
    assert "stopped 6 processes in " in out
    assert "\nnothing of the floor is running any more\n" in out
    log = (tmp_path / "out").read_text()
    assert log.index("trader stopped") < log.index("simulator stopped")


def test_it_works_with_a_broken_configuration(
    became: Execution, polybot: Command, tmp_path: Path, runtime_dir: Path, state_dir: Path
) -> None:
    with running(became.command, environ_of(became, tmp_path), tmp_path / "out"):
        wait_for_floor(runtime_dir)
        (state_dir.parent / "polybot.toml").write_text("bogus = ")
        polybot("down")
    assert floor_processes(runtime_dir) == []


def test_what_does_not_end_is_killed(became: Execution, tmp_path: Path, runtime_dir: Path) -> None:
    environ = environ_of(became, tmp_path, STUBBORN)
    with running(became.command, environ, tmp_path / "out"):
        there = wait_for_floor(runtime_dir)
        ended = end_processes(runtime_dir, clean_s=0.3, hard_s=5)
        assert set(ended.stopped) == set(there)
        assert {process.name for process in ended.killed} >= {"trader", "simulator"}
        assert floor_processes(runtime_dir) == []


def test_whoever_waits_is_told_who_still_runs(capsys: pytest.CaptureFixture[str]) -> None:
    progress = Progress(lambda: [FloorProcess(7, "trader")])
    for took_s in (0.1, 1.9, 2.1, 2.2, 4.2):
        progress(took_s)
    assert capsys.readouterr().err.splitlines() == [
        "after 2 s there still run: trader (7)",
        "after 4 s there still run: trader (7)",
    ]


def test_what_a_killed_runner_left_behind_is_stopped_and_keeps_a_new_floor_from_starting(
    became: Execution, polybot: Command, tmp_path: Path, runtime_dir: Path
) -> None:
    environ = environ_of(became, tmp_path)
    with running(became.command, environ, tmp_path / "out") as runner:
        wait_for_floor(runtime_dir)
        os.kill(runner, signal.SIGKILL)
        os.waitpid(runner, 0)
        assert "what a killed floor left behind" in polybot("up", code=6).stderr
        polybot("down")
        assert floor_processes(runtime_dir) == []


def test_a_clean_and_a_hard_end_together_take_less_than_ten_seconds() -> None:
    assert CLEAN_S + HARD_S + LOCKS_S <= 10


def test_a_killed_process_comes_back(became: Execution, tmp_path: Path, runtime_dir: Path) -> None:
    with running(became.command, environ_of(became, tmp_path), tmp_path / "out"):
        before = {process.name: process.pid for process in wait_for_floor(runtime_dir)}
        time.sleep(1.1)
        os.kill(before["trader"], signal.SIGKILL)
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            now = {process.name: process.pid for process in floor_processes(runtime_dir)}
            if now.get("trader", before["trader"]) != before["trader"]:
                break
            time.sleep(0.05)
        assert now["trader"] != before["trader"]
        assert now["tracker"] == before["tracker"]


def test_a_lock_somebody_still_holds_is_no_end(state_dir: Path) -> None:
    locations = load(join_floor=True).locations
    refuse_held(locations)
    (state_dir / "trader").mkdir()
    lock = take_lock(state_dir / "trader")
    with pytest.raises(Late, match="was locked as trader"):
        refuse_held(locations, patience_s=0.2)
    os.close(lock)
    refuse_held(locations)


def test_a_lock_that_a_dying_process_lets_go_a_little_later_is_an_end(state_dir: Path) -> None:
    locations = load(join_floor=True).locations
    (state_dir / "trader").mkdir()
    release = threading.Timer(0.3, os.close, [take_lock(state_dir / "trader")])
    release.start()
    began = time.monotonic()
    refuse_held(locations)
    assert time.monotonic() - began >= 0.2
    release.join()


def test_only_root_may_stop_services(
    tmp_path: Path, runtime_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    units = systemctl(tmp_path, trader="active 12")
    monkeypatch.setattr(os, "geteuid", os.getuid if os.getuid() else lambda: 65534)
    with pytest.raises(CommandError, match=r"expected root, .*run: sudo polybot stop"):
        end_units(runtime_dir, units)
    assert units.running() != []


def test_services_are_stopped_by_systemd_and_the_rest_by_a_signal(
    became: Execution, tmp_path: Path, runtime_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    units = systemctl(tmp_path, trader="active 12", tracker="activating 0")
    with running(became.command, environ_of(became, tmp_path), tmp_path / "out"):
        there = wait_for_floor(runtime_dir)
        assert end_units(runtime_dir, units).stopped == tuple(there)
        assert floor_processes(runtime_dir) == []
    assert units.running() == []


def test_a_service_between_two_crashes_is_stopped_too(
    tmp_path: Path, runtime_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    units = systemctl(tmp_path, trader="activating 0", tracker="inactive 0")
    ended = end_units(runtime_dir, units)
    assert ended.stopped == (FloorProcess(0, "trader"),)
    assert named(ended.stopped) == "trader (about to start)"
    assert units.running() == []


def test_a_service_over_its_patience_is_late(
    tmp_path: Path, runtime_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(down, "UNITS_S", -1.0)
    with pytest.raises(Late, match="expected the services to end within"):
        end_units(runtime_dir, systemctl(tmp_path, trader="active 12"))


def test_a_service_that_comes_back_is_told(
    tmp_path: Path, runtime_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    units = systemctl(tmp_path, after_stop="activating 0", trader="active 12")
    with pytest.raises(Late, match=r"polybot-trader.service \(activating\)"):
        end_units(runtime_dir, units)


def test_where_no_service_runs_nothing_is_stopped(
    tmp_path: Path, runtime_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert end_units(runtime_dir, systemctl(tmp_path, trader="failed 0")) == Ended()
