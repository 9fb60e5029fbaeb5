"""A database that is lost, damaged or half stored is rebuilt from the journals, as it was."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from polybot.runtime.journal import Journal, JournalSettings
from polybot.runtime.journal_archive import JournalArchive, archived_segments
from polybot.runtime.journal_history import JournalHistory
from polybot.runtime.journal_segment import list_segments
from tests.integration.books import assert_equal_books, doubled_entries
from tests.integration.floor import DRILL, POLL_S, Floor

pytestmark = pytest.mark.floor

SOURCES = ("trader", "tracker", "watchdog", "reflector", "simulator")
KILLS = 4
# What processes say while all of them stop waits for the next start.
LAST_WORDS = 60
SMALL = JournalSettings(segment_bytes=4 << 10, reserve_bytes=1 << 10)


def traded_floor(new_floor: Callable[..., Floor], **settings: str) -> Floor:
    """Return a floor that has traded and graded, stopped."""
    floor = new_floor(**settings)
    floor.start_alive("--speed", "40")
    floor.wait("two graded windows", lambda: floor.graded(2), timeout_s=240)
    floor.wait("a trade", lambda: floor.json("trades"), timeout_s=240)
    floor.stop()
    return floor


def ledger_path(floor: Floor) -> Path:
    return floor.root / "state" / "tracker" / "ledger.sqlite"


def told(floor: Floor) -> dict[str, Any]:
    """Return what a person sees of the books."""
    return {name: floor.json(name) for name in ("trades", "windows", "pnl")}


def lose(floor: Floor) -> None:
    for path in ledger_path(floor).parent.glob("ledger.sqlite*"):
        path.unlink()


def damage(floor: Floor) -> None:
    """Overwrite the second half of every page but the first."""
    with sqlite3.connect(ledger_path(floor)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    data = bytearray(ledger_path(floor).read_bytes())
    for page in range(4096, len(data), 4096):
        data[page + 2048 : page + 4096] = b"\xaa" * 2048
    ledger_path(floor).write_bytes(bytes(data))


def put_away(directory: Path) -> int:
    """Cut a process's journal into small segments and archive what its checkpoints cover.

    Returns the number of archived segments; a floor needs days for it.
    """
    *older, newest = sorted(directory.glob("checkpoint-*.json"))
    for path in older:
        path.unlink()
    keep_from = int(newest.stem.partition("-")[2])
    records = list(JournalHistory(directory).payloads_after(0))
    for segment in list_segments(directory):
        segment.path.unlink()
    journal = Journal.open(directory, settings=SMALL)
    for _, payload in records:
        journal.append(payload)
    journal.sync()
    archive = JournalArchive(directory, cap_bytes=1 << 30)
    archive.take_over(keep_from)
    archive.wait()
    trimmed = journal.trim(archive.take_over(keep_from))
    journal.close()
    return trimmed


def run_tracker_alone(floor: Floor, until: str) -> str:
    """Run the tracker without anybody else until it says something; returns what it said."""
    log = floor.root / f"tracker {time.monotonic_ns()}.log"
    with log.open("wb") as output:
        tracker = subprocess.Popen(
            [sys.executable, "-P", "-m", "polybot.cli.run", "tracker"],
            env=floor.environ,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        deadline = time.monotonic() + 60
        while until not in log.read_text() and time.monotonic() < deadline:
            assert tracker.poll() is None, log.read_text()
            time.sleep(POLL_S)
        assert until in log.read_text()
    finally:
        tracker.send_signal(signal.SIGTERM)
        assert tracker.wait(timeout=30) == 0, log.read_text()
    return log.read_text()


@pytest.mark.parametrize("break_it", [lose, damage])
def test_a_rebuilt_database_is_as_before_and_the_floor_goes_on(
    new_floor: Callable[..., Floor], break_it: Callable[[Floor], None]
) -> None:
    floor = traded_floor(new_floor)
    before = told(floor)
    assert put_away(floor.root / "state" / "trader") > 1
    break_it(floor)

    # Everybody else is down: the journals are read from their files, the archive too.
    said = run_tracker_alone(floor, "the database was rebuilt from")

    assert "rebuilt from the journals and the exchange" in said
    assert said.count("CRITICAL") == 1
    assert "nothing is missing" in said
    assert told(floor) == before
    aside = list(ledger_path(floor).parent.glob("ledger.damaged-*.sqlite"))
    assert len(aside) == (break_it is damage)
    floor.start_alive()
    assert_equal_books(floor)
    audit = floor.command("audit", "--all")
    assert audit.returncode == 0, audit.stdout + audit.stderr
    assert "never compared" not in audit.stdout


def test_what_no_journal_holds_is_named_by_its_range(new_floor: Callable[..., Floor]) -> None:
    floor = traded_floor(new_floor)
    trader = floor.root / "state" / "trader"
    assert put_away(trader) > 2
    kept = archived_segments(trader)
    kept[1].path.unlink()
    lose(floor)

    said = run_tracker_alone(floor, "the database was rebuilt from")

    gap = f"events {kept[1].first_seq} to {kept[2].first_seq - 1} of trader are in no journal"
    assert gap in said
    with sqlite3.connect(ledger_path(floor)) as connection:
        [(text,)] = connection.execute("SELECT text FROM alert WHERE key = 'rebuilt'").fetchall()
    assert gap in text


def test_without_anything_of_the_tracker_the_others_and_the_exchange_tell_it_all(
    new_floor: Callable[..., Floor],
) -> None:
    floor = traded_floor(new_floor)
    before = told(floor)
    for path in (floor.root / "state" / "tracker").iterdir():
        path.unlink()
    floor.start_alive()
    known = {window["slug"]: window for window in before["windows"] if window["grades"]}

    def graded_again() -> bool:
        now = {window["slug"]: window for window in floor.json("windows") or []}
        return all(now.get(slug, {}).get("grades") for slug in known)

    floor.wait("the old windows graded again", graded_again, timeout_s=120)
    after = told(floor)
    assert [row for row in after["trades"] if row in before["trades"]] == before["trades"]
    now = {window["slug"]: window for window in after["windows"]}
    for slug, window in known.items():
        assert (now[slug]["outcome"], now[slug]["pnl_usdc"]) == (
            window["outcome"],
            window["pnl_usdc"],
        )
    # The trader hears the outcomes of the tracker's new journal.
    newer = floor.wait("another window graded", lambda: floor.graded(len(known) + 1), timeout_s=240)
    assert len(newer) > len(known)
    assert_equal_books(floor)
    assert not doubled_entries(floor.ledger())
    assert floor.command("audit", "--all").returncode == 0


@pytest.mark.parametrize(
    "point", ["ingest.taken", "ingest.storing", "ingest.stored", "ingest.acknowledged"]
)
def test_a_tracker_killed_at_a_step_of_storing_stores_everything_once(
    new_floor: Callable[..., Floor], point: str
) -> None:
    floor = new_floor(toml=DRILL, POLYBOT_CRASH_POINT=f"{point}#5")
    floor.start()
    kills = 0
    pids: set[int] = set()
    while kills < KILLS:
        pid = floor.wait("the tracker standing still", lambda: stopped(floor, pids), timeout_s=60)
        pids.add(pid)
        os.kill(pid, signal.SIGKILL)
        kills += 1
    floor.stop()
    del floor.environ["POLYBOT_CRASH_POINT"]
    floor.start_alive()
    floor.wait("a trade", lambda: floor.json("trades"), timeout_s=240)
    assert_equal_books(floor)
    audit = floor.command("audit", "--all")
    assert audit.returncode == 0, audit.stdout + audit.stderr
    floor.stop()

    with sqlite3.connect(ledger_path(floor)) as connection:
        stored = connection.execute("SELECT source, seq, body FROM event").fetchall()
        conflicts = connection.execute("SELECT COUNT(*) FROM conflict").fetchone()[0]
    assert conflicts == 0
    for source in SOURCES:
        journaled = dict(JournalHistory(floor.root / "state" / source).payloads_after(0))
        bodies = {seq: json.loads(body) for name, seq, body in stored if name == source}
        newest = max(bodies, default=0)
        assert len(bodies) == sum(name == source for name, _, _ in stored)
        assert bodies == {
            seq: json.loads(payload)["body"] for seq, payload in journaled.items() if seq <= newest
        }
        assert newest >= max(journaled, default=0) - LAST_WORDS


def stopped(floor: Floor, known: set[int]) -> int:
    """Return the id of this floor's tracker when it stands still, 0 while it does not."""
    marker = f"POLYBOT_RUNTIME_DIR={floor.runtime}".encode()
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) in known:
            continue
        try:
            state = (entry / "stat").read_text().rpartition(")")[2].split()[0]
            mine = marker in (entry / "environ").read_bytes().split(b"\0")
            command = (entry / "cmdline").read_bytes()
        except OSError:
            continue
        if mine and state == "T" and command.endswith(b"tracker\0"):
            return int(entry.name)
    time.sleep(POLL_S / 10)
    return 0
