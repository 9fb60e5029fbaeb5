"""Bad input to real processes: one clear line, the right exit code, and nothing lost."""

import contextlib
import json
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import zmq
from websockets.sync.client import connect

from polybot.runtime.journal import Journal
from polybot.runtime.journal_format import StoredRecord, decode_record
from polybot.runtime.journal_segment import list_segments
from tests.integration.books import assert_equal_books
from tests.integration.floor import DRILL, Floor

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
    floor = new_floor(toml=DRILL)
    floor.start_alive()
    floor.wait("a trade", lambda: floor.json("trades"), timeout_s=240)
    trader = floor.root / "state" / "trader"
    floor.wait("two checkpoints", lambda: len(checkpoints(trader)) > 1, timeout_s=60)
    floor.stop()

    checkpoints(trader)[-1].write_text("{ torn")
    floor.start_alive()
    assert "damaged" in floor.log_tail(2000) or "unreadable" in floor.log_tail(2000)
    assert_equal_books(floor)
    assert floor.command("audit").returncode == 0


def test_torn_and_changed_files_of_three_processes_lose_nothing_that_was_durable(
    new_floor: Callable[..., Floor],
) -> None:
    floor = new_floor(toml=DRILL)
    floor.start_alive()
    floor.wait("a trade", lambda: floor.json("trades"), timeout_s=240)
    state = floor.root / "state"
    books = state / "simulator" / "exchange"
    floor.wait("checkpoints", lambda: checkpoints(state / "trader") and checkpoints(books), 60)
    floor.stop()

    # What a power cut leaves behind, what a bad disk does to a record long covered by a checkpoint,
    # and a checkpoint that cannot be read.
    tear(state / "tracker")
    tear(books)
    change(state / "trader", number=2)
    checkpoints(books)[-1].write_text("{ torn")
    floor.start_alive()
    told = floor.log_tail(2000)
    assert f"torn tail in {state}/tracker/" in told
    assert f"torn tail in {books}/" in told
    assert f"changed record in {state}/trader/" in told
    assert f"{checkpoints(books)[-1].parent}/checkpoint-" in told
    assert "is used instead" in told
    assert_equal_books(floor)
    assert floor.command("audit").returncode == 0
    # The damage is still there for a person to see.
    assert floor.command("journal", "verify").returncode == ERROR_EXIT


def test_a_changed_record_that_nothing_else_holds_is_refused_in_one_line(
    tmp_path: Path, runtime: Path
) -> None:
    journal = Journal.open(tmp_path / "trader")
    for number in range(3):
        journal.append(b'{"number":%d}' % number)
    journal.close()
    change(tmp_path / "trader", number=3)
    done = run("trader", tmp_path, runtime)
    assert done.returncode == ERROR_EXIT
    assert "changed record in" in last_line(done)
    assert "Restore this file from a backup" in last_line(done)


@pytest.mark.parametrize("process", ["simulator", "trader", "tracker", "reflector", "watchdog"])
def test_a_full_disk_at_the_start_is_one_line_that_says_to_free_space(
    small_disk: Path, runtime: Path, process: str
) -> None:
    fill(small_disk)
    done = run(process, small_disk / "state", runtime)
    assert done.returncode == ERROR_EXIT
    assert "free space on this disk" in last_line(done)


def test_a_disk_that_fills_up_stops_nothing_for_good(
    new_floor: Callable[..., Floor], small_disk: Path
) -> None:
    state = small_disk / "state"
    floor = new_floor(POLYBOT_STATE_DIR=str(state), POLYBOT__WATCHDOG__MIN_DISK_MB="1")
    alive = floor.start_alive()
    fill(small_disk)
    floor.wait("a full disk", lambda: "No space left" in floor.log_tail(2000), timeout_s=60)
    floor.wait("no entries", lambda: floor.json("status")["trading_state"] == "REDUCING", 60)
    (small_disk / "fill").unlink()
    floor.wait("trading again", lambda: floor.json("status")["trading_state"] == "ACTIVE", 60)
    still = floor.wait("five processes alive still", floor.all_alive, timeout_s=60)
    assert {name: each["pid"] for name, each in still.items()} == {
        name: each["pid"] for name, each in alive.items()
    }
    assert floor.command("audit").returncode == 0
    assert "Traceback" not in floor.log_tail(5000)


def test_a_state_directory_that_cannot_be_written_is_one_line(
    small_disk: Path, runtime: Path
) -> None:
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    done = run("watchdog", small_disk / "state", runtime)
    assert done.returncode == ERROR_EXIT
    assert "make it writable for this user, or set POLYBOT_STATE_DIR" in last_line(done)


def test_frames_that_nobody_can_read_are_counted_and_never_fatal(
    new_floor: Callable[..., Floor],
) -> None:
    floor = new_floor()
    alive = floor.start_alive()
    context = zmq.Context()
    dealer = context.socket(zmq.DEALER)
    dealer.connect(f"ipc://{floor.runtime}/trader.rpc")
    for _ in range(20):
        for junk in (b"", b"{", b'{"v":99}', b"\xff" * 100_000, json.dumps({"v": 1}).encode()):
            dealer.send(junk)
    assert dealer.poll(5000)
    context.destroy(linger=0)
    told = json.loads((floor.runtime / "simulator.json").read_text())
    for channel in ("market", "user", "price"):
        with connect(told[f"ws_{channel}_url"]) as client:
            client.send("\u0000 nonsense")
    still = floor.wait("five processes alive still", floor.all_alive, timeout_s=30)
    for process in ("trader", "simulator"):
        assert still[process]["pid"] == alive[process]["pid"]
    log = floor.log_tail(2000)
    assert log.count("refused rpc requests: ") == 1
    assert log.count("websocket frames that could not be read: ") == 1


@pytest.fixture
def small_disk() -> Iterator[Path]:
    """Mount a disk of 64 MB, or skip where that is not allowed."""
    with tempfile.TemporaryDirectory(prefix="pbd-", dir="/tmp") as directory:
        mounting = ["mount", "-t", "tmpfs", "-o", "size=64m,mode=0700", "tmpfs", directory]
        if os.getuid() != 0 or subprocess.run(mounting, check=False).returncode != 0:
            pytest.skip("only root may mount a small disk")
        yield Path(directory)
        # A test that failed may have left a process that is about to end.
        subprocess.run(["umount", "--lazy", directory], check=True)


def fill(disk: Path) -> None:
    """Take every free byte of a disk."""
    with contextlib.suppress(OSError), (disk / "fill").open("wb") as file:
        while True:
            file.write(bytes(1 << 16))


def tear(directory: Path) -> None:
    """Leave half a record behind the newest one, as a power cut does."""
    path, records = newest_segment(directory)
    data = bytearray(path.read_bytes())
    start, end = records[-1]
    half = bytes(data[start : start + (end - start) // 2])
    data[end : end + len(half)] = half
    path.write_bytes(data)


def change(directory: Path, *, number: int) -> None:
    """Change one bit of a whole record, counted from 1 in the newest segment."""
    path, records = newest_segment(directory)
    data = bytearray(path.read_bytes())
    data[records[number - 1][1] - 3] ^= 1
    path.write_bytes(data)


def newest_segment(directory: Path) -> tuple[Path, list[tuple[int, int]]]:
    """Return the newest segment and where its records begin and end."""
    path = list_segments(directory)[-1].path
    data = path.read_bytes()
    records: list[tuple[int, int]] = []
    end = 0
    while isinstance(record := decode_record(data, end), StoredRecord):
        records.append((end, end + record.size))
        end += record.size
    return path, records


def checkpoints(directory: Path) -> list[Path]:
    """Return a process's checkpoints, oldest first."""
    return sorted(directory.glob("checkpoint-*.json"))
