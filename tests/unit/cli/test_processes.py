"""Tests of finding a floor's processes, in a /proc made for the test and in the real one."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from polybot.cli.processes import (
    RUNNER,
    FloorProcess,
    floor_processes,
    floor_runs,
    runner_is_alive,
    send,
    start_time,
)
from polybot.config.floor import FloorRecord, write_floor
from polybot.config.locations import Installation

CLONE = Installation(root=Path("/srv/my clone"), is_clone=True)
PYTHON = "/srv/my clone/.venv/bin/python"
RUNTIME = Path("/srv/my clone/var/run")


def add(
    proc: Path, pid: int, arguments: list[str], environ: dict[str, str], parent: int = 1
) -> None:
    entry = proc / str(pid)
    entry.mkdir(parents=True)
    (entry / "cmdline").write_bytes(b"".join(os.fsencode(each) + b"\0" for each in arguments))
    (entry / "stat").write_text(f"{pid} (a (strange) name) S {parent} 0 0\n")
    block = "".join(f"{name}={value}\0" for name, value in environ.items())
    (entry / "environ").write_bytes(os.fsencode(block))


def found(proc: Path, runtime: Path = RUNTIME) -> list[FloorProcess]:
    return floor_processes(runtime, installation=CLONE, proc=proc)


def test_the_runner_comes_first_and_then_its_processes(tmp_path: Path) -> None:
    environ = {"POLYBOT_RUNTIME_DIR": str(RUNTIME), "HOME": "/srv"}
    add(tmp_path, 8, [PYTHON, "-P", "-m", "polybot.cli.run", "trader"], environ)
    add(tmp_path, 9, [PYTHON, "-P", "-m", "supervisor.supervisord", "-n"], environ)
    add(tmp_path, 10, [PYTHON, "/srv/my clone/.venv/bin/polybot", "run", "tracker"], environ)
    assert found(tmp_path) == [
        FloorProcess(9, RUNNER),
        FloorProcess(8, "trader"),
        FloorProcess(10, "tracker"),
    ]


def test_a_child_that_still_looks_like_its_parent_is_not_counted_twice(tmp_path: Path) -> None:
    environ = {"POLYBOT_RUNTIME_DIR": str(RUNTIME)}
    arguments = [PYTHON, "-P", "-m", "polybot.cli.run", "trader"]
    add(tmp_path, 8, arguments, environ)
    add(tmp_path, 12, arguments, environ, parent=8)
    assert found(tmp_path) == [FloorProcess(8, "trader")]


def test_a_process_started_by_hand_uses_its_clones_own_directory(tmp_path: Path) -> None:
    add(tmp_path, 8, [PYTHON, "-m", "polybot.cli.run", "trader"], {})
    assert found(tmp_path) == [FloorProcess(8, "trader")]


@pytest.mark.parametrize(
    ("arguments", "environ"),
    [
        ([PYTHON, "-m", "polybot.cli.run", "trader"], {"POLYBOT_RUNTIME_DIR": "/elsewhere"}),
        (["/other/.venv/bin/python", "-m", "polybot.cli.run", "trader"], {}),
        ([PYTHON, "-m", "supervisor.supervisord"], {}),
        (["/usr/bin/vim", "polybot.cli.runner"], {"POLYBOT_RUNTIME_DIR": str(RUNTIME)}),
        ([], {}),
    ],
    ids=["another floor", "another clone", "another's supervisord", "an editor", "a zombie"],
)
def test_what_is_not_of_this_floor_is_left_alone(
    tmp_path: Path, arguments: list[str], environ: dict[str, str]
) -> None:
    add(tmp_path, 8, arguments, environ)
    assert found(tmp_path) == []


def test_a_process_that_ends_meanwhile_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "7").mkdir()
    (tmp_path / "meminfo").write_text("")
    assert found(tmp_path) == []
    send([FloorProcess(2**22 + 1, "trader")], signal.SIGTERM)


def test_a_real_process_is_found_and_signaled(tmp_path: Path) -> None:
    script = "import time; print('up', flush=True); time.sleep(60)"
    child = subprocess.Popen(
        [sys.executable, "-c", script, "polybot.cli.run", "trader"],
        env={**os.environ, "POLYBOT_RUNTIME_DIR": str(tmp_path)},
        stdout=subprocess.PIPE,
    )
    assert child.stdout is not None
    child.stdout.readline()
    assert floor_processes(tmp_path) == [FloorProcess(child.pid, "trader")]
    send(floor_processes(tmp_path), signal.SIGKILL)
    assert child.wait(timeout=10) == -signal.SIGKILL
    assert floor_processes(tmp_path) == []
    child.stdout.close()


def test_a_runner_is_known_by_when_it_started_not_by_its_pid_alone() -> None:
    mine = FloorRecord(
        pid=os.getpid(),
        pid_start=start_time(os.getpid()),
        mode="synthetic",
        state_dir="/s",
        runtime_dir="/r",
    )
    assert mine.pid_start > 0
    assert runner_is_alive(mine)
    reused = FloorRecord(
        pid=mine.pid, pid_start=mine.pid_start - 1, mode="synthetic", state_dir="/", runtime_dir="/"
    )
    assert not runner_is_alive(reused)


def test_a_floor_runs_while_the_runner_of_its_record_does(tmp_path: Path) -> None:
    assert not floor_runs(tmp_path)
    record = FloorRecord(
        pid=os.getpid(),
        pid_start=start_time(os.getpid()),
        mode="synthetic",
        state_dir="/s",
        runtime_dir=str(tmp_path),
    )
    write_floor(record)
    assert floor_runs(tmp_path)
    write_floor(msgspec.structs.replace(record, pid_start=1))
    assert not floor_runs(tmp_path)


def test_a_process_that_is_not_there_started_never() -> None:
    assert start_time(2**22 + 1) == 0
