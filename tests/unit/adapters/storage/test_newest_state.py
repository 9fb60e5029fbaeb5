"""Tests of finding the trading state the trader told last."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from peewee import SqliteDatabase

from polybot.adapters.storage.ledger import Ledger
from polybot.adapters.storage.newest_state import read_trading_state
from polybot.adapters.storage.reader import LedgerReader
from polybot.domain.trading_state import Claim, TradingState
from polybot.messages.safety import TradingStateChanged
from tests.fakes import FakeClock, event_hash, make_envelope

REDUCING = TradingStateChanged(
    state="REDUCING",
    was="ACTIVE",
    claims=(Claim(source="watchdog", state=TradingState.REDUCING, reason="feed", since_ns=5),),
)
ACTIVE = TradingStateChanged(state="ACTIVE", was="REDUCING", claims=())


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    opened = Ledger.open(tmp_path / "ledger.sqlite", FakeClock())
    yield opened
    opened.close()


def store(ledger: Ledger, *events: TradingStateChanged) -> SqliteDatabase:
    records = []
    for seq, event in enumerate(events, start=1):
        envelope = make_envelope(event, seq=seq)
        records.append((envelope, event, event_hash(envelope)))
    ledger.store(records)
    return ledger.database


def test_without_any_change_there_is_no_state(ledger: Ledger) -> None:
    assert read_trading_state(ledger.database) is None


def test_the_newest_change_is_the_state_with_all_its_claims(ledger: Ledger) -> None:
    assert read_trading_state(store(ledger, ACTIVE, REDUCING)) == REDUCING


def test_a_state_that_was_left_is_no_longer_it(ledger: Ledger) -> None:
    assert read_trading_state(store(ledger, REDUCING, ACTIVE)) == ACTIVE


def test_readers_can_ask_for_it(ledger: Ledger, tmp_path: Path) -> None:
    store(ledger, REDUCING)
    reader = LedgerReader.open(tmp_path / "ledger.sqlite")
    assert reader.trading_state() == REDUCING
    reader.close()
