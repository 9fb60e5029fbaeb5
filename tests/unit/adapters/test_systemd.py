import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from polybot.adapters.systemd import NullNotifier, SystemdNotifier, make_notifier, to_ascii


class Manager:
    """The service manager's end of NOTIFY_SOCKET."""

    def __init__(self, path: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(path))
        self._socket.settimeout(0)

    def heard(self) -> list[str]:
        datagrams = []
        while True:
            try:
                datagrams.append(self._socket.recv(65536).decode("ascii"))
            except BlockingIOError:
                return datagrams

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def notifier(manager: "Manager") -> Iterator[SystemdNotifier]:
    made = SystemdNotifier()
    yield made
    made.close()


@pytest.fixture
def manager(runtime_dir: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Manager]:
    monkeypatch.setenv("NOTIFY_SOCKET", str(runtime_dir / "notify"))
    listening = Manager(runtime_dir / "notify")
    yield listening
    listening.close()


def test_every_message_is_a_datagram_of_its_own(
    manager: Manager, notifier: SystemdNotifier
) -> None:
    notifier.ready()
    notifier.status("following 2 windows")
    notifier.watchdog()
    notifier.extend_timeout(2.5)
    notifier.stopping()
    assert manager.heard() == [
        "READY=1",
        "STATUS=following 2 windows",
        "WATCHDOG=1",
        "EXTEND_TIMEOUT_USEC=2500000",
        "STOPPING=1",
    ]


@pytest.mark.parametrize(
    ("text", "sent"),
    [
        ("plain", "plain"),
        ("café naïve", "cafe naive"),
        ("Up → Down", "Up ? Down"),
        ("two\nlines\tand  spaces ", "two lines and spaces"),
        ("½ of €5", "1?2 of ?5"),
    ],
)
def test_a_status_is_one_line_of_ascii(
    manager: Manager, notifier: SystemdNotifier, text: str, sent: str
) -> None:
    notifier.status(text)
    assert manager.heard() == [f"STATUS={sent}"]
    assert to_ascii(text) == sent


def test_a_manager_that_restarts_is_heard_of_again(
    manager: Manager, notifier: SystemdNotifier, runtime_dir: Path
) -> None:
    notifier.ready()
    manager.close()
    (runtime_dir / "notify").unlink()
    reborn = Manager(runtime_dir / "notify")
    notifier.watchdog()
    assert reborn.heard() == ["WATCHDOG=1"]
    reborn.close()


# sdnotify drops its own socket unclosed when it cannot connect.
@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_a_manager_that_is_gone_is_said_once_and_holds_nothing_up(
    manager: Manager,
    notifier: SystemdNotifier,
    runtime_dir: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    manager.close()
    (runtime_dir / "notify").unlink()
    for _ in range(5):
        notifier.watchdog()
    assert caplog.text.count("does not hear") == 1


def test_a_manager_that_does_not_read_never_makes_a_process_wait(
    manager: Manager, notifier: SystemdNotifier
) -> None:
    for _ in range(2000):
        notifier.watchdog()
    assert 0 < len(manager.heard()) < 2000


@pytest.mark.parametrize(
    ("usec", "pid", "expected"),
    [
        ("6000000", "", 6.0),
        ("6000000", str(os.getpid()), 6.0),
        ("6000000", "1", None),
        ("", "", None),
        ("0", "", None),
        ("soon", "", None),
    ],
)
def test_the_deadline_is_read_when_it_is_meant_for_this_process(
    monkeypatch: pytest.MonkeyPatch, manager: Manager, usec: str, pid: str, expected: float | None
) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", usec)
    monkeypatch.setenv("WATCHDOG_PID", pid)
    notifier = SystemdNotifier()
    assert notifier.watchdog_interval_s() == expected
    notifier.close()
    assert manager.heard() == []


def test_without_a_manager_everything_works_and_says_nothing() -> None:
    notifier = make_notifier()
    assert isinstance(notifier, NullNotifier)
    notifier.ready()
    notifier.status("working")
    notifier.watchdog()
    notifier.extend_timeout(1)
    notifier.stopping()
    assert notifier.watchdog_interval_s() is None
    notifier.close()


def test_with_a_manager_it_is_told(manager: Manager) -> None:
    notifier = make_notifier()
    notifier.ready()
    notifier.close()
    assert manager.heard() == ["READY=1"]
