"""Tests of `polybot up`: what it checks, writes and becomes."""

import json
import os
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from polybot.cli.exits import Refused
from polybot.cli.processes import runner_is_alive
from polybot.cli.up import Wishes, overrides, own_command, start_floor
from polybot.config.floor import read_floor
from polybot.config.locations import PROCESSES
from polybot.errors import ConfigError
from tests.unit.cli.conftest import Command
from tests.unit.cli.runner import fake_python, running, wait_for_floor


class Execution:
    """Notes what `polybot up` would become."""

    def __init__(self) -> None:
        self.command: list[str] = []
        self.environ: dict[str, str] = {}

    def __call__(self, path: str, command: list[str], environ: dict[str, str]) -> None:
        assert path == command[0]
        self.command, self.environ = command, environ


@pytest.fixture
def became(state_dir: Path) -> Execution:
    return Execution()


def test_it_becomes_supervisord_with_every_place_named_outright(
    became: Execution, state_dir: Path, runtime_dir: Path
) -> None:
    start_floor(Wishes(), {**os.environ, "NOTIFY_SOCKET": "/run/x"}, became)
    assert became.command[:5] == [sys.executable, "-P", "-m", "supervisor.supervisord", "-n"]
    named = {name: value for name, value in became.environ.items() if name.startswith("POLYBOT")}
    assert named == {
        "POLYBOT_CONFIG": str(state_dir.parent / "polybot.toml"),
        "POLYBOT_STATE_DIR": str(state_dir),
        "POLYBOT_RUNTIME_DIR": str(runtime_dir),
        "POLYBOT__MODE": "synthetic",
        "POLYBOT__SIMULATOR__RECORDINGS": "",
        "POLYBOT_FLOOR_PYTHON": sys.executable,
        "POLYBOT_FLOOR_RUNNER": str(os.getpid()),
        "POLYBOT_FLOOR_SIMULATOR": "true",
    }
    assert "NOTIFY_SOCKET" not in became.environ


def test_its_record_lets_any_terminal_find_the_floor(
    became: Execution, state_dir: Path, runtime_dir: Path
) -> None:
    start_floor(Wishes(speed=50.0), dict(os.environ), became)
    record = read_floor(runtime_dir)
    assert record is not None
    assert (record.mode, record.speed, record.state_dir) == ("synthetic", 50.0, str(state_dir))
    assert runner_is_alive(record)
    assert became.environ["POLYBOT__SIMULATOR__SPEED"] == "50.0"


def test_the_directories_are_made_for_this_user_alone(
    became: Execution, state_dir: Path, runtime_dir: Path
) -> None:
    state_dir.rmdir()
    start_floor(Wishes(), dict(os.environ), became)
    for directory in (state_dir, runtime_dir):
        assert stat.S_IMODE(directory.stat().st_mode) == 0o700


def test_the_greeting_says_what_runs_and_what_to_try(
    became: Execution, capsys: pytest.CaptureFixture[str], state_dir: Path
) -> None:
    start_floor(Wishes(seed=11), dict(os.environ), became)
    out = capsys.readouterr().out
    assert "synthetic mode, a synthetic market, seed 11" in out
    assert f"state    {state_dir}" in out
    assert "a new one" in out
    assert "polybot status" in out


def test_the_greeting_says_that_a_second_run_continues(
    became: Execution, capsys: pytest.CaptureFixture[str], state_dir: Path
) -> None:
    (state_dir / "trader").mkdir()
    start_floor(Wishes(), dict(os.environ), became)
    assert "continues where the last run ended" in capsys.readouterr().out


def test_the_greeting_names_the_command_as_this_shell_finds_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = Path(sys.executable).with_name("polybot")
    monkeypatch.setenv("PATH", str(path.parent))
    assert own_command() == "polybot"
    monkeypatch.setenv("PATH", "/usr/bin")
    monkeypatch.chdir(tmp_path)
    assert own_command() == str(path)
    monkeypatch.chdir(path.parents[2])
    assert own_command() == str(path.relative_to(path.parents[2]))


def test_a_taken_port_is_refused_before_anything_is_written(
    polybot: Command, monkeypatch: pytest.MonkeyPatch, runtime_dir: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        taken = f"127.0.0.1:{listening.getsockname()[1]}"
        monkeypatch.setenv("POLYBOT__SIMULATOR__LISTEN", taken)
        told = polybot("up", code=1).stderr
    assert told.startswith(f"polybot: cannot listen on {taken}: Address already in use; stop")
    assert len(told.splitlines()) == 1
    assert read_floor(runtime_dir) is None


def test_recordings_are_replayed_from_anywhere(
    became: Execution, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "my data").mkdir()
    (tmp_path / "my data" / "windows.csv").write_text("slug\n")
    monkeypatch.chdir(tmp_path)
    start_floor(Wishes(recordings="my data"), dict(os.environ), became)
    assert became.environ["POLYBOT__MODE"] == "replay"
    assert became.environ["POLYBOT__SIMULATOR__RECORDINGS"] == str(tmp_path / "my data")


def test_what_is_not_wished_for_is_left_alone() -> None:
    assert overrides(Wishes()) == {}


def test_recordings_that_are_not_there_are_a_configuration_error(
    became: Execution, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match="which is none"):
        start_floor(Wishes(recordings=str(tmp_path / "absent")), dict(os.environ), became)
    assert became.command == []


def test_the_state_of_another_kind_of_floor_is_refused(became: Execution, tmp_path: Path) -> None:
    start_floor(Wishes(), dict(os.environ), became)
    (tmp_path / "windows.csv").write_text("slug\n")
    with pytest.raises(Refused, match="was that of synthetic"):
        start_floor(Wishes(recordings=str(tmp_path)), dict(os.environ), became)


def test_live_mode_is_refused_until_it_can_be_armed(
    polybot: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POLYBOT__MODE", "live")
    monkeypatch.setenv("PRIVATE_KEY", "0x" + "1" * 64)
    for name in ("CLOB", "GAMMA", "DATA"):
        monkeypatch.setenv(f"POLYBOT__EXCHANGE__{name}_URL", "https://x.example.org")
    for name in ("MARKET", "USER", "PRICE"):
        monkeypatch.setenv(f"POLYBOT__EXCHANGE__WS_{name}_URL", "wss://x.example.org")
    assert "live mode is refused" in polybot("up", code=6).stderr


def start_real(runtime_dir: Path, tmp_path: Path, became: Execution) -> dict[str, str]:
    start_floor(Wishes(), dict(os.environ), became)
    return {**became.environ, "POLYBOT_FLOOR_PYTHON": str(fake_python(tmp_path))}


def test_what_it_becomes_runs_every_process_and_a_second_floor_is_refused(
    became: Execution, tmp_path: Path, runtime_dir: Path, polybot: Command
) -> None:
    environ = start_real(runtime_dir, tmp_path, became)
    with running(became.command, environ, tmp_path / "out"):
        processes = {process.name: process.pid for process in wait_for_floor(runtime_dir)}
        starting = json.loads(polybot("status", "--json").stdout)["processes"]
        assert [(each["verdict"], each["pid"]) for each in starting] == [
            ("late", processes[name]) for name in PROCESSES
        ]
        assert polybot("windows").stdout == "no window yet\n"
        assert stat.S_IMODE((runtime_dir / "supervisor.sock").stat().st_mode) == 0o700
        result = polybot("up", code=6)
        assert "a floor is already running here: runner (pid " in result.stderr
        assert "polybot down" in result.stderr
    assert "trader started in synthetic mode" in (tmp_path / "out").read_text()


def test_without_a_simulated_exchange_there_is_no_simulator(
    became: Execution, tmp_path: Path, runtime_dir: Path
) -> None:
    environ = start_real(runtime_dir, tmp_path, became) | {"POLYBOT_FLOOR_SIMULATOR": "false"}
    with running(became.command, environ, tmp_path / "out"):
        wait_for_floor(runtime_dir, ("tracker", "trader", "reflector", "watchdog"))


PREPARE = (
    "from polybot.cli.up import prepare_output; import os, subprocess\n"
    "prepare_output()\n"
    "subprocess.run(['sh', '-c', 'echo from another > /dev/fd/1'], check=True)\n"
    "os.write(1, b'from itself\\n')\n"
)


def test_lines_of_all_processes_reach_a_file(tmp_path: Path) -> None:
    with (tmp_path / "out").open("wb") as file:
        file.write(b"before\n")
        file.flush()
        # >> as supervisord opens it; what is written through the first descriptor comes after.
        script = PREPARE.replace("> /dev/fd/1", ">> /dev/fd/1")
        subprocess.run([sys.executable, "-c", script], stdout=file, check=True, timeout=60)
    assert (tmp_path / "out").read_text() == "before\nfrom another\nfrom itself\n"


def test_lines_of_all_processes_reach_a_socket(tmp_path: Path) -> None:
    ours, theirs = socket.socketpair()
    child = subprocess.Popen([sys.executable, "-c", PREPARE], stdout=theirs.fileno())
    theirs.close()
    with ours, ours.makefile("rb") as reading:
        assert sorted(reading.read().splitlines()) == [b"from another", b"from itself"]
    assert child.wait(timeout=60) == 0


def test_the_record_is_readable_json(became: Execution, runtime_dir: Path) -> None:
    start_floor(Wishes(), dict(os.environ), became)
    record = json.loads((runtime_dir / "floor.json").read_text())
    assert {"pid", "mode", "state_dir", "runtime_dir", "config", "recordings", "speed"} <= set(
        record
    )
