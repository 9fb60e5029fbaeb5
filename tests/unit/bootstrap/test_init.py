import subprocess
import sys
from pathlib import Path

import pytest

from polybot.adapters.start_notes import StartNotes
from polybot.bootstrap import for_process, run_process
from polybot.config.locations import PROCESSES
from polybot.errors import ConfigError
from tests.unit.bootstrap.one_process import OneProcess, configured, surroundings


def test_a_wrong_configuration_is_refused_before_anything_is_opened(
    tmp_path: Path, runtime_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = {"POLYBOT__RISK__MAX_OPEN_ORDERS": "none", "POLYBOT__SIMULATOR__SPEED": "0"}
    state_dir = tmp_path / "state"
    places = surroundings(tmp_path, runtime_dir) | {"POLYBOT_STATE_DIR": str(state_dir)}
    for name, value in (places | wrong).items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ConfigError) as refused:
        run_process("tracker")
    assert [problem.partition(":")[0] for problem in refused.value.problems] == [
        "risk.max_open_orders",
        "simulator.speed",
    ]
    assert not state_dir.exists()
    assert list(runtime_dir.iterdir()) == []


def test_a_process_loads_its_own_module_and_no_other_processs(
    tmp_path: Path, runtime_dir: Path
) -> None:
    with OneProcess("reflector", tmp_path, runtime_dir) as reflector:
        pass
    assert reflector.exit_code == 0, reflector.log
    modules = {f"polybot.bootstrap.{name}" for name in PROCESSES}
    assert modules & reflector.modules == {"polybot.bootstrap.reflector"}


# What only a slip of the pen, a file to replace or a signature needs, with all that comes with it.
LATE = ("difflib", "aiohttp", "picows", "openai", "py_clob_client")
UNSIGNED = (*LATE, "tempfile", "lzma", "ctypes", "Crypto", "coincurve")


@pytest.mark.parametrize(
    ("process", "late"),
    [("trader", LATE), ("tracker", UNSIGNED), ("reflector", UNSIGNED), ("watchdog", UNSIGNED)],
)
def test_a_start_loads_nothing_it_does_not_need(process: str, late: tuple[str, ...]) -> None:
    code = f"import sys, polybot.cli.run, polybot.bootstrap.{process}; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    assert [name for name in late if name in loaded] == []


def test_what_keeps_a_process_from_starting_is_one_line_with_time_and_level(
    tmp_path: Path, runtime_dir: Path
) -> None:
    state_dir = tmp_path / "state"
    state_dir.touch()
    done = subprocess.run(
        [sys.executable, "-m", "polybot.cli.run", "tracker"],
        env=surroundings(tmp_path, runtime_dir) | {"POLYBOT_STATE_DIR": str(state_dir)},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert " CRITICAL tracker: tracker cannot start: " in line
    assert "a file is where a directory should be; move it away" in line


def test_the_configured_level_decides_what_is_logged(tmp_path: Path, runtime_dir: Path) -> None:
    with OneProcess("reflector", tmp_path, runtime_dir, LOG_LEVEL="error") as reflector:
        pass
    assert reflector.exit_code == 0
    assert reflector.log == ""


@pytest.mark.parametrize("process", PROCESSES)
def test_only_the_trader_gets_the_private_key(
    tmp_path: Path, runtime_dir: Path, process: str
) -> None:
    key = "0x" + "22" * 32
    loaded = configured(tmp_path, runtime_dir, POLYBOT__MODE="live", POLYMARKET_PRIVATE_KEY=key)
    seen = for_process(process, loaded)
    assert (seen.config.wallet.private_key == key) is (process == "trader")
    assert (key in seen.values.values()) is (process == "trader")
    assert seen.hash == loaded.hash


@pytest.mark.parametrize("process", ["tracker", "reflector", "watchdog", "trader"])
def test_in_live_mode_only_the_trader_needs_the_private_key(
    tmp_path: Path, runtime_dir: Path, process: str
) -> None:
    code = (
        f"import sys, polybot.bootstrap.{process} as module; module.run = lambda *_: 0;"
        f"from polybot.cli.run import run; sys.exit(run('{process}'))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=surroundings(tmp_path, runtime_dir) | {"POLYBOT__MODE": "live"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == (78 if process == "trader" else 0), done.stderr


@pytest.mark.parametrize("sent", ["SIGTERM", "SIGINT"])
def test_a_stop_before_the_daemon_handles_it_is_a_clean_end(
    tmp_path: Path, runtime_dir: Path, sent: str
) -> None:
    code = (
        "import os, signal, sys, polybot.bootstrap.reflector as module;"
        f"module.run = lambda *_: os.kill(os.getpid(), signal.{sent}) or 1;"
        "from polybot.cli.run import run; sys.exit(run('reflector'))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=surroundings(tmp_path, runtime_dir),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    loaded = configured(tmp_path, runtime_dir)
    note = StartNotes(loaded.locations.process_dir("reflector")).read()
    assert note is not None
    assert note.ended
