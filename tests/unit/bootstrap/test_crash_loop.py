"""Starts are noted, those of a crash loop wait, and nothing about the notes stops a start."""

import logging
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import msgspec
import pytest

from polybot.adapters.clock import BootClock
from polybot.adapters.start_notes import StartNotes
from polybot.adapters.wallet_files import WalletFiles
from polybot.adapters.wallet_lock import hold_wallet
from polybot.bootstrap.crash_loop import Life, begin_life, loops_of, rules_of, where_to_look
from polybot.config.crash_loop import CrashLoopConfig
from polybot.config.load import LoadedConfig
from polybot.config.schema import Config, WatchdogConfig
from polybot.domain.crash_loop import SECOND_NS, CrashLoop, CrashRules, StartNote
from polybot.exchange.signing import OrderSigner
from polybot.ports import WalletHolder
from polybot.runtime.daemon import EXIT_CONFIG
from tests.fakes import FakeNotifier
from tests.unit.bootstrap.one_process import OneProcess, configured, surroundings

S = SECOND_NS
QUICK = {"POLYBOT__CRASH_LOOP__FIRST_WAIT_S": "0.1", "POLYBOT__CRASH_LOOP__LONGEST_WAIT_S": "0.2"}


@pytest.fixture
def loaded(tmp_path: Path, runtime_dir: Path) -> LoadedConfig:
    return configured(tmp_path, runtime_dir, **QUICK)


def notes_of(loaded: LoadedConfig, process: str = "trader") -> StartNotes:
    return StartNotes(loaded.locations.process_dir(process))


def crash(life: Life) -> None:
    """End a life as the kernel does: the notes are free, and nothing was written."""
    assert life.notes is not None
    life.notes.release()


def lives_crashed(loaded: LoadedConfig, count: int, process: str = "trader") -> Life:
    """Return the start after so many crashes in a row."""
    life = begin_life(process, loaded)
    for _ in range(count):
        crash(life)
        life = begin_life(process, loaded)
    return life


def test_the_third_crash_waits_and_says_so_in_a_line_and_to_the_service_manager(
    loaded: LoadedConfig, caplog: pytest.LogCaptureFixture
) -> None:
    crash(lives_crashed(loaded, 2))
    life, notifier = begin_life("trader", loaded), FakeNotifier()
    assert (life.crash_loop, life.must_wait) == ("3 crashes in 0 s", True)
    with caplog.at_level(logging.INFO):
        assert life.wait(notifier)
    assert notifier.heard == ["STATUS=waiting 0.1 s after 3 crashes in 0 s", "EXTEND_TIMEOUT_USEC"]
    [record] = caplog.records
    assert record.levelno == logging.WARNING
    assert record.getMessage() == (
        "3 crashes in 0 s: starting without entries, waiting 0.1 s; "
        "why: see what the trader logged before each start"
    )


def test_two_crashes_wait_for_nothing(loaded: LoadedConfig) -> None:
    life = lives_crashed(loaded, 2)
    assert (life.crash_loop, life.must_wait) == ("", False)


def test_another_process_has_entries_to_start_without(
    loaded: LoadedConfig, caplog: pytest.LogCaptureFixture
) -> None:
    life = lives_crashed(loaded, 3, "tracker")
    life.wait(FakeNotifier())
    assert "without entries" not in caplog.text
    assert "3 crashes in 0 s, waiting 0.1 s; why: see what the tracker logged" in caplog.text


def test_ends_on_purpose_are_no_crashes(loaded: LoadedConfig) -> None:
    for _ in range(5):
        life = begin_life("trader", loaded)
        assert life.crash_loop == ""
        life.end_well()


class AsksToStop(FakeNotifier):
    """A service manager that sends a signal as soon as it hears that the start waits."""

    def __init__(self, sent: signal.Signals) -> None:
        super().__init__()
        self.sent = sent

    def extend_timeout(self, seconds: float) -> None:
        super().extend_timeout(seconds)
        signal.pthread_kill(threading.get_ident(), self.sent)


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGINT])
def test_asked_to_stop_it_waits_no_longer(loaded: LoadedConfig, sent: signal.Signals) -> None:
    crash(lives_crashed(loaded, 2))
    # The test would take an hour if it did.
    patient = configured(
        loaded.locations.root,
        loaded.locations.runtime_dir,
        POLYBOT__CRASH_LOOP__FIRST_WAIT_S="60",
        POLYBOT__CRASH_LOOP__LONGEST_WAIT_S="600",
        POLYBOT__WATCHDOG__FENCE_S="3600",
    )
    life = begin_life("trader", patient)
    assert "60 s" in _status_of(life, AsksToStop(sent), waits=False)
    assert signal.pthread_sigmask(signal.SIG_BLOCK, ()) == set()


def _status_of(life: Life, notifier: FakeNotifier, *, waits: bool) -> str:
    assert life.wait(notifier) is waits
    return notifier.heard[0]


def test_a_reload_meanwhile_is_no_end(loaded: LoadedConfig) -> None:
    crash(lives_crashed(loaded, 2))
    life = begin_life("trader", loaded)
    assert "0.1 s" in _status_of(life, AsksToStop(signal.SIGHUP), waits=True)
    assert signal.sigpending() == set()


def test_while_it_runs_a_second_one_neither_counts_nor_disturbs(loaded: LoadedConfig) -> None:
    first = lives_crashed(loaded, 2)
    before = notes_of(loaded).read()
    second = begin_life("trader", loaded)
    second.end_well()
    assert notes_of(loaded).read() == before
    crash(first)
    assert begin_life("trader", loaded).crash_loop == "3 crashes in 0 s"


def test_a_damaged_note_counts_as_none_aloud(
    loaded: LoadedConfig, caplog: pytest.LogCaptureFixture
) -> None:
    crash(lives_crashed(loaded, 5))
    notes_of(loaded).path.write_bytes(b"\0\0\0")
    assert begin_life("trader", loaded).crash_loop == ""
    assert "earlier starts are not counted: expected a note of a start in" in caplog.text


def test_a_disk_that_takes_nothing_stops_no_start_and_no_end(
    loaded: LoadedConfig, caplog: pytest.LogCaptureFixture
) -> None:
    notes = notes_of(loaded)
    crash(lives_crashed(loaded, 2))
    # Every write to this device ends as on a full disk.
    (notes.path.parent / ".starts.json").symlink_to("/dev/full")
    life = begin_life("trader", loaded)
    # Judged all the same: reading needs no room.
    assert life.crash_loop == "3 crashes in 0 s (this start cannot be noted)"
    life.end_well()
    told = [record.getMessage() for record in caplog.records]
    assert ["No space left on device" in line for line in told] == [True, True]
    assert told[0].startswith("this start is not counted: cannot write")
    assert told[1].startswith("the next start will take this end for a crash: cannot write")


def test_a_crash_whose_next_start_cannot_be_noted_waits_longest_and_says_so(
    loaded: LoadedConfig, caplog: pytest.LogCaptureFixture
) -> None:
    crash(begin_life("trader", loaded))
    (notes_of(loaded).path.parent / ".starts.json").symlink_to("/dev/full")
    for _ in range(2):
        life, notifier = begin_life("trader", loaded), FakeNotifier()
        assert life.crash_loop == "a crash (this start cannot be noted)"
        assert life.wait(notifier)
        assert notifier.heard[0] == f"STATUS=waiting 0.2 s after {life.crash_loop}"
        crash(life)
    assert f"{life.crash_loop}: starting without entries, waiting 0.2 s" in caplog.text


def test_a_start_that_cannot_be_noted_waits_for_nothing_after_a_good_end_or_without_rules(
    tmp_path: Path, runtime_dir: Path
) -> None:
    off = configured(tmp_path, runtime_dir, POLYBOT__CRASH_LOOP__CRASHES="0")
    crash(begin_life("trader", off))
    begin_life("tracker", off).end_well()
    on = configured(tmp_path, runtime_dir)
    for process, loaded in (("trader", off), ("tracker", on)):
        (notes_of(loaded, process).path.parent / ".starts.json").symlink_to("/dev/full")
        life = begin_life(process, loaded)
        assert (life.crash_loop, life.must_wait) == ("", False)


def test_a_directory_that_cannot_be_made_is_left_to_who_needs_it(
    loaded: LoadedConfig, caplog: pytest.LogCaptureFixture
) -> None:
    (loaded.locations.state_dir / "trader").touch()
    with caplog.at_level(logging.INFO):
        life = begin_life("trader", loaded)
        life.end_well()
    assert (life.crash_loop, caplog.text) == ("", "")


def test_after_a_reboot_it_starts_as_if_for_the_first_time(loaded: LoadedConfig) -> None:
    crash(lives_crashed(loaded, 5))
    notes = notes_of(loaded)
    note = notes.read()
    assert note is not None
    notes.write(msgspec.structs.replace(note, boot="the boot before"))
    assert begin_life("trader", loaded).crash_loop == ""


@pytest.mark.parametrize(
    ("process", "fence_s", "longest_s"),
    [("trader", 20, 8), ("watchdog", 20, 8), ("tracker", 20, 30), ("trader", 600, 30)],
)
def test_who_holds_the_fence_waits_well_below_it(
    process: str, fence_s: float, longest_s: float
) -> None:
    config = Config(watchdog=WatchdogConfig(fence_s=fence_s))
    assert rules_of(config, process) == CrashRules(longest_wait_ns=int(longest_s * S))


def test_the_configured_rules_are_the_ones_that_hold() -> None:
    told = CrashLoopConfig(crashes=5, window_s=9, first_wait_s=2, longest_wait_s=4, quiet_s=7)
    assert rules_of(Config(crash_loop=told), "tracker") == CrashRules(
        crashes=5, window_ns=9 * S, first_wait_ns=2 * S, longest_wait_ns=4 * S, quiet_ns=7 * S
    )


def test_the_loops_that_stand_are_told_by_process(loaded: LoadedConfig) -> None:
    crash(lives_crashed(loaded, 4, "tracker"))
    lives_crashed(loaded, 3, "reflector").end_well()
    crash(lives_crashed(loaded, 2, "trader"))
    (loaded.locations.process_dir("simulator")).mkdir()
    notes_of(loaded, "simulator").path.write_text("damaged")
    told = loops_of(loaded, ("simulator", "trader", "tracker", "reflector", "watchdog"))()
    assert told == {
        "tracker": "4 crashes in 0 s, a start waits 0.2 s; "
        "why: see what the tracker logged before each start"
    }


def test_a_loop_is_no_longer_told_after_the_quiet_time(loaded: LoadedConfig) -> None:
    clock = BootClock()
    quiet_ns = rules_of(loaded.config, "tracker").quiet_ns
    begun_ns = clock.now_ns() - quiet_ns
    loop = CrashLoop(crashes=3, since_ns=begun_ns, waits=1)
    notes = notes_of(loaded, "tracker")
    assert notes.hold()
    notes.write(StartNote(boot=clock.boot, begun_ns=begun_ns, loop=loop))
    assert loops_of(loaded, ("tracker",))() == {}
    notes.write(StartNote(boot=clock.boot, begun_ns=begun_ns, wait_ns=60 * S, loop=loop))
    assert list(loops_of(loaded, ("tracker",))()) == ["tracker"]


def test_under_systemd_the_place_to_look_is_the_journal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INVOCATION_ID", "0123")
    monkeypatch.delenv("POLYBOT_FLOOR_RUNNER", raising=False)
    assert where_to_look("tracker") == "why: journalctl -u polybot-tracker"
    # A terminal has an invocation too, and hands it on to the floor that is started in it.
    monkeypatch.setenv("POLYBOT_FLOOR_RUNNER", "41")
    assert where_to_look("tracker") == "why: see what the tracker logged before each start"


def test_a_killed_process_is_held_back_and_one_that_was_asked_to_stop_is_not(
    tmp_path: Path, runtime_dir: Path
) -> None:
    settings = QUICK | {"POLYBOT__CRASH_LOOP__CRASHES": "1"}

    def lived(*, killed: bool) -> str:
        with OneProcess("reflector", tmp_path, runtime_dir, **settings) as reflector:
            if killed:
                os.kill(reflector.pid, signal.SIGKILL)
        assert reflector.exit_code == (-signal.SIGKILL if killed else 0), reflector.log
        return reflector.log

    assert "crash" not in lived(killed=False)
    assert "crash" not in lived(killed=True)
    assert "WARNING reflector: a crash, waiting 0.1 s; why:" in lived(killed=False)
    assert "crash" not in lived(killed=False)


def test_a_start_that_is_refused_for_good_is_no_crash(tmp_path: Path, runtime_dir: Path) -> None:
    loaded = configured(tmp_path, runtime_dir)
    wallet = OrderSigner(WalletFiles(tmp_path / "wallet").play_key()).address
    held = hold_wallet(wallet, WalletHolder(mode="synthetic"))
    refused = subprocess.run(
        [sys.executable, "-m", "polybot.cli.run", "trader"],
        env=surroundings(tmp_path, runtime_dir),
        capture_output=True,
        timeout=30,
        check=False,
    )
    held.release()
    note = notes_of(loaded).read()
    assert refused.returncode == EXIT_CONFIG
    assert note is not None
    assert note.ended
