"""A book is believed while it does not cross and its hash is the exchange's."""

import msgspec
import pytest

from polybot.domain.book import OrderBook
from polybot.exchange.book_hash import book_hash
from polybot.exchange.wire_market import BookAnswer, BookLevel
from polybot.exchange.wire_market_stream import BookEvent
from polybot.services.trader.book_checks import HASH_EVERY, HOPELESS, BookFault, HashCheck, crossing
from tests.story import market_at


@pytest.mark.parametrize(("bid", "ask"), [(None, 5000), (5000, None), (4900, 5000), (None, None)])
def test_a_book_whose_sides_do_not_meet_has_no_fault(bid: int | None, ask: int | None) -> None:
    book = OrderBook()
    book.apply_quote(bid, ask, 1)
    assert crossing("1", book) is None


@pytest.mark.parametrize(("bid", "ask"), [(5000, 5000), (5100, 5000)])
def test_a_book_whose_sides_meet_crosses(bid: int, ask: int) -> None:
    book = OrderBook()
    book.apply_quote(bid, ask, 1)
    fault = crossing("1", book)
    assert fault is not None
    assert fault.kind is BookFault.CROSSED
    assert "0.5" in fault.detail


BOOK = BookAnswer(
    market="0x1",
    asset_id="7",
    timestamp="1000",
    bids=[BookLevel("0.4", "1")],
    asks=[BookLevel("0.6", "2.5")],
    min_order_size="5",
    tick_size="0.01",
    last_trade_price="0.5",
)
RIGHT = msgspec.structs.replace(BOOK, hash=book_hash(BOOK))
WRONG = msgspec.structs.replace(BOOK, hash="0" * 40)


def test_a_book_with_another_hash_is_a_fault_and_counted() -> None:
    check = HashCheck()
    assert check.check(RIGHT) is None
    fault = check.check(WRONG)
    assert fault is not None
    assert (fault.token_id, fault.kind) == ("7", BookFault.HASH)
    assert (check.held, check.failed) == (1, 1)


def test_a_book_without_a_hash_is_not_checked() -> None:
    check = HashCheck()
    assert check.check(BOOK) is None
    assert (check.held, check.failed) == (0, 0)


def test_a_check_that_never_held_ends() -> None:
    check = HashCheck()
    found = [check.check(WRONG) for _ in range(HOPELESS + 5)]
    assert [fault is not None for fault in found] == [True] * (HOPELESS - 1) + [False] * 6
    assert check.is_hopeless()
    held = HashCheck()
    held.check(RIGHT)
    assert all(held.check(WRONG) is not None for _ in range(20))


def event(answer: BookAnswer, tick_size: str = "0.01") -> BookEvent:
    return BookEvent(
        market=answer.market,
        asset_id=answer.asset_id,
        timestamp=answer.timestamp,
        hash=answer.hash,
        bids=answer.bids,
        asks=answer.asks,
        tick_size=tick_size,
        last_trade_price=answer.last_trade_price,
    )


def test_the_first_snapshot_is_checked_and_then_one_in_so_many() -> None:
    check = HashCheck()
    for _ in range(2 * HASH_EVERY):
        assert check.sampled(event(RIGHT), market_at()) is None
    assert (check.held, check.failed) == (2, 0)
    assert check.sampled(event(WRONG), market_at()) is not None


def test_a_snapshot_without_its_tick_cannot_be_checked() -> None:
    check = HashCheck()
    assert check.sampled(event(WRONG, tick_size=""), market_at()) is None
    assert (check.held, check.failed) == (0, 0)
