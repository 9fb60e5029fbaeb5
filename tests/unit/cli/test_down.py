"""Tests of `polybot down`, on floors of real processes."""

import os
import signal
import time
from pathlib import Path

import pytest

from polybot.cli.down import CLEAN_S, HARD_S, stop_floor
from polybot.cli.exits import Exit
from polybot.cli.processes import floor_processes
from polybot.cli.up import Wishes, start_floor
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
    assert out.endswith("nothing of the floor is running any more\n")
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


def test_what_does_not_end_is_killed(
    became: Execution, tmp_path: Path, runtime_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    environ = environ_of(became, tmp_path, STUBBORN)
    with running(became.command, environ, tmp_path / "out"):
        wait_for_floor(runtime_dir)
        assert stop_floor(runtime_dir, clean_s=0.3, hard_s=5) is Exit.OK
        assert "killed, because it did not end by itself: " in capsys.readouterr().out
        assert floor_processes(runtime_dir) == []


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
    assert CLEAN_S + HARD_S < 10


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
