"""Tests of finding a floor's processes, in a /proc made for the test and in the real one."""

import fcntl
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest

from polybot.cli.processes import (
    RUNNER,
    FloorProcess,
    floor_processes,
    floor_runs,
    held_locks,
    how_to_start,
    runner_is_alive,
    send,
    start_time,
)
from polybot.config.floor import FloorRecord, write_floor
from polybot.config.load import load
from polybot.config.locations import Installation
from polybot.runtime.journal_lock import take_lock

INSTALLED = Installation(root=Path("/etc/polybot"), is_clone=False)
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


@contextmanager
def started_trader(runtime_dir: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """Run a process that looks like the trader of a floor; it is gone at the end."""
    script = "import time; print('up', flush=True); time.sleep(60)"
    child = subprocess.Popen(
        [sys.executable, "-c", script, "polybot.cli.run", "trader"],
        env={**os.environ, "POLYBOT_RUNTIME_DIR": str(runtime_dir)},
        stdout=subprocess.PIPE,
    )
    with child:
        try:
            assert child.stdout is not None
            child.stdout.readline()
            yield child
        finally:
            child.kill()


def test_a_real_process_is_found_and_signaled(tmp_path: Path) -> None:
    with started_trader(tmp_path) as child:
        assert floor_processes(tmp_path) == [FloorProcess(child.pid, "trader")]
        send(floor_processes(tmp_path), signal.SIGKILL)
        assert child.wait(timeout=10) == -signal.SIGKILL
        assert floor_processes(tmp_path) == []


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


@pytest.fixture
def closed_proc() -> Iterator[Path]:
    """Make a /proc in which no environment may be read, as with PrivateUsers= or another user's."""
    with tempfile.TemporaryDirectory() as made:
        proc = Path(made)
        proc.chmod(0o755)
        python = "/opt/polybot/0.2.0+1a2b3c4d/.venv/bin/python"
        for pid, name, unit in (
            (8, "trader", "polybot-trader.service"),
            (9, "tracker", "user@1000.service"),
        ):
            add(proc, pid, [python, "-P", "-m", "polybot.cli.run", name], {})
            (proc / str(pid) / "cgroup").write_text(f"0::/polybot.slice/{unit}\n")
            for path in (proc / str(pid), *(proc / str(pid)).iterdir()):
                path.chmod(0o755)
            (proc / str(pid) / "environ").chmod(0)
        if os.geteuid():
            yield proc
            return
        os.seteuid(65534)
        try:
            yield proc
        finally:
            os.seteuid(0)


def test_a_service_whose_environment_is_closed_is_known_by_its_unit(closed_proc: Path) -> None:
    runtime = Path("/run/polybot")
    found = floor_processes(runtime, installation=INSTALLED, proc=closed_proc)
    assert found == [FloorProcess(8, "trader")]
    assert floor_processes(RUNTIME, installation=INSTALLED, proc=closed_proc) == []


def test_a_clone_takes_no_service_for_its_own(closed_proc: Path) -> None:
    assert floor_processes(RUNTIME, installation=CLONE, proc=closed_proc) == []


def test_a_process_started_by_the_installed_command_is_found(tmp_path: Path) -> None:
    python = "/opt/polybot/0.2.0+1a2b3c4d/.venv/bin/python"
    add(tmp_path, 8, [python, "-P", "-m", "polybot.cli.main", "run", "trader"], {})
    add(tmp_path, 9, [python, "-P", "-m", "polybot.cli.main", "status"], {})
    add(tmp_path, 10, [python, "-P", "-m", "polybot.cli.main", "why", "run"], {})
    found = floor_processes(Path("/run/polybot"), installation=INSTALLED, proc=tmp_path)
    assert found == [FloorProcess(8, "trader")]


def test_an_installed_floor_runs_while_a_process_of_it_does(tmp_path: Path) -> None:
    with started_trader(tmp_path):
        assert floor_runs(tmp_path, installation=INSTALLED)
        # In a clone the record says it: a process alone may be what a killed floor left behind.
        assert not floor_runs(tmp_path, installation=CLONE)
    assert not floor_runs(tmp_path, installation=INSTALLED)


def test_locks_that_are_held_are_told_by_process(state_dir: Path, runtime_dir: Path) -> None:
    locations = load(join_floor=True).locations
    assert held_locks(locations) == []
    (state_dir / "tracker").mkdir()
    lock = take_lock(state_dir / "tracker")
    other = os.open(runtime_dir / "watchdog.rpc.lock", os.O_RDWR | os.O_CREAT)
    fcntl.flock(other, fcntl.LOCK_EX)
    assert held_locks(locations) == ["tracker", "watchdog"]
    for descriptor in (lock, other):
        os.close(descriptor)
    assert held_locks(locations) == []


def test_how_a_floor_is_started_depends_on_who_keeps_it() -> None:
    assert how_to_start(CLONE) == "polybot up"
    assert how_to_start(INSTALLED) == "sudo systemctl start polybot.target"
