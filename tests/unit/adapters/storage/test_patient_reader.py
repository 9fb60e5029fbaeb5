from pathlib import Path

import pytest

from polybot.adapters.storage.ledger import Ledger
from polybot.adapters.storage.patient_reader import PatientReader
from polybot.errors import StorageError
from tests.fakes import FakeClock
from tests.story import bought, graded, opening, records


def test_it_waits_for_a_database_that_is_not_there_yet(path: Path) -> None:
    reader = PatientReader(path)
    with pytest.raises(StorageError, match="has the tracker run"):
        reader.positions()

    ledger = Ledger.open(path, FakeClock())
    ledger.store(records([opening()]))

    assert reader.positions() == {"trader": 1}
    assert reader.last_commit_ns() == FakeClock().now_ns()
    reader.close()
    ledger.close()


def test_it_notices_that_the_database_was_replaced(path: Path) -> None:
    first = Ledger.open(path, FakeClock())
    first.store(records([opening()]))
    reader = PatientReader(path)
    assert reader.positions() == {"trader": 1}
    first.close()
    for file in path.parent.iterdir():
        file.unlink()

    second = Ledger.open(path, FakeClock())

    assert reader.positions() == {}
    reader.close()
    second.close()


def test_it_tells_trades_and_marks(ledger: Ledger, path: Path) -> None:
    ledger.store(records(bought()))
    ledger.store(records([graded()], source="tracker"))
    reader = PatientReader(path)

    assert [trade.pnl_usdc for trade in reader.settled_trades()] == [1_166_880]
    assert reader.recorded_marks() == frozenset()
    reader.close()
    reader.close()
