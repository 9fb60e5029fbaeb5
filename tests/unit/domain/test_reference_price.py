import pytest

from polybot.domain.reference_price import (
    SETTLEMENT_ORDER,
    SPOT_ORDER,
    FeedRule,
    PriceKind,
    ReferencePrice,
    preferred,
)


def price(feed: str, price_ns: int, **flags: bool) -> ReferencePrice:
    return ReferencePrice(
        asset="btc", feed=feed, source="x", price_ns=price_ns, price_e8=1, **flags
    )


def test_the_kind_says_what_a_price_may_be_used_for() -> None:
    assert price("a", 1).kind is PriceKind.SPOT
    assert price("a", 1, is_average=True).kind is PriceKind.TWAP
    assert price("a", 1, is_stand_in=True).kind is PriceKind.STAND_IN
    assert price("a", 1, is_average=True, is_stand_in=True).kind is PriceKind.STAND_IN
    assert price("a", 10).age_ns(15) == 5


@pytest.mark.parametrize(
    ("now_ns", "expected"), [(10, "first"), (11, "second"), (25, "second"), (26, None)]
)
def test_the_first_feed_whose_price_is_not_too_old_is_believed(
    now_ns: int, expected: str | None
) -> None:
    order = (FeedRule("first", 10), FeedRule("absent", 10), FeedRule("second", 20))
    told = {"first": price("first", 0), "second": price("second", 5)}
    found = preferred(order, told.get, now_ns)
    assert (found and found.feed) == expected


def test_the_exchange_s_own_feeds_come_before_the_stand_ins() -> None:
    assert [rule.feed for rule in SPOT_ORDER] == ["polybolt", "rtds", "binance", "coinbase"]
    assert [rule.feed for rule in SETTLEMENT_ORDER] == ["polybolt", "rtds", "own_average"]
