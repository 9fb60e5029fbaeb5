"""A run's order of things, and that its end comes whatever happens; its floor is a stand-in."""

import http.client
import signal
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from polybot.adapters.small_disk import SmallDisk
from polybot.bootstrap.chaos.plan import Wish
from polybot.cli.chaos import run as running
from polybot.cli.chaos.report import Check, Played, Struck
from polybot.cli.exits import Late
from polybot.errors import StorageError
from tests.unit.cli.chaos.stand_in import StandIn

HELD = Check(name="books equal", ok=True, detail="equal")
FINE = Struck(what="k", recovered_s=1.0)


class Watched(StandIn):
    """A floor that notes when it is started and stopped."""

    def __init__(self) -> None:
        super().__init__()
        self.events: list[str] = []
        self.stop_fails = False

    def start(self) -> None:
        self.events.append("start")

    def stop(self) -> None:
        self.events.append("stop")
        # A second Ctrl-C would leave processes behind.
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
        if self.stop_fails:
            raise Late("would not end")


@pytest.fixture
def floor(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Watched:
    made = Watched()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr(running, "ChaosFloor", lambda *_: made)
    monkeypatch.setattr(running.judge, "let_settle", lambda *_: [HELD])
    monkeypatch.setattr(running.judge, "audit", lambda *_: HELD)
    monkeypatch.setattr(running.judge, "posted", lambda *_: [HELD])
    monkeypatch.setattr(running.judge, "journals", lambda *_: HELD)
    monkeypatch.setattr(running.Player, "wait_until_it_trades", lambda _: None)
    playing(monkeypatch, made, lambda: None)
    return made


def playing(monkeypatch: pytest.MonkeyPatch, floor: Watched, happens: Callable[[], None]) -> None:
    """Let each scenario be played by noting its share, and by what happens in it."""

    def play(player: Any, scenario: str, share_s: float) -> None:
        floor.events.append(f"{scenario} {share_s:g}")
        happens()
        player.played.append(Played(scenario=scenario, struck=(FINE,)))

    monkeypatch.setattr(running.Player, "play", play)


def refused(*_: object) -> SmallDisk:
    raise StorageError("expected to mount a small disk, was refused: Operation not permitted")


def test_a_run_starts_plays_judges_stops_and_leaves_nothing(floor: Watched, tmp_path: Path) -> None:
    handler = signal.getsignal(signal.SIGINT)
    report = running.run(Wish(("kill", "429"), 2, 7), lambda _: None)
    assert floor.events == ["start", "kill 60", "429 60", "stop"]
    assert report.passed
    assert [check.name for check in report.checks][:2] == ["processes alive", "trading resumed"]
    assert list(tmp_path.iterdir()) == []
    assert signal.getsignal(signal.SIGINT) is handler


def test_without_a_disk_of_its_own_the_full_disk_is_skipped_and_the_others_share_its_time(
    floor: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running.SmallDisk, "mount", refused)
    report = running.run(Wish(("disk-full", "kill"), 2, 7), lambda _: None)
    assert floor.events == ["start", "kill 120", "stop"]
    skipped, _ = report.played
    assert skipped.verdict == "SKIPPED"
    assert skipped.skipped.endswith("Operation not permitted")
    assert report.passed


def test_an_interrupt_stops_the_floor_and_reports_what_was_played(
    floor: Watched, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    playing(monkeypatch, floor, interrupt)
    report = running.run(Wish(("kill",), 1, 7), lambda _: None)
    assert floor.events == ["start", "kill 60", "stop"]
    assert (report.interrupted, report.passed, report.checks) == (True, False, ())
    assert list(tmp_path.iterdir()) == []


def test_what_breaks_a_run_off_is_told_and_is_no_pass(
    floor: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    def late(_: object) -> None:
        raise Late("expected a floor that trades")

    monkeypatch.setattr(running.Player, "wait_until_it_trades", late)
    report = running.run(Wish(("kill",), 1, 7), lambda _: None)
    assert floor.events == ["start", "stop"]
    assert (report.error, report.passed) == ("expected a floor that trades", False)


@pytest.mark.parametrize(
    ("broken", "told"),
    [
        (sqlite3.OperationalError("disk I/O error"), "disk I/O error"),
        (http.client.CannotSendRequest(), "CannotSendRequest"),
    ],
)
def test_books_and_exchange_that_break_off_are_no_traceback(
    floor: Watched, monkeypatch: pytest.MonkeyPatch, broken: Exception, told: str
) -> None:
    def breaks(*_: object) -> Check:
        raise broken

    monkeypatch.setattr(running.judge, "audit", breaks)
    report = running.run(Wish(("kill",), 1, 7), lambda _: None)
    assert floor.events == ["start", "kill 60", "stop"]
    assert (report.error, report.passed) == (told, False)


def test_an_end_that_fails_keeps_what_was_found(
    floor: Watched, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    del floor

    def breaks(*_: object) -> Check:
        raise OSError("Input/output error")

    monkeypatch.setattr(running.judge, "journals", breaks)
    report = running.run(Wish(("kill",), 1, 7), lambda _: None)
    assert (report.error, report.passed) == ("Input/output error", False)
    assert [check.ok for check in report.checks] == [True] * len(report.checks)
    assert list(tmp_path.iterdir()) == []


def test_a_floor_that_cannot_be_prepared_leaves_nothing(
    floor: Watched, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def full(*_: object) -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr(running, "settle_in", full)
    with pytest.raises(StorageError, match="No space left"):
        running.run(Wish(("kill",), 1, 7), lambda _: None)
    assert floor.events == []
    assert list(tmp_path.iterdir()) == []


def test_a_floor_that_does_not_end_is_no_pass(floor: Watched) -> None:
    floor.stop_fails = True
    report = running.run(Wish(("kill",), 1, 7), lambda _: None)
    assert (report.error, report.passed) == ("would not end", False)


def test_a_process_that_is_not_alive_fails_its_check(
    floor: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running.judge, "RESUME_S", 0.1)
    floor.missing = ("tracker",)
    alive, resumed, *_ = running.run(Wish(("kill",), 1, 7), lambda _: None).checks
    assert (alive.ok, alive.detail) == (False, "not alive: tracker")
    assert not resumed.ok


def test_what_is_kept_is_named(floor: Watched) -> None:
    del floor
    report = running.run(Wish(("kill",), 1, 7, keep=True), lambda _: None)
    assert (Path(report.kept) / "polybot.toml").is_file()
