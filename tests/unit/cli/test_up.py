"""Tests of `polybot up`: what it checks, writes and becomes."""

import json
import os
import socket
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from polybot.adapters.arming_files import ArmingFile
from polybot.cli.exits import CommandError, Refused
from polybot.cli.output import moment
from polybot.cli.processes import runner_is_alive
from polybot.cli.up import (
    Wishes,
    find_runner_config,
    overrides,
    own_command,
    refuse_service_floor,
    start_floor,
)
from polybot.config.floor import read_floor
from polybot.config.load import load
from polybot.config.locations import ALLOCATOR, PROCESSES, Installation
from polybot.domain.arming import Arming
from polybot.errors import ConfigError
from polybot.exchange.signing import OrderSigner
from tests.unit.cli.conftest import Command
from tests.unit.cli.runner import fake_python, running, wait_for_floor
from tests.unit.cli.surroundings import KEY


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
    assert became.environ.items() >= ALLOCATOR.items()


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


@pytest.fixture
def live(monkeypatch: pytest.MonkeyPatch) -> None:
    """Set live mode up, with hosts nobody asks in these tests."""
    monkeypatch.setenv("POLYBOT__MODE", "live")
    monkeypatch.setenv("PRIVATE_KEY", KEY)


def test_live_mode_starts_without_a_simulator_and_says_loudly_that_it_is_not_armed(
    became: Execution, live: None, capsys: pytest.CaptureFixture[str]
) -> None:
    del live
    start_floor(Wishes(), dict(os.environ), became)
    assert became.environ["POLYBOT__MODE"] == "live"
    assert became.environ["POLYBOT_FLOOR_SIMULATOR"] == "false"
    said = capsys.readouterr().out
    assert "live mode, REAL orders with real money" in said
    assert "\nNOT ARMED run: polybot arm; only what reduces risk is sent" in said


def test_a_simulated_floor_s_processes_do_not_inherit_a_real_key(
    became: Execution, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("PRIVATE_KEY", "POLYMARKET_PRIVATE_KEY", "POLYBOT__WALLET__PRIVATE_KEY"):
        monkeypatch.setenv(name, KEY)
    start_floor(Wishes(), dict(os.environ), became)
    assert KEY not in became.environ.values()
    assert "every process" not in capsys.readouterr().err


def test_a_live_floor_warns_of_a_key_that_every_process_inherits(
    became: Execution, live: None, capsys: pytest.CaptureFixture[str]
) -> None:
    del live
    start_floor(Wishes(), dict(os.environ), became)
    said = capsys.readouterr().err
    assert "PRIVATE_KEY is in the environment, which every process of the floor inherits" in said
    assert KEY not in said


def test_live_mode_says_until_when_it_is_armed(
    became: Execution, live: None, state_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    del live
    now_ns = time.time_ns()
    ArmingFile(state_dir).write(
        Arming(
            funder=OrderSigner(KEY).address,
            signature_type=0,
            versions=("v1",),
            armed_ns=now_ns,
            expires_ns=now_ns + 86_400_000_000_000,
            by="me",
        )
    )
    start_floor(Wishes(), dict(os.environ), became)
    assert f"\nARMED    until {moment(now_ns + 86_400_000_000_000)}" in capsys.readouterr().out


def test_a_wrong_wallet_keeps_live_mode_from_starting(
    became: Execution, live: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    del live
    monkeypatch.setenv("PRIVATE_KEY", "nonsense")
    with pytest.raises(ConfigError, match=r"wallet\.private_key"):
        start_floor(Wishes(), dict(os.environ), became)
    assert became.command == []


def test_a_real_market_takes_no_speed(became: Execution, live: None) -> None:
    del live
    with pytest.raises(CommandError, match="no --speed in live mode"):
        start_floor(Wishes(speed=2.0), dict(os.environ), became)


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
        assert "polybot stop" in result.stderr
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


def test_paper_mode_names_the_feed_it_mirrors(
    became: Execution, capsys: pytest.CaptureFixture[str], runtime_dir: Path
) -> None:
    start_floor(Wishes(), {**os.environ, "POLYBOT__MODE": "paper"}, became)
    out = capsys.readouterr().out
    assert "paper mode, the mirrored market of polymarket.com, simulated fills" in out
    assert "speed    the mirrored market's own" in out
    assert became.environ["POLYBOT_FLOOR_SIMULATOR"] == "true"
    record = read_floor(runtime_dir)
    assert record is not None
    assert (record.mode, record.speed) == ("paper", 1.0)


def test_paper_mode_names_another_exchange_by_its_address(
    became: Execution, capsys: pytest.CaptureFixture[str], state_dir: Path
) -> None:
    (state_dir.parent / "polybot.toml").write_text(
        '[feed]\nclob_url = "http://127.0.0.1:9"\n'
        'gamma_url = "http://127.0.0.1:9"\nws_market_url = "ws://127.0.0.1:9/ws/market"\n'
    )
    start_floor(Wishes(), {**os.environ, "POLYBOT__MODE": "paper"}, became)
    assert "the mirrored market of 127.0.0.1:9" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("wishes", "option"), [(Wishes(speed=5.0), "--speed"), (Wishes(seed=3), "--seed")]
)
def test_a_mirrored_market_takes_no_speed_and_no_seed(
    became: Execution, runtime_dir: Path, wishes: Wishes, option: str
) -> None:
    with pytest.raises(CommandError, match=f"expected no {option} in paper mode"):
        start_floor(wishes, {**os.environ, "POLYBOT__MODE": "paper"}, became)
    assert became.command == []
    assert read_floor(runtime_dir) is None


@pytest.mark.usefixtures("state_dir")
def test_half_a_feed_is_refused_with_what_is_missing(became: Execution) -> None:
    environ = {
        **os.environ,
        "POLYBOT__MODE": "paper",
        "POLYBOT__FEED__GAMMA_URL": "http://127.0.0.1:9",
    }
    with pytest.raises(ConfigError) as refused:
        start_floor(Wishes(), environ, became)
    assert [problem.partition(":")[0] for problem in refused.value.problems] == [
        "feed.clob_url",
        "feed.ws_market_url",
    ]


def test_an_installation_s_own_floor_is_started_by_systemd(
    became: Execution, runtime_dir: Path
) -> None:
    del became
    installed = Installation(root=Path("/etc/polybot"), is_clone=False)
    own = {"POLYBOT__MODE": "synthetic"}
    for environ in (own, {**own, "POLYBOT_RUNTIME_DIR": str(runtime_dir)}):
        with pytest.raises(Refused, match=r"run: sudo systemctl start polybot\.target"):
            refuse_service_floor(load(environ, installation=installed))
    another = {**own, "POLYBOT_RUNTIME_DIR": str(runtime_dir), "POLYBOT_STATE_DIR": "/srv/b"}
    refuse_service_floor(load(another, installation=installed))


def test_an_installation_takes_the_runners_configuration_of_its_own_release(
    state_dir: Path, tmp_path: Path
) -> None:
    del state_dir
    loaded = load(installation=Installation(root=tmp_path, is_clone=False))
    shipped = Path(__file__).resolve().parents[3] / "config" / "supervisord.conf"
    assert find_runner_config(loaded) == shipped
    (tmp_path / "supervisord.conf").write_text("")
    assert find_runner_config(loaded) == tmp_path / "supervisord.conf"
