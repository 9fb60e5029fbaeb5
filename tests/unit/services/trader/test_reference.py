"""What a strategy sees of reference prices: the newest, a minute of them, those at the opens."""

from typing import Any

import msgspec
import pytest

from polybot.domain.market import SettlementRule
from polybot.services.trader.reference import OPENS, SAMPLES, STALE_NS, PriceTick, ReferenceBook
from polybot.strategies.base import ReferenceView
from tests.story import OPEN_S, market_at

S = 1_000_000_000
OPEN = OPEN_S * S
TWAP_MARKET = msgspec.structs.replace(market_at(), rule=SettlementRule.TWAP)
INSTANT_MARKET = msgspec.structs.replace(market_at(), rule=SettlementRule.INSTANT)


def tick(at_ns: int, price: int, **changes: Any) -> PriceTick:
    values: dict[str, Any] = {
        "asset": "btc",
        "source": "chainlink",
        "twap": False,
        "price_ns": at_ns,
        "price_e8": price,
    }
    return PriceTick(**(values | changes))


def a_book(*ticks: PriceTick) -> ReferenceBook:
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
    book = a_book(tick(OPEN - S, 9), tick(OPEN, 10), tick(OPEN, 20, twap=True), tick(OPEN + S, 11))
    assert book.view(TWAP_MARKET, OPEN + S).strike_e8 == 20
    assert book.view(INSTANT_MARKET, OPEN + S).strike_e8 == 10


def test_a_tick_near_the_open_is_no_strike() -> None:
    book = a_book(tick(OPEN - 1_000_000, 10), tick(OPEN + 1_000_000, 11))
    assert book.view(INSTANT_MARKET, OPEN + S).strike_e8 is None


def test_an_average_is_no_price() -> None:
    book = a_book(tick(OPEN, 20, twap=True))
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
    for minute in range(3 * 24 * 60):
        book.accept(tick(minute * 60 * S, minute))
    assert len(book._assets["btc"].at_boundary) == 2 * 24 * 60  # noqa: SLF001 - memory has no other face
