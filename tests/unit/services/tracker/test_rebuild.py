"""A database that lost events is filled from files before anything is believed of it."""

import asyncio
import logging
import sqlite3
from collections.abc import Mapping
from pathlib import Path

import pytest

from polybot.adapters.storage.ledger import Ledger
from polybot.adapters.storage.rescue import LedgerRescue
from polybot.errors import FatalError, StorageError
from polybot.messages.safety import AlertRaised
from polybot.messages.tracking import AuditCompleted, DatabaseRebuilt, WindowGraded, WindowSettled
from polybot.services.tracker.needs import Record
from polybot.services.tracker.service import TrackerService
from tests.fakes import event_hash
from tests.story import bought, opening, paid_out
from tests.unit.services.tracker.floor import Floor, tell


class FiledFloor:
    """The journals' files: what the fakes of inbox and outbox hold, less what a test takes away."""

    def __init__(self, floor: Floor) -> None:
        self.floor = floor
        self.gone: dict[str, set[int]] = {}
        self.refuses = False
        self.live: dict[str, int] = {}
        self._left: list[Record] = []
        self._positions: Mapping[str, int] = {}

    def first_live_seqs(self) -> dict[str, int]:
        return {"trader": 1, "tracker": 1} | self.live

    def begin(self, positions: Mapping[str, int]) -> None:
        self._positions = dict(positions)
        self._left = [
            (envelope, body, event_hash(envelope))
            for envelope, body in (*self.floor.inbox.durable, *self.floor.outbox.committed)
            if envelope.seq > positions.get(envelope.source, 0)
            and envelope.seq not in self.gone.get(envelope.source, set())
        ]

    def take(self, limit: int) -> list[Record]:
        if self.refuses:
            raise StorageError("cannot read a file")
        # A few at a time: a rebuild is several turns.
        batch, self._left = self._left[:4], self._left[4:]
        return batch

    def missing(self) -> dict[str, tuple[tuple[int, int], ...]]:
        return {
            source: tuple((seq, seq) for seq in sorted(seqs)) for source, seqs in self.gone.items()
        }


@pytest.fixture
def floor(tmp_path: Path) -> Floor:
    """Return a floor whose first window is graded."""
    floor = Floor(tmp_path / "ledger.sqlite")
    tell(floor, opening(), *bought(), paid_out())
    floor.resolve()
    floor.market.advance(400)
    service = floor.start()
    for _ in range(4):
        service.turn()
    asyncio.run(service.stop())
    assert len(floor.outbox.events(WindowGraded)) == 1
    return floor


@pytest.fixture
def files(floor: Floor) -> FiledFloor:
    return FiledFloor(floor)


def lose(floor: Floor) -> None:
    for file in floor.path.parent.iterdir():
        file.unlink()


def restart(floor: Floor, files: FiledFloor) -> TrackerService:
    rescue = LedgerRescue(floor.path, floor.clock)
    return floor.start(ledger=rescue.open(had_events=True), history=files, rescue=rescue)


def until_rebuilt(floor: Floor, service: TrackerService) -> int:
    turns = 0
    while not floor.outbox.events(DatabaseRebuilt):
        service.turn()
        turns += 1
        assert turns < 50
    return turns


def lasting(floor: Floor) -> dict[str, list[tuple[object, ...]]]:
    """Return the database without what no event says, and without what the rebuild itself said."""
    contents: dict[str, list[tuple[object, ...]]] = {**floor.contents()}
    # How often an outcome was asked for, and whether a grade is looked at again.
    contents["market_window"] = [row[:-3] for row in contents["market_window"]]
    contents["event"] = [row for row in contents["event"] if row[2] != "DatabaseRebuilt"]
    return contents


def test_what_was_stored_is_stored_again_and_every_table_is_as_before(
    floor: Floor, files: FiledFloor
) -> None:
    before = lasting(floor)
    lose(floor)

    service = restart(floor, files)
    until_rebuilt(floor, service)
    for _ in range(5):
        service.turn()
    asyncio.run(service.stop())

    assert lasting(floor) == before
    [rebuilt] = floor.outbox.events(DatabaseRebuilt)
    assert "was missing" in rebuilt.reason
    assert rebuilt.events == len(before["event"])
    assert rebuilt.missing == ()
    assert floor.outbox.events(AlertRaised) == []


def test_nothing_is_settled_graded_or_audited_on_half_a_ledger(
    floor: Floor, files: FiledFloor
) -> None:
    lose(floor)
    questions, audits = len(floor.catalog.asked), floor.auditor.started
    service = restart(floor, files)
    floor.clock.advance(3600)

    turns = until_rebuilt(floor, service)

    assert turns > 3
    assert len(floor.catalog.asked) == questions
    assert floor.auditor.started == audits
    assert len(floor.outbox.events(WindowGraded)) == 1
    assert len(floor.outbox.events(WindowSettled)) == 1


def test_a_rebuild_is_in_the_status_and_the_audit_comes_first_after_it(
    floor: Floor, files: FiledFloor
) -> None:
    lose(floor)
    audits = floor.auditor.started
    service = restart(floor, files)
    service.turn()
    assert "rebuilding the database: 4 events so far" in service.status()
    assert service.next_wake_s() == 0.0

    until_rebuilt(floor, service)
    service.turn()

    assert "rebuilt from" in service.status()
    assert "nothing is missing" in service.status()
    assert floor.auditor.started == audits + 1
    assert floor.auditor.complete[-1]
    assert floor.outbox.events(AuditCompleted) == []


def test_what_no_file_holds_is_named_by_its_range_and_raises_an_alert(
    floor: Floor, files: FiledFloor
) -> None:
    lose(floor)
    files.gone = {"trader": {2, 3}}
    service = restart(floor, files)

    until_rebuilt(floor, service)

    [rebuilt] = floor.outbox.events(DatabaseRebuilt)
    assert rebuilt.missing == ("events 2, 3 of trader are in no journal",)
    [alert] = floor.outbox.events(AlertRaised)
    assert (alert.key, alert.severity) == ("rebuilt", "critical")
    assert "events 2, 3 of trader" in service.status()


def test_what_is_missing_at_the_end_is_named_by_what_the_checkpoint_remembers(
    floor: Floor, files: FiledFloor
) -> None:
    lose(floor)
    known = len(floor.inbox.durable)
    floor.inbox.durable = floor.inbox.durable[:-2]
    service = restart(floor, files)

    until_rebuilt(floor, service)

    [rebuilt] = floor.outbox.events(DatabaseRebuilt)
    assert rebuilt.missing == (f"events {known - 1} to {known} of trader are in no journal",)


def test_an_older_copy_of_the_database_is_brought_up_to_date(
    floor: Floor, files: FiledFloor, caplog: pytest.LogCaptureFixture
) -> None:
    before = lasting(floor)
    lose(floor)
    ledger = Ledger.open(floor.path, floor.clock)
    files.begin({})
    ledger.store(files.take(4))
    ledger.close()

    service = restart(floor, files)
    until_rebuilt(floor, service)
    asyncio.run(service.stop())

    assert lasting(floor) == before
    critical = [record for record in caplog.records if record.levelno == logging.CRITICAL]
    assert "up to 11 in the database, was 4" in critical[0].getMessage()


def test_a_journal_that_begins_after_what_is_stored_is_read_from_its_archive(
    floor: Floor, files: FiledFloor
) -> None:
    tell(floor, *bought(1))
    files.live = {"trader": 16}

    service = restart(floor, files)
    until_rebuilt(floor, service)

    [rebuilt] = floor.outbox.events(DatabaseRebuilt)
    assert "its journal begins after them" in rebuilt.reason
    assert floor.ledger.store_position("trader") == 20


def test_an_ordinary_start_rebuilds_nothing(floor: Floor, files: FiledFloor) -> None:
    service = restart(floor, files)
    service.turn()

    assert floor.outbox.events(DatabaseRebuilt) == []
    assert "rebuilt" not in service.status()


def test_a_kill_during_the_rebuild_is_followed_by_the_rest_of_it(
    floor: Floor, files: FiledFloor
) -> None:
    before = lasting(floor)
    lose(floor)
    service = restart(floor, files)
    service.turn()
    floor.ledger.close()

    service = restart(floor, files)
    until_rebuilt(floor, service)
    asyncio.run(service.stop())

    assert lasting(floor) == before
    assert floor.checkpoints.saved is not None


def test_files_that_cannot_be_read_end_the_rebuild_and_the_sources_tell_the_rest(
    floor: Floor, files: FiledFloor
) -> None:
    lose(floor)
    files.refuses = True
    service = restart(floor, files)

    until_rebuilt(floor, service)
    service.turn()

    assert floor.ledger.store_position("trader") == len(floor.inbox.durable)


def test_a_batch_the_disk_refuses_is_stored_in_the_next_turn(
    floor: Floor, files: FiledFloor, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = lasting(floor)
    lose(floor)
    service = restart(floor, files)
    store = floor.ledger.store
    monkeypatch.setattr(floor.ledger, "store", _refuse)
    with pytest.raises(StorageError):
        service.turn()
    monkeypatch.setattr(floor.ledger, "store", store)

    until_rebuilt(floor, service)
    asyncio.run(service.stop())

    assert lasting(floor) == before


def damage(path: Path, *, table: str) -> None:
    """Overwrite the page a table begins at."""
    with sqlite3.connect(path) as connection:
        [(root,)] = connection.execute(
            "SELECT rootpage FROM sqlite_master WHERE name = ?", (table,)
        ).fetchall()
    data = bytearray(path.read_bytes())
    data[(root - 1) * 4096 : root * 4096] = b"\xaa" * 4096
    path.write_bytes(bytes(data))


def _refuse(records: object) -> None:
    raise StorageError("expected room, was none")


def test_damage_found_while_working_moves_the_file_aside_and_asks_for_another_life(
    floor: Floor, files: FiledFloor
) -> None:
    before = lasting(floor)
    damage(floor.path, table="fill")
    # Too large to be read whole at the start, as far as this life knows.
    rescue = LedgerRescue(floor.path, floor.clock)
    service = floor.start(history=files, rescue=rescue)

    tell(floor, *bought(1))
    with pytest.raises(FatalError, match="starting again to rebuild it"):
        service.turn()
    asyncio.run(service.stop())
    assert len(list(floor.path.parent.glob("ledger.damaged-*.sqlite"))) == 1

    service = restart(floor, files)
    until_rebuilt(floor, service)
    rows = lasting(floor)["event"]
    assert set(before["event"]) <= set(rows)


def test_damage_found_at_the_start_moves_the_file_aside_too(
    floor: Floor, files: FiledFloor
) -> None:
    damage(floor.path, table="market_window")

    with pytest.raises(FatalError, match="starting again to rebuild it"):
        floor.start(history=files, rescue=LedgerRescue(floor.path, floor.clock))

    assert len(list(floor.path.parent.glob("ledger.damaged-*.sqlite"))) == 1
