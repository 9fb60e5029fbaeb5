"""An empty database with its writer, and a reader of it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from polybot.adapters.storage.ledger import Ledger
from polybot.adapters.storage.reader import LedgerReader
from tests.fakes import FakeClock


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return where the database is."""
    return tmp_path / "tracker" / "ledger.sqlite"


@pytest.fixture
def ledger(path: Path) -> Iterator[Ledger]:
    """Open the writer."""
    opened = Ledger.open(path, FakeClock())
    yield opened
    opened.close()


@pytest.fixture
def reader(ledger: Ledger, path: Path) -> Iterator[LedgerReader]:
    """Open a reader beside the writer."""
    opened = LedgerReader.open(path)
    yield opened
    opened.close()
