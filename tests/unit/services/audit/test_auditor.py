from collections.abc import Callable, Iterable, Sequence
from typing import Any

import pytest

from polybot.domain.audit import EVERYTHING, AuditExtent, AuditPoint, Belief, Told, ToldOrder
from polybot.domain.order import OrderStatus
from polybot.errors import OutcomeUnknown, StorageError
from polybot.services.audit.auditor import AuditScope, AuditSides, run_audit
from tests.fakes import FakeClock
from tests.story import SHARES, order_at


class FakeBooks:
    """Books with some cash; `positions` lag until a look that a test says."""

    def __init__(self, cash_usdc: int = 100) -> None:
        self.cash_usdc = cash_usdc
        self.stored: dict[str, int] = {}
        self.looks = 0
        self.then: Callable[[int], None] = lambda looks: None

    def belief(self, extent: AuditExtent = EVERYTHING, also: Iterable[str] = ()) -> Belief:
        self.looks += 1
        self.then(self.looks)
        notes = ("a note",)
        return Belief(
            orders={}, fills={}, cash_usdc=self.cash_usdc, held={"1": 5}, windows=3, notes=notes
        )

    def positions(self) -> dict[str, int]:
        return self.stored


class FakeRecords:
    """The exchange's records: cash, and shares of the tokens asked for."""

    def __init__(self, cash_usdc: int = 100) -> None:
        self.cash_usdc = cash_usdc
        self.shares = {"1": 5}
        self.orders: dict[str, ToldOrder] = {}
        self.asked: list[tuple[Sequence[str], int]] = []
        self.error: OutcomeUnknown | None = None

    def read(self, *, order_ids: Sequence[str], token_ids: Sequence[str], after_s: int) -> Told:
        self.asked.append((token_ids, after_s))
        if self.error is not None:
            raise self.error
        shares = {token: self.shares.get(token, 0) for token in token_ids}
        return Told(orders=dict(self.orders), fills={}, cash_usdc=self.cash_usdc, shares=shares)


class FakeHoldings:
    """What the data service lists."""

    def __init__(self) -> None:
        self.tokens: dict[str, int] = {}
        self.error: OutcomeUnknown | None = None

    def held(self) -> dict[str, int]:
        if self.error is not None:
            raise self.error
        return self.tokens


class Bench:
    """Both sides, and a clock that moves with every pause."""

    def __init__(self) -> None:
        self.books: Any = FakeBooks()
        self.records = FakeRecords()
        self.holdings = FakeHoldings()
        self.newest: dict[str, int] = {}
        self.clock = FakeClock()
        self.paused_s = 0.0

    def pause(self, seconds: float) -> None:
        self.paused_s += seconds
        self.clock.advance(seconds)

    def sides(self) -> AuditSides:
        return AuditSides(
            books=self.books,
            exchange=self.records,
            holdings=self.holdings,
            newest_seqs=lambda: self.newest,
            clock=self.clock,
            pause=self.pause,
        )


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_books_that_agree_need_one_look(bench: Bench) -> None:
    result = run_audit(bench.sides(), AuditScope())

    assert result.agrees
    assert (result.windows, result.notes) == (3, ("a note",))
    assert bench.paused_s == 0


def test_a_difference_that_stays_is_reported_when_the_time_is_up(bench: Bench) -> None:
    bench.records.cash_usdc = 99

    result = run_audit(bench.sides(), AuditScope(settle_s=5.0))

    assert result.differences == ("cash: expected $0.0001, was $0.000099",)
    assert bench.paused_s >= 5.0


def test_a_difference_that_goes_away_was_on_its_way(bench: Bench) -> None:
    bench.records.cash_usdc = 99

    def arrive(looks: int) -> None:
        if looks > 4:
            bench.books.cash_usdc = 99

    bench.books.then = arrive

    assert run_audit(bench.sides(), AuditScope()).agrees


def test_a_deposit_has_the_time_of_two_sweeps_to_be_booked(bench: Bench) -> None:
    bench.records.cash_usdc = 99

    def sweep(_: int) -> None:
        if bench.paused_s >= 60:
            bench.books.cash_usdc = 99

    bench.books.then = sweep

    assert run_audit(bench.sides(), AuditScope(settle_s=5.0, money_s=80.0)).agrees
    assert 60 <= bench.paused_s < 80


def test_money_that_nobody_books_is_reported_in_the_end(bench: Bench) -> None:
    bench.records.cash_usdc = 99

    result = run_audit(bench.sides(), AuditScope(settle_s=5.0, money_s=80.0))

    assert result.differences == ("cash: expected $0.0001, was $0.000099",)
    assert 80 <= bench.paused_s <= 90


def test_money_that_keeps_moving_is_no_difference(bench: Bench) -> None:
    def move(looks: int) -> None:
        bench.records.cash_usdc = bench.books.cash_usdc - looks

    bench.books.then = move

    assert run_audit(bench.sides(), AuditScope(settle_s=3.0)).agrees


def test_what_changed_while_the_exchange_was_read_is_no_difference(bench: Bench) -> None:
    # Booked between the two looks at our books, as a fill that just arrived.
    bench.records.cash_usdc = 90

    def arrive(looks: int) -> None:
        if looks == 2:
            bench.books.cash_usdc = 90

    bench.books.then = arrive

    assert run_audit(bench.sides(), AuditScope()).agrees
    assert bench.paused_s == 0


def test_it_waits_for_the_tracker_to_catch_up(bench: Bench) -> None:
    bench.newest = {"trader": 7}
    bench.books.stored = {"trader": 6}
    pause = bench.pause

    def catch_up(seconds: float) -> None:
        pause(seconds)
        if bench.paused_s > 1:
            bench.books.stored = {"trader": 7}

    bench.pause = catch_up  # type: ignore[method-assign]

    assert run_audit(bench.sides(), AuditScope()).agrees
    assert 1 < bench.paused_s < 2


def test_a_tracker_that_does_not_catch_up_is_an_error(bench: Bench) -> None:
    bench.newest = {"trader": 7, "watchdog": 1}
    bench.books.stored = {"watchdog": 1}

    result = run_audit(bench.sides(), AuditScope(catch_up_s=10))

    assert not result.agrees
    assert result.differences == ()
    assert "expected events of trader up to 7 in the database within 10 s, was 0" in result.error
    assert bench.records.asked == []


def test_tokens_listed_by_the_data_service_are_asked_for_too(bench: Bench) -> None:
    bench.holdings.tokens = {"9": 5}
    bench.records.shares["9"] = 5

    result = run_audit(bench.sides(), AuditScope(settle_s=0.5))

    assert bench.records.asked[0] == (("1", "9"), 0)
    assert result.differences == ("token 9: expected 0 shares, was 0.000005",)


def test_a_stale_listing_is_no_difference(bench: Bench) -> None:
    bench.holdings.tokens = {"9": 5}

    assert run_audit(bench.sides(), AuditScope()).agrees


def test_a_data_service_that_fails_is_a_note(bench: Bench) -> None:
    bench.holdings.error = OutcomeUnknown("reset")

    result = run_audit(bench.sides(), AuditScope())

    assert result.agrees
    assert "could not be read: reset" in result.notes[-1]


def test_an_exchange_that_fails_is_an_error(bench: Bench) -> None:
    bench.records.error = OutcomeUnknown("timed out")

    assert run_audit(bench.sides(), AuditScope()).error == "timed out"


def test_a_database_that_fails_is_an_error(bench: Bench) -> None:
    def fail(looks: int) -> None:
        raise StorageError("no database")

    bench.books.then = fail

    assert run_audit(bench.sides(), AuditScope()).error == "no database"


POINT = AuditPoint(seq=40, at_ns=7)
THROUGH = AuditPoint(seq=50, at_ns=9)


class OrderBooks(FakeBooks):
    """Books of one order that is over, left out unless it is asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.extents: list[tuple[AuditExtent, tuple[str, ...]]] = []
        self.order = order_at(status=OrderStatus.CANCELED)

    def belief(self, extent: AuditExtent = EVERYTHING, also: Iterable[str] = ()) -> Belief:
        self.extents.append((extent, tuple(also)))
        chosen = {} if self.order.venue_order_id not in also else {"0xaaaa000": self.order}
        return Belief(
            orders=chosen,
            fills={},
            cash_usdc=self.cash_usdc,
            held={"1": 5},
            all_orders=12,
            all_fills=11,
            through=THROUGH,
        )


def test_an_audit_begins_where_the_last_agreed_and_tells_where_the_next_may(bench: Bench) -> None:
    bench.books = OrderBooks()

    result = run_audit(bench.sides(), AuditScope(extent=AuditExtent(since=POINT)))

    assert result.agrees
    assert (result.orders, result.fills, result.compared) == (12, 11, 0)
    assert result.through == THROUGH
    assert bench.books.extents[0][0].since == POINT


def test_other_money_does_not_keep_the_orders_from_having_agreed(bench: Bench) -> None:
    bench.books = OrderBooks()
    bench.records.cash_usdc = 99

    result = run_audit(bench.sides(), AuditScope(extent=AuditExtent(since=POINT), settle_s=1.0))

    assert not result.agrees
    assert result.through == THROUGH


def test_an_old_order_that_is_open_there_is_found_and_looked_at_again_next_time(
    bench: Bench,
) -> None:
    bench.books = OrderBooks()
    there = ToldOrder("0xaaaa000", "LIVE", order_at().token_id, "BUY", 9500, SHARES, 0)
    bench.records.orders = {there.order_id: there}

    result = run_audit(bench.sides(), AuditScope(extent=AuditExtent(since=POINT), settle_s=1.0))

    assert result.differences == ("order 0xaaaa000: expected CANCELED, was LIVE at the exchange",)
    assert result.through == POINT


def test_an_order_that_differs_is_not_waited_for_like_money(bench: Bench) -> None:
    bench.books = OrderBooks()
    there = ToldOrder("0xaaaa000", "LIVE", order_at().token_id, "BUY", 9500, SHARES, 0)
    bench.records.orders = {there.order_id: there}
    bench.records.cash_usdc = 99
    scope = AuditScope(extent=AuditExtent(since=POINT), settle_s=5.0, money_s=80.0)

    result = run_audit(bench.sides(), scope)

    assert result.differences[0].startswith("order 0xaaaa000")
    assert bench.paused_s <= 10
