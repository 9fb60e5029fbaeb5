from typing import Any

import pytest

from polybot.adapters.storage.audit_extent import OVERLAP_NS, choose, read_audit_point
from polybot.adapters.storage.belief import read_belief
from polybot.adapters.storage.ledger import Ledger
from polybot.adapters.storage.statements import execute
from polybot.domain.audit import EVERYTHING, AuditExtent, AuditPoint
from polybot.domain.fill import FillStatus
from polybot.domain.order import OrderStatus, OrderTrigger
from polybot.messages.tracking import AuditCompleted, DatabaseRebuilt
from polybot.messages.trading import FillMatched, FillStatusChanged, OrderSubmitted
from tests.story import CLOSE_NS, bought, fill_at, moved, order_at, records, reported

EACH = len(bought())
SECOND_NS = 1_000_000_000


class Books:
    """A ledger that numbers what it is told."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger

    def tell(self, *events: Any, source: str = "trader") -> int:
        first = self.ledger.store_position(source) + 1
        self.ledger.store(records(list(events), source=source, first=first))
        return self.ledger.store_position(source)

    def chosen(self, extent: AuditExtent = EVERYTHING, *also: str) -> set[int]:
        orders = {order_at(n).venue_order_id: n for n in range(20)}
        chosen = choose(self.ledger.database, extent, also)
        return {orders[order.venue_order_id] for order in chosen.orders}


@pytest.fixture
def books(ledger: Ledger) -> Books:
    """Return books with four orders that are over."""
    books = Books(ledger)
    for number in range(4):
        books.tell(*bought(number))
    return books


def after(seq: int, **changes: int) -> AuditExtent:
    return AuditExtent(since=AuditPoint(seq=seq, at_ns=CLOSE_NS, **changes))


def test_the_first_audit_compares_everything(books: Books) -> None:
    chosen = choose(books.ledger.database, EVERYTHING)

    assert books.chosen() == {0, 1, 2, 3}
    assert chosen.since_ns == 0
    assert (chosen.through.seq, chosen.through.since_seq) == (4 * EACH, 0)


def test_the_next_one_compares_what_anything_happened_to_since(books: Books) -> None:
    assert books.chosen(after(4 * EACH)) == set()
    assert books.chosen(after(3 * EACH)) == {3}
    assert books.chosen(after(3 * EACH - 2)) == {2, 3}

    late = fill_at(1, trade_id="late", size_shares=1_000_000)
    books.tell(FillMatched(fill=late))
    assert books.chosen(after(4 * EACH)) == {1}


def test_an_order_that_is_not_over_is_compared_every_time(books: Books) -> None:
    books.tell(OrderSubmitted(order=order_at(7), decision_id="d", body="{}"))
    seq = books.tell(moved(7, OrderStatus.ACCEPTED, OrderTrigger.ACCEPT))

    assert books.chosen(after(seq)) == {7}


def test_an_order_whose_trade_may_still_fail_is_compared_every_time(books: Books) -> None:
    matched = [event for event in bought(5) if not isinstance(event, FillStatusChanged)]
    seq = books.tell(*matched)
    assert 5 in books.chosen(after(seq))

    seq = books.tell(reported(5, FillStatus.MINED))
    assert 5 in books.chosen(after(seq))
    seq = books.tell(reported(5, FillStatus.CONFIRMED))
    assert 5 not in books.chosen(after(seq))


def test_trades_are_compared_from_the_oldest_order_and_a_little_before_the_last_audit(
    books: Books,
) -> None:
    chosen = choose(books.ledger.database, after(4 * EACH))
    assert chosen.since_ns == CLOSE_NS - OVERLAP_NS

    early = AuditExtent(since=AuditPoint(seq=0, at_ns=10**19))
    chosen = choose(books.ledger.database, early)
    assert chosen.since_ns == order_at(0).created_ns - order_at(0).created_ns % SECOND_NS


def test_more_than_the_most_leaves_the_older_ones_out_and_says_since_when(books: Books) -> None:
    extent = AuditExtent(most=2)

    chosen = choose(books.ledger.database, extent)

    assert books.chosen(extent) == {2, 3}
    assert chosen.through.since_seq > EACH
    assert books.chosen(after(chosen.through.since_seq)) == {2, 3}


def test_a_row_of_audits_keeps_saying_where_it_began(books: Books) -> None:
    chosen = choose(books.ledger.database, after(2 * EACH, since_seq=5))

    assert chosen.through == AuditPoint(seq=4 * EACH, at_ns=chosen.through.at_ns, since_seq=5)


def test_an_order_the_exchange_lists_is_looked_at_whatever_its_age(books: Books) -> None:
    assert books.chosen(after(4 * EACH), order_at(0).venue_order_id, "0xforeign") == {0}


def test_orders_left_out_still_count(books: Books) -> None:
    belief = read_belief(books.ledger.database, after(4 * EACH))

    assert belief.orders == {}
    assert (belief.all_orders, belief.all_fills, belief.windows) == (4, 4, 4)
    assert len(belief.held) == 4


def completed(seq: int, since_seq: int = 0) -> AuditCompleted:
    return AuditCompleted(
        agrees=True,
        differences=(),
        orders=1,
        fills=1,
        windows=1,
        compared=1,
        through_seq=seq,
        through_ns=77,
        since_seq=since_seq,
    )


def test_the_newest_audit_says_where_the_next_begins(books: Books) -> None:
    assert read_audit_point(books.ledger.database) is None

    books.tell(completed(3), completed(9, since_seq=2), source="tracker")

    assert read_audit_point(books.ledger.database) == AuditPoint(seq=9, at_ns=77, since_seq=2)


def test_an_audit_that_never_agreed_on_the_orders_says_nothing(books: Books) -> None:
    books.tell(completed(0), source="tracker")

    assert read_audit_point(books.ledger.database) is None


def test_after_a_rebuild_nothing_compared_before_is_believed(books: Books) -> None:
    books.tell(completed(9), DatabaseRebuilt(reason="gone", events=9), source="tracker")
    assert read_audit_point(books.ledger.database) is None

    books.tell(completed(12), source="tracker")
    assert read_audit_point(books.ledger.database) == AuditPoint(seq=12, at_ns=77)


def test_an_audit_of_an_older_version_is_no_point_to_begin_at(books: Books) -> None:
    books.tell(completed(9), source="tracker")
    old = '{"agrees":true,"differences":[],"orders":1,"fills":1,"windows":1}'
    change = "UPDATE event SET body = ? WHERE type = 'AuditCompleted'"
    execute(books.ledger.database, change, (old,))

    assert read_audit_point(books.ledger.database) is None
