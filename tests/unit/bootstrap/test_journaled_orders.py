from pathlib import Path

import pytest

from polybot.adapters.storage.ledger import Ledger
from polybot.bootstrap.journaled_orders import JournaledOrders
from polybot.errors import StorageError
from polybot.messages.codec import decode_body, decode_envelope, encode
from polybot.messages.trading import DriftFound, OrderSubmitted
from polybot.runtime.journal import Journal
from polybot.runtime.journal_segment import list_segments
from tests.fakes import FakeClock, FakeOutbox
from tests.story import order_at


class Past:
    """A trader's journal, and a database that knows its beginning."""

    def __init__(self, root: Path) -> None:
        self.ledger_path = root / "ledger.sqlite"
        self.trader_dir = root / "trader"
        self.own = JournaledOrders(self.ledger_path, self.trader_dir)
        self._outbox = FakeOutbox("trader")
        self._payloads: list[bytes] = []

    def submit(self, *order_ids: str) -> None:
        for order_id in order_ids:
            order = order_at(venue_order_id=order_id)
            self._say(OrderSubmitted(order=order, decision_id="d-1", body="{}"))

    def drift(self, order_id: str) -> None:
        detail = '"type":"OrderSubmitted" of somebody else'
        self._say(DriftFound(kind="foreign_order", subject=order_id, detail=detail))

    def _say(self, event: object) -> None:
        self._payloads.append(encode(self._outbox.record(event)))

    def journal(self) -> None:
        journal = Journal.open(self.trader_dir)
        for payload in self._payloads[journal.last_seq :]:
            journal.append(payload)
        journal.sync()
        journal.close()

    def store(self, count: int) -> None:
        ledger = Ledger.open(self.ledger_path, FakeClock())
        records = []
        for payload in self._payloads[:count]:
            envelope = decode_envelope(payload)
            records.append((envelope, decode_body(envelope.type, envelope.body), "hash"))
        ledger.store(records)
        ledger.close()


@pytest.fixture
def past(tmp_path: Path) -> Past:
    return Past(tmp_path)


def test_before_there_is_anything_nothing_is_ours(past: Past) -> None:
    assert past.own.newest_seq() == 0
    assert past.own.of(["0xa"], 0) == frozenset()


def test_what_only_the_journal_has_is_ours(past: Past) -> None:
    past.submit("0xa", "0xb")
    past.drift("0xforeign")
    past.journal()

    assert past.own.newest_seq() == 3
    assert past.own.of(["0xa", "0xforeign", "0xz"], 3) == {"0xa"}


@pytest.mark.parametrize("stored", [0, 1, 2, 3])
def test_orders_of_the_trader_after_the_fence_are_not_meant(past: Past, stored: int) -> None:
    past.submit("0xa", "0xb", "0xnew")
    past.journal()
    past.store(stored)

    assert past.own.of(["0xa", "0xb", "0xnew"], 2) == {"0xa", "0xb"}
    assert past.own.of(["0xa", "0xb", "0xnew"], 0) == {"0xa", "0xb", "0xnew"}


def test_a_journal_that_cannot_be_read_is_an_error(past: Past) -> None:
    past.submit("0xa", "0xb")
    past.journal()
    segment = list_segments(past.trader_dir)[0].path
    data = bytearray(segment.read_bytes())
    data[80] ^= 1
    segment.write_bytes(data)

    with pytest.raises(StorageError):
        past.own.of(["0xb"], 2)


def test_a_database_that_cannot_be_read_is_an_error(past: Past) -> None:
    past.submit("0xa")
    past.journal()
    past.ledger_path.write_bytes(b"this is no database at all" * 100)

    with pytest.raises(StorageError):
        past.own.of(["0xa"], 1)
