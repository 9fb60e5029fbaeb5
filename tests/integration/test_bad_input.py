"""Bad input to real processes: one clear line, the right exit code, and nothing lost."""

import json
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.integration.books import assert_equal_books
from tests.integration.floor import Floor
from tests.integration.test_synthetic_floor import is_new

pytestmark = pytest.mark.floor

DAEMON_CONFIG_EXIT = 78
COMMAND_CONFIG_EXIT = 4
ERROR_EXIT = 1


@pytest.fixture
def runtime() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="pbb-", dir="/tmp") as directory:
        yield Path(directory)


def run(
    process: str, state: Path, runtime: Path, **settings: str
) -> subprocess.CompletedProcess[str]:
    """Run one process on directories of its own until it ends by itself."""
    environ = {name: value for name, value in os.environ.items() if "POLYBOT" not in name}
    environ |= {"POLYBOT_STATE_DIR": str(state), "POLYBOT_RUNTIME_DIR": str(runtime), **settings}
    return subprocess.run(
        [sys.executable, "-P", "-m", "polybot.cli.run", process],
        env=environ,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def last_line(done: subprocess.CompletedProcess[str]) -> str:
    """Return the last line a process said."""
    assert "Traceback" not in done.stderr, done.stderr
    return done.stderr.strip().splitlines()[-1]


def test_every_configuration_error_is_listed_with_key_value_range_and_nearest_key(
    new_floor: Callable[..., Floor],
) -> None:
    toml = '[risk]\nmax_order_usdc = -5\nmax_ordr_usdc = 1\n[simulator]\nspeed = "fast"\n'
    floor = new_floor(toml=toml)
    command = floor.command("up")
    assert command.returncode == COMMAND_CONFIG_EXIT
    daemon = run(
        "trader", floor.root / "s", floor.runtime, POLYBOT_CONFIG=floor.environ["POLYBOT_CONFIG"]
    )
    assert daemon.returncode == DAEMON_CONFIG_EXIT
    for said in (command.stderr, daemon.stderr):
        lines = [line for line in said.splitlines() if "expected" in line or "unknown" in line]
        assert len(lines) >= 3, said
        assert any("max_order_usdc" in line and "-5" in line for line in lines)
        assert any("max_ordr_usdc" in line and "max_order_usdc" in line for line in lines)
        assert any("simulator.speed" in line and "fast" in line for line in lines)


def test_a_taken_port_is_one_line_that_says_what_to_do(tmp_path: Path, runtime: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        listen = {"POLYBOT__SIMULATOR__LISTEN": f"127.0.0.1:{port}"}
        done = run("simulator", tmp_path / "state", runtime, **listen)
    assert done.returncode == ERROR_EXIT
    told = next(line for line in done.stderr.splitlines() if str(port) in line)
    assert "simulator.listen" in told


def test_a_state_directory_that_is_a_file_is_one_line(tmp_path: Path, runtime: Path) -> None:
    (tmp_path / "state").write_text("not a directory")
    done = run("tracker", tmp_path / "state", runtime)
    assert done.returncode == ERROR_EXIT
    assert str(tmp_path / "state") in last_line(done)


def test_a_runtime_path_too_long_for_a_socket_names_the_setting(tmp_path: Path) -> None:
    done = run("watchdog", tmp_path / "state", tmp_path / ("long" * 30))
    assert done.returncode in (ERROR_EXIT, DAEMON_CONFIG_EXIT)
    assert "POLYBOT_RUNTIME_DIR" in done.stderr


def test_a_damaged_checkpoint_loses_nothing_that_was_durable(
    new_floor: Callable[..., Floor],
) -> None:
    floor = new_floor()
    floor.start()
    floor.wait("five processes alive", floor.all_alive, timeout_s=60)
    floor.wait("a trade", lambda: floor.json("trades"), timeout_s=240)
    trader = floor.root / "state" / "trader"
    floor.wait("two checkpoints", lambda: len(checkpoints(trader)) > 1, timeout_s=60)
    floor.stop()

    checkpoints(trader)[-1].write_text("{ torn")
    floor.start()
    floor.wait("five processes alive again", floor.all_alive, timeout_s=60)
    assert "damaged" in floor.log_tail(2000) or "unreadable" in floor.log_tail(2000)
    assert_equal_books(floor)
    assert floor.command("audit").returncode == 0


def test_frames_that_nobody_can_read_are_counted_and_never_fatal(
    new_floor: Callable[..., Floor],
) -> None:
    floor = new_floor()
    floor.start()
    alive = floor.wait("five processes alive", floor.all_alive, timeout_s=60)
    import zmq  # noqa: PLC0415 - only this test speaks to the sockets by hand

    context = zmq.Context()
    dealer = context.socket(zmq.DEALER)
    dealer.connect(f"ipc://{floor.runtime}/trader.rpc")
    for junk in (b"", b"{", b'{"v":99}', b"\xff" * 100_000, json.dumps({"v": 1}).encode()):
        dealer.send(junk)
    assert dealer.poll(5000)
    context.destroy(linger=0)
    still = floor.wait("five processes alive still", floor.all_alive, timeout_s=30)
    assert still["trader"]["pid"] == alive["trader"]["pid"]
    assert not is_new(floor, "trader", int(alive["trader"]["pid"]))


def checkpoints(directory: Path) -> list[Path]:
    """Return a process's checkpoints, oldest first."""
    return sorted(directory.glob("checkpoint-*.json"))
