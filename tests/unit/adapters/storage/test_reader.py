from polybot.adapters.storage.ledger import Ledger
from polybot.adapters.storage.reader import LedgerReader
from polybot.messages.learning import ReflectionRecorded
from polybot.messages.trading import OrderSubmitted
from tests.fakes import FakeClock
from tests.story import (
    CLOSE_NS,
    bought,
    opening,
    records,
)


def test_recorded_marks_and_positions_are_told(ledger: Ledger, reader: LedgerReader) -> None:
    mark = ReflectionRecorded(trigger="10_trades", mark="10_trades:10", trades=10, digest={})
    ledger.store(records([mark, mark], source="reflector"))
    ledger.store(records([opening()]))

    assert reader.recorded_marks() == {"10_trades:10"}
    assert reader.positions() == {"reflector": 2, "trader": 1}
    assert {name: known.seq for name, known in reader.witnesses().items()} == reader.positions()
    assert reader.last_commit_ns() == FakeClock().now_ns()


def test_the_newest_market_time_is_that_of_window_events(
    ledger: Ledger, reader: LedgerReader
) -> None:
    assert reader.newest_event_ns() == 0

    ledger.store(records(bought(0)))

    assert reader.newest_event_ns() == CLOSE_NS + len(bought(0)) - 1


def test_a_reader_sees_what_is_stored_after_it_opened(ledger: Ledger, reader: LedgerReader) -> None:
    assert reader.trades() == []

    ledger.store(records(bought(0)))

    assert len(reader.trades()) == 1


def test_orders_that_may_still_rest_are_told(ledger: Ledger, reader: LedgerReader) -> None:
    events = bought(0)
    submitted = next(i for i, event in enumerate(events) if isinstance(event, OrderSubmitted))
    ledger.store(records(events[: submitted + 1]))
    order = events[submitted].order
    assert reader.open_order_ids() == [order.venue_order_id]

    ledger.store(records(events))

    assert reader.open_order_ids() == []
