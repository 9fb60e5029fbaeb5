"""What a strategy sees of reference prices: the newest, a minute of them, those at the opens."""

from typing import Any

import msgspec
import pytest

from polybot.domain.market import SettlementRule
from polybot.domain.reference_price import (
    BINANCE,
    COINBASE,
    OWN_AVERAGE,
    POLYBOLT,
    RTDS,
    PriceKind,
    ReferencePrice,
)
from polybot.services.trader.reference import (
    BOUNDARIES,
    BOUNDARY_NS,
    OPENS,
    SAMPLES,
    ReferenceBook,
)
from polybot.strategies.base import ReferenceView
from tests.story import OPEN_S, market_at

S = 1_000_000_000
STALE_NS = 30 * S
OPEN = OPEN_S * S
TWAP_MARKET = msgspec.structs.replace(market_at(), rule=SettlementRule.TWAP)
INSTANT_MARKET = msgspec.structs.replace(market_at(), rule=SettlementRule.INSTANT)


def tick(at_ns: int, price: int, **changes: Any) -> ReferencePrice:
    values: dict[str, Any] = {
        "asset": "btc",
        "feed": POLYBOLT,
        "source": "chainlink",
        "price_ns": at_ns,
        "price_e8": price,
    }
    return ReferencePrice(**(values | changes))


def a_book(*ticks: ReferencePrice) -> ReferenceBook:
    book = ReferenceBook()
    for each in ticks:
        book.accept(each)
    return book


def test_an_absent_feed_is_neutral() -> None:
    book = a_book(tick(OPEN, 1, asset="eth"))
    assert book.view(market_at(), OPEN) == ReferenceView()
    assert ReferenceBook().age_s(OPEN) == -1.0


def test_the_newest_price_is_shown_with_its_age() -> None:
    book = a_book(tick(OPEN, 10), tick(OPEN + 2 * S, 12), tick(OPEN + S, 11))
    view = book.view(market_at(), OPEN + 5 * S)
    assert (view.price_e8, view.age_ns) == (12, 3 * S)
    assert book.age_s(OPEN + 5 * S) == 3.0


def test_ages_are_told_in_wall_seconds() -> None:
    book = a_book(tick(OPEN, 10))
    assert book.age_s(OPEN + 120 * S) == 120.0
    book.pace = 60.0
    assert book.age_s(OPEN + 120 * S) == 2.0
    assert book.spot("btc", OPEN + 30 * 60 * S) is not None
    assert book.spot("btc", OPEN + 30 * 60 * S + 1) is None


def test_one_sample_a_second_and_the_last_minute_of_them() -> None:
    book = ReferenceBook()
    for tenth in range(1000):
        book.accept(tick(OPEN + tenth * S // 10, tenth))
    samples = book.view(market_at(), OPEN + 100 * S).samples
    assert len(samples) == SAMPLES
    assert samples[0] == (OPEN + 40 * S, 400)
    assert samples[-1] == (OPEN + 99 * S, 990)


def test_a_stale_price_is_no_price_but_the_opens_stay() -> None:
    book = a_book(tick(OPEN, 10))
    fresh, stale = (book.view(INSTANT_MARKET, OPEN + STALE_NS + extra) for extra in (0, 1))
    assert (fresh.price_e8, len(fresh.samples)) == (10, 1)
    assert (stale.price_e8, stale.samples) == (None, ())
    assert (stale.strike_e8, stale.window_opens_e8, stale.age_ns) == (10, (10,), STALE_NS + 1)


def test_the_strike_is_the_tick_exactly_at_the_open_by_the_market_s_rule() -> None:
    book = a_book(
        tick(OPEN - S, 9), tick(OPEN, 10), tick(OPEN, 20, is_average=True), tick(OPEN + S, 11)
    )
    assert book.view(TWAP_MARKET, OPEN + S).strike_e8 == 20
    assert book.view(INSTANT_MARKET, OPEN + S).strike_e8 == 10


def test_a_tick_near_the_open_is_no_strike() -> None:
    book = a_book(tick(OPEN - 1_000_000, 10), tick(OPEN + 1_000_000, 11))
    assert book.view(INSTANT_MARKET, OPEN + S).strike_e8 is None


def test_an_average_is_no_price() -> None:
    book = a_book(tick(OPEN, 20, is_average=True))
    assert book.view(TWAP_MARKET, OPEN).price_e8 is None


@pytest.mark.parametrize(
    ("missing", "expected"),
    [
        ((), tuple(range(100 - OPENS + 1, 101))),
        ((7,), tuple(range(94, 101))),
        ((1,), (100,)),
        ((0,), ()),
        ((3, 6), (98, 99, 100)),
    ],
)
def test_only_the_unbroken_run_of_opens_up_to_this_window_counts(
    missing: tuple[int, ...], expected: tuple[int, ...]
) -> None:
    book = ReferenceBook()
    for back in range(12, -1, -1):
        if back not in missing:
            book.accept(tick(OPEN - back * 300 * S, 100 - back))
    book.accept(tick(OPEN + S, 999))
    assert book.view(market_at(), OPEN + S).window_opens_e8 == expected


def test_boundary_ticks_are_kept_for_a_day_not_for_ever() -> None:
    book = ReferenceBook()
    for number in range(3 * BOUNDARIES):
        book.accept(tick(number * BOUNDARY_NS, number))
        book.accept(tick(number * BOUNDARY_NS, number, is_average=True))
    assert len(book._assets["btc"].at_boundary) == 2 * BOUNDARIES  # noqa: SLF001 - memory has no other face


def stand_in(at_ns: int, price: int, feed: str = BINANCE) -> ReferencePrice:
    return tick(at_ns, price, feed=feed, source=feed, is_stand_in=True)


NOW = OPEN + 100 * S
LIMITS = ((POLYBOLT, 30), (RTDS, 30), (BINANCE, 10), (COINBASE, 15))


@pytest.mark.parametrize("fresh_from", range(len(LIMITS) + 1))
def test_the_best_feed_that_is_fresh_is_believed(fresh_from: int) -> None:
    book = ReferenceBook()
    for number, (feed, limit_s) in enumerate(LIMITS):
        age = limit_s * S + (number < fresh_from)
        book.accept(tick(NOW - age, number + 1, feed=feed, is_stand_in=number > 1))
    view = book.view(market_at(), NOW)
    if fresh_from == len(LIMITS):
        assert (view.price_e8, view.feed, book.spot("btc", NOW)) == (None, "", None)
        assert view.age_ns == 10 * S + 1
    else:
        assert (view.price_e8, view.feed) == (fresh_from + 1, LIMITS[fresh_from][0])
        assert view.price_is_stand_in == (fresh_from > 1)


def test_each_feed_keeps_its_own_samples() -> None:
    book = a_book(tick(NOW - 50 * S, 1), tick(NOW - 40 * S, 2), stand_in(NOW - S, 9))
    assert book.view(market_at(), NOW).samples == ((NOW - S, 9),)
    book.accept(tick(NOW, 3))
    assert [price for _, price in book.view(market_at(), NOW).samples] == [1, 2, 3]


def test_a_stand_in_is_never_compared_with_the_price_that_settles() -> None:
    book = a_book(tick(OPEN, 10), tick(OPEN, 20, is_average=True), stand_in(NOW, 15))
    view = book.view(TWAP_MARKET, NOW)
    assert (view.price_e8, view.strike_e8, view.window_opens_e8) == (15, None, ())
    book.accept(tick(NOW, 16))
    view = book.view(TWAP_MARKET, NOW)
    assert (view.price_e8, view.strike_e8, view.window_opens_e8) == (16, 20, (10,))


def test_a_feed_of_stand_ins_is_compared_with_itself() -> None:
    feed = {"feed": POLYBOLT, "source": "stand-in", "is_stand_in": True}
    book = a_book(tick(OPEN, 20, is_average=True, **feed), tick(NOW, 15, **feed))
    view = book.view(TWAP_MARKET, NOW)
    assert (view.price_e8, view.strike_e8) == (15, 20)
    assert (view.price_is_stand_in, view.strike_is_stand_in) == (True, True)


def test_a_strike_comes_from_the_best_feed_that_told_it() -> None:
    book = a_book(tick(NOW, 1), tick(OPEN, 30, is_average=True, feed=RTDS))
    assert book.view(TWAP_MARKET, NOW).strike_e8 == 30
    book.accept(tick(OPEN, 31, is_average=True))
    assert book.view(TWAP_MARKET, NOW).strike_e8 == 31


def a_minute(feed: str = POLYBOLT, until_s: int = 1) -> ReferenceBook:
    """Return a book with a price a second around the open: 100 up to 32 s before it, then 200."""
    book = ReferenceBook()
    for second in range(-70, until_s):
        book.accept(tick(OPEN + second * S, 100 if second < -32 else 200, feed=feed))
    return book


@pytest.mark.parametrize("feed", [POLYBOLT, RTDS])
def test_without_an_average_the_strike_is_our_own_of_the_minute_and_says_so(feed: str) -> None:
    book = a_minute(feed)
    view = book.view(TWAP_MARKET, OPEN + S)
    # The minute of the stream stamped at the open ends two seconds before it.
    assert (view.strike_e8, view.strike_is_stand_in) == (150, True)
    told = book.settlement("btc", OPEN + S)
    assert told is not None
    assert (told.feed, told.kind, told.price_e8) == (OWN_AVERAGE, PriceKind.STAND_IN, 150)
    book.accept(tick(OPEN, 149, is_average=True))
    view = book.view(TWAP_MARKET, OPEN + S)
    assert (view.strike_e8, view.strike_is_stand_in) == (149, False)
    told = book.settlement("btc", OPEN + S)
    assert told is not None
    assert (told.feed, told.kind) == (POLYBOLT, PriceKind.TWAP)


def test_a_minute_with_holes_has_no_average_of_its_own() -> None:
    book = ReferenceBook()
    for second in range(-70, 2, 2):
        book.accept(tick(OPEN + second * S, 100))
    assert book.view(TWAP_MARKET, OPEN + S).strike_e8 is None
    assert book.settlement("btc", OPEN + S) is None


def test_stand_ins_make_no_average() -> None:
    book = ReferenceBook()
    for second in range(-70, 2):
        book.accept(stand_in(OPEN + second * S, 100))
    assert book.settlement("btc", OPEN + S) is None
    assert book.view(TWAP_MARKET, OPEN + S).strike_e8 is None


def test_an_asset_nobody_told_of_has_no_price() -> None:
    book = a_book(tick(OPEN, 1))
    assert (book.spot("eth", OPEN), book.settlement("eth", OPEN)) == (None, None)
    assert book.assets() == ("btc",)
