"""Money that no order of ours moved is booked as external, when nothing else explains it."""

from typing import Any

import pytest

from polybot.domain.fill import FillStatus
from polybot.domain.order import OrderTrigger
from polybot.messages.trading import ExternalFlowBooked, SeriesStopped
from polybot.ports import AccountSnapshot
from polybot.services.trader.cash_check import CashCheck
from tests.story import CLOSE_NS, OPENING_USDC, SHARES, market_at, paid_out
from tests.unit.services.trader.books import Books
from tests.unit.services.trader.fakes_exchange import snapshot, venue_fill

COST_USDC = 23_833_120


class Looks:
    """A check that looks at a snapshot after each sweep."""

    def __init__(self, books: Books) -> None:
        self.check = CashCheck(books.keeper, books.answers, books.market_clock)
        self.mono_ns = 0

    def look(self, told: AccountSnapshot, after_s: float = 30) -> None:
        self.mono_ns += int(after_s * 1_000_000_000)
        self.check.check(told, self.mono_ns)


def a_check(books: Books) -> Looks:
    return Looks(books)


def flows(books: Books) -> list[tuple[str, int]]:
    return [(flow.kind, flow.amount_usdc) for flow in books.said(ExternalFlowBooked)]


def test_the_first_balance_is_the_opening_one_and_booked_once() -> None:
    books = Books(funded=False)
    check = a_check(books)
    for _ in range(3):
        check.look(snapshot(balance_usdc=123_000_000))
    assert flows(books) == [("opening_balance", 123_000_000)]
    assert books.state.cash_usdc == 123_000_000


def test_a_balance_as_expected_books_nothing() -> None:
    books = Books()
    order = books.submit()
    books.keeper.fill(venue_fill(order, status="CONFIRMED"))
    before = books.count()
    a_check(books).look(snapshot(balance_usdc=OPENING_USDC - COST_USDC))
    assert books.count() == before


@pytest.mark.parametrize("off", [5_000_000, -5_000_000, 1, -1])
def test_a_difference_seen_twice_is_external(off: int) -> None:
    books = Books()
    check = a_check(books)
    check.look(snapshot(balance_usdc=OPENING_USDC + off))
    assert flows(books)[1:] == []
    check.look(snapshot(balance_usdc=OPENING_USDC + off))
    assert flows(books)[1:] == [("unexplained", off)]
    assert books.state.cash_usdc == OPENING_USDC + off
    for _ in range(3):
        check.look(snapshot(balance_usdc=OPENING_USDC + off))
    assert len(flows(books)) == 2


def test_snapshots_taken_together_are_one_look() -> None:
    books = Books()
    check = a_check(books)
    for after_s in (30, 0.01, 0.01, 4.9):
        check.look(snapshot(balance_usdc=OPENING_USDC + 5), after_s)
    assert flows(books)[1:] == []
    check.look(snapshot(balance_usdc=OPENING_USDC + 5), 0.1)
    assert flows(books)[1:] == [("unexplained", 5)]


@pytest.mark.parametrize("offs", [(5, 0, 5, 0), (5, 6, 7, 8), (5, -5, 5, -5)])
def test_a_difference_that_does_not_stay_the_same_is_not_believed(offs: tuple[int, ...]) -> None:
    books = Books()
    check = a_check(books)
    for off in offs:
        check.look(snapshot(balance_usdc=OPENING_USDC + off))
    assert flows(books)[1:] == []


def test_a_second_difference_of_the_same_size_must_be_seen_twice_as_well() -> None:
    books = Books()
    check = a_check(books)
    for off in (5, 5, 10):
        check.look(snapshot(balance_usdc=OPENING_USDC + off))
    assert flows(books)[1:] == [("unexplained", 5)]
    check.look(snapshot(balance_usdc=OPENING_USDC + 10))
    assert flows(books)[1:] == [("unexplained", 5)] * 2


def test_a_position_in_an_open_window_hides_no_deposit() -> None:
    books = Books()
    books.keeper.fill(venue_fill(books.submit(), status="CONFIRMED"))
    check = a_check(books)
    for _ in range(2):
        check.look(snapshot(balance_usdc=OPENING_USDC - COST_USDC + 5))
    assert flows(books)[1:] == [("unexplained", 5)]


def submitted(books: Books) -> None:
    books.submit(1)


def unknown(books: Books) -> None:
    books.keeper.move(books.submit(1), OrderTrigger.LOSE_ANSWER)


def unconfirmed(books: Books) -> None:
    books.keeper.fill(venue_fill(books.submit(1), status="MINED"))


def closing(books: Books) -> None:
    books.answers.closing["0xfak"] = {"t9"}


def closed_without_outcome(books: Books) -> None:
    books.keeper.fill(venue_fill(books.submit(), status="CONFIRMED"))
    books.market_clock.market_ns = CLOSE_NS


@pytest.mark.parametrize(
    "happening", [submitted, unknown, unconfirmed, closing, closed_without_outcome]
)
def test_nothing_is_external_while_something_of_ours_is_under_way(happening: Any) -> None:
    books = Books()
    happening(books)
    check = a_check(books)
    for _ in range(3):
        check.look(snapshot(balance_usdc=OPENING_USDC - 777))
    assert flows(books)[1:] == []


def test_two_sightings_with_something_under_way_in_between_do_not_count() -> None:
    books = Books()
    check = a_check(books)
    check.look(snapshot(balance_usdc=OPENING_USDC + 5))
    order = books.submit(1)
    check.look(snapshot(balance_usdc=OPENING_USDC + 5))
    books.keeper.move(order, OrderTrigger.REJECT)
    check.look(snapshot(balance_usdc=OPENING_USDC + 5))
    assert flows(books)[1:] == []


def won(books: Books) -> str:
    books.keeper.fill(venue_fill(books.submit(), status="CONFIRMED"))
    books.keeper.record(paid_out())
    books.market_clock.market_ns = CLOSE_NS
    return market_at().token_up


def test_winning_shares_wait_for_their_redemption() -> None:
    books = Books()
    token = won(books)
    check = a_check(books)
    for _ in range(3):
        check.look(snapshot(balance_usdc=OPENING_USDC - COST_USDC, shares={token: SHARES}))
    assert flows(books)[1:] == []
    assert books.state.cash_usdc == OPENING_USDC - COST_USDC + SHARES


def test_a_redemption_is_recognized_and_is_no_new_money() -> None:
    books = Books()
    token = won(books)
    check = a_check(books)
    cash = OPENING_USDC - COST_USDC + SHARES
    for _ in range(3):
        check.look(snapshot(balance_usdc=cash, shares={token: 0}))
    assert flows(books)[1:] == [("redemption", SHARES)]
    assert (books.state.cash_usdc, books.state.unredeemed) == (cash, {})


def test_a_token_the_snapshot_did_not_ask_for_says_nothing() -> None:
    books = Books()
    won(books)
    a_check(books).look(snapshot(balance_usdc=OPENING_USDC - COST_USDC))
    assert flows(books)[1:] == []
    assert books.state.fills["t0", "0xaaaa000"].status is FillStatus.CONFIRMED


def test_a_split_that_waits_for_a_person_hides_no_deposit() -> None:
    books = Books()
    order = books.submit()
    books.keeper.fill(venue_fill(order, status="CONFIRMED"))
    books.market_clock.market_ns = CLOSE_NS + 1
    stopped = SeriesStopped(series="btc-updown-5m", slug=market_at().slug, reason="split")
    books.keeper.record(stopped)
    check = a_check(books)
    for _ in range(2):
        check.look(snapshot(balance_usdc=OPENING_USDC - COST_USDC + 5_000_000))
    assert flows(books)[1:] == [("unexplained", 5_000_000)]
