"""The floor as its run sees it, with a simulated exchange's answers and a process of our own."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from polybot.bootstrap.chaos.conditions import Conditions, ConditionsFile
from polybot.cli.chaos.floor import ChaosFloor, _is_well
from polybot.cli.chaos.places import Places, clear_away, environment, make_places, settle_in
from polybot.cli.exits import CommandError
from polybot.messages.commands import ProcessVerdict
from tests.http_stub import StubServer


@pytest.fixture
def floor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ChaosFloor]:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    places: Places = make_places()
    settle_in(places, 7)
    yield ChaosFloor(places, environment(places, os.environ))
    clear_away(places, None, keep=False)


@pytest.fixture
def process(floor: ChaosFloor) -> Iterator[subprocess.Popen[bytes]]:
    """Start a process that the system's table shows as this floor's tracker."""
    code = "import time; time.sleep(60)"
    command = [sys.executable, "-c", code, "polybot.cli.run", "tracker"]
    with subprocess.Popen(command, env=floor.environ) as started:
        while "tracker" not in floor.pids():
            time.sleep(0.01)
        yield started
        started.kill()


def test_where_nothing_runs_nobody_is_well(floor: ChaosFloor) -> None:
    look = floor.look()
    assert (look.pids, len(look.missing), look.trading_state, look.orders) == ({}, 5, "", -1)
    assert floor.differences()[0].startswith("not compared: ")
    assert not floor.is_over()
    floor.stop()


def test_a_process_is_stopped_seen_to_stand_still_and_let_go(
    floor: ChaosFloor, process: subprocess.Popen[bytes]
) -> None:
    assert floor.pids() == {"tracker": process.pid}
    assert floor.signal(process.pid, signal.SIGSTOP)
    while not floor.stands_still(process.pid):
        time.sleep(0.01)
    floor.let_go(process.pid)
    while floor.stands_still(process.pid):
        time.sleep(0.01)


def test_what_was_left_stopped_is_stopped_for_good_in_the_end(
    floor: ChaosFloor, process: subprocess.Popen[bytes]
) -> None:
    floor.signal(process.pid, signal.SIGSTOP)
    floor.stop()
    assert floor.pids() == {}
    assert process.wait(5) == -signal.SIGTERM


def test_only_processes_of_this_floor_are_ever_signaled(floor: ChaosFloor) -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other:
        for pid in (other.pid, 1, 0, -1):
            assert not floor.signal(pid, signal.SIGKILL)
        assert other.poll() is None
        other.kill()


def test_a_verdict_about_a_process_that_is_gone_says_nothing() -> None:
    verdict = ProcessVerdict(
        name="trader", pid=7, verdict="alive", heartbeat_age_s=0.1, status="trading"
    )
    assert _is_well(verdict, {"trader": 7})
    assert not _is_well(verdict, {"trader": 8})
    assert not _is_well(verdict, {})


def test_conditions_are_where_the_processes_look(floor: ChaosFloor) -> None:
    floor.set_conditions(Conditions(clock_shift_s=60))
    told = floor.environ["POLYBOT_FLOOR_CHAOS"]
    assert ConditionsFile(Path(told)).now() == Conditions(clock_shift_s=60)


def test_the_log_is_read_from_where_it_was(floor: ChaosFloor) -> None:
    assert floor.log_size() == 0
    floor.places.log.write_text("before\n")
    offset = floor.log_size()
    with floor.places.log.open("a") as log:
        log.write("after\n")
    assert floor.said_since(offset) == "after\n"


def test_a_command_runs_on_this_floor(floor: ChaosFloor) -> None:
    done = floor.command("config", "show", "--changed", "--json", timeout_s=60)
    told = json.loads(done.stdout)
    assert "simulator.seed" in json.dumps(told), done.stderr


def test_the_exchange_is_asked_where_it_says_it_listens(floor: ChaosFloor) -> None:
    stub = StubServer(lambda request: (200, {"orders": 3}) if not request.body else (400, {}))
    try:
        floor.locations.simulator_path.write_text(json.dumps({"url": stub.url}))
        assert floor.orders() == 3
        with pytest.raises(CommandError, match="expected status 200, was 400"):
            floor.ask("/simulator/faults", {"rules": ["no rule"]})
    finally:
        stub.close()
    assert floor.orders() == -1
