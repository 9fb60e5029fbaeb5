"""The bridge ends who falls silent: abort, go on, and after a while kill."""

import io
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from polybot.adapters.notify_socket import NotifySocket
from polybot.adapters.supervisor_events import StateChange, SupervisorEvents
from polybot.cli.notify_bridge import ABORT_S, Bridge, interval_of, main
from tests.fakes import FakeClock
from tests.unit.adapters.test_supervisor_events import event

PID = os.getppid()


class Signals:
    """supervisord's rpc."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, str]] = []
        self.problem = ""
        self.known: list[StateChange] = []

    def running(self) -> tuple[list[StateChange], str]:
        return self.known, self.problem

    def send(self, name: str, signal_name: str) -> str:
        self.sent.append((name, signal_name))
        return self.problem


class Case:
    """A bridge, the pipe of supervisord's events, and a process that speaks: this one."""

    def __init__(self, directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        # What this process says counts as another's: the bridge does not watch itself.
        monkeypatch.setattr("polybot.cli.notify_bridge.os.getpid", lambda: -1)
        self.path = directory / "notify.sock"
        self.reading, self.writing = os.pipe()
        self.heard = NotifySocket(self.path)
        self.signals, self.clock = Signals(), FakeClock()
        events = SupervisorEvents(self.reading, io.BytesIO())
        self.bridge = Bridge(self.heard, events, self.signals, self.clock)  # type: ignore[arg-type]
        self.pid = socket_pid()

    def state(self, name: str) -> None:
        payload = f"processname:trader groupname:floor from_state:X pid:{self.pid}"
        os.write(self.writing, event(f"PROCESS_STATE_{name}", payload))
        self.bridge.turn(0)

    def say(self, words: bytes) -> None:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.sendto(words, str(self.path))
        self.bridge.turn(0)

    def wait(self, seconds: float) -> list[str]:
        # In turns as a bridge makes them: a longer step would be a gap.
        for _ in range(round(seconds)):
            self.clock.advance(1)
            self.bridge.turn(0)
        return [signal_name for _, signal_name in self.signals.sent]


def socket_pid() -> int:
    """Return this process's id as the kernel tells it with a datagram."""
    return int(Path("/proc/self").resolve().name)


@pytest.fixture
def case(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Case]:
    monkeypatch.setattr("polybot.cli.notify_bridge.interval_of", lambda _: 30_000_000_000)
    made = Case(tmp_path, monkeypatch)
    yield made
    made.heard.close()
    os.close(made.reading)
    os.close(made.writing)


def test_one_that_pings_is_left_alone(case: Case) -> None:
    case.state("RUNNING")
    case.say(b"READY=1")
    for _ in range(10):
        case.say(b"WATCHDOG=1")
        assert case.wait(29) == []


def test_one_that_falls_silent_is_aborted_and_told_to_go_on(
    case: Case, capsys: pytest.CaptureFixture[str]
) -> None:
    case.state("RUNNING")
    case.say(b"READY=1")
    assert case.wait(30) == ["ABRT", "CONT"]
    assert {name for name, _ in case.signals.sent} == {"floor:trader"}
    assert "waited too long for a watchdog ping; aborting it" in capsys.readouterr().err
    case.state("EXITED")
    assert case.wait(60) == ["ABRT", "CONT"]


def test_one_that_does_not_end_by_an_abort_is_killed(case: Case) -> None:
    case.state("RUNNING")
    case.say(b"READY=1")
    case.wait(30)
    assert case.wait(ABORT_S) == ["ABRT", "CONT", "KILL"]
    # Neither may have arrived: it is killed again until its end is told.
    assert case.wait(2 * ABORT_S) == ["ABRT", "CONT", "KILL", "KILL", "KILL"]
    case.state("EXITED")
    assert case.wait(60) == ["ABRT", "CONT", "KILL", "KILL", "KILL"]


def test_a_new_process_is_not_killed_for_an_old_one_of_its_name(case: Case) -> None:
    case.state("RUNNING")
    case.wait(90)
    case.pid += 1
    case.state("RUNNING")
    assert case.wait(60) == ["ABRT", "CONT"]


def test_one_that_ran_before_the_bridge_is_watched(case: Case) -> None:
    case.signals.known = [StateChange("floor:trader", case.pid, runs=True)]
    case.bridge.catch_up()
    assert case.wait(89) == []
    case.say(b"WATCHDOG=1")
    assert case.wait(29) == []
    assert case.wait(1) == ["ABRT", "CONT"]


def test_the_bridge_does_not_watch_itself(case: Case) -> None:
    case.signals.known = [StateChange("floor:bridge", -1, runs=True)]
    case.bridge.catch_up()
    assert case.wait(100) == []


def test_who_runs_cannot_be_asked_is_said(case: Case, capsys: pytest.CaptureFixture[str]) -> None:
    case.signals.problem = "401 Unauthorized"
    case.bridge.catch_up()
    assert "cannot ask supervisord who runs: 401" in capsys.readouterr().err


def test_a_bridge_or_a_machine_that_stood_still_aborts_nobody(case: Case) -> None:
    case.state("RUNNING")
    case.say(b"READY=1")
    case.wait(20)
    case.clock.advance(3600)
    case.bridge.turn(0)
    assert case.wait(9) == []
    assert case.wait(1) == ["ABRT", "CONT"]
    case.clock.advance(3600)
    case.bridge.turn(0)
    assert case.wait(ABORT_S - 1) == ["ABRT", "CONT"]
    assert case.wait(1) == ["ABRT", "CONT", "KILL"]


def test_one_that_is_stopped_on_purpose_is_not_overdue(case: Case) -> None:
    case.state("RUNNING")
    case.say(b"READY=1")
    case.say(b"STOPPING=1")
    case.state("STOPPED")
    assert case.wait(100) == []


def test_a_signal_that_cannot_be_sent_is_said(
    case: Case, capsys: pytest.CaptureFixture[str]
) -> None:
    case.signals.problem = "401 Unauthorized"
    case.state("RUNNING")
    case.wait(90)
    assert "cannot send ABRT to floor:trader: 401" in capsys.readouterr().err


def test_the_interval_is_what_the_process_was_told(tmp_path: Path) -> None:
    (tmp_path / "7").mkdir()
    (tmp_path / "7" / "environ").write_bytes(b"HOME=/\0WATCHDOG_USEC=30000000\0X=1\0")
    (tmp_path / "8").mkdir()
    (tmp_path / "8" / "environ").write_bytes(b"WATCHDOG_USEC=soon\0")
    assert interval_of(7, tmp_path) == 30_000_000_000
    assert (interval_of(8, tmp_path), interval_of(9, tmp_path)) == (0, 0)


def test_without_supervisord_it_ends_with_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("POLYBOT_RUNTIME_DIR", raising=False)
    assert main() == 4
    monkeypatch.setenv("POLYBOT_RUNTIME_DIR", str(tmp_path))
    monkeypatch.delenv("SUPERVISOR_SERVER_URL", raising=False)
    assert main() == 1
    first, second = capsys.readouterr().err.splitlines()
    assert "expected POLYBOT_RUNTIME_DIR" in first
    assert "expected to be started by supervisord" in second
