"""Reference prices: two minutes at first, then each new one, numbered by channel."""

import msgspec
import pytest

from polybot.domain.settlement import PriceSource
from polybot.exchange.wire_price_stream import (
    PriceFilter,
    PriceSubscription,
    price_decoder,
)
from polybot.simulator.feeds.price_feed import PriceFeed, PriceSubscriber, Topic, topic_of
from polybot.simulator.happenings import TellPrice
from tests.unit.simulator.listening import Collected

S = 1_000_000_000
START = 1_800_000_000 * S
SPOT: Topic = ("btc", PriceSource.CHAINLINK)
TWAP: Topic = ("btc", PriceSource.CHAINLINK_TWAP)


def tell(second: int, source: PriceSource = PriceSource.CHAINLINK) -> TellPrice:
    at = START + second * S
    return TellPrice(at + S, "btc", source, at, (70_000 + second) * 10**8 + 25)


@pytest.mark.parametrize(
    ("channel", "wanted", "topic"),
    [
        ("price.crypto", PriceFilter(symbol="btcusd"), SPOT),
        ("price.crypto", PriceFilter(symbol="btcusd", provider="chainlink"), SPOT),
        (
            "price.crypto",
            PriceFilter(symbol="btcusd", provider="binance"),
            ("btc", PriceSource.BINANCE),
        ),
        ("price.crypto.twap", PriceFilter(symbol="btcusd", window_seconds=60), TWAP),
        ("price.crypto.twap", PriceFilter(symbol="btcusd", window_seconds=30), None),
        ("price.crypto", PriceFilter(symbol="btcusd", provider="coinbase"), None),
        ("price.crypto", PriceFilter(symbol="btc"), None),
        ("price.equity", PriceFilter(symbol="btcusd"), None),
    ],
)
def test_a_subscription_names_an_asset_and_a_source(
    channel: str, wanted: PriceFilter, topic: Topic | None
) -> None:
    assert topic_of(PriceSubscription(channel=channel, filter=wanted)) == topic


def test_the_last_two_minutes_come_first_then_each_new_price() -> None:
    feed, queue = PriceFeed(), Collected()
    subscriber = PriceSubscriber(queue)  # type: ignore[arg-type]
    feed.subscribers.add(subscriber)
    for second in range(200):
        feed.on_price(tell(second))
        feed.on_price(tell(second, PriceSource.CHAINLINK_TWAP))
    feed.flush()
    assert queue.frames == []
    feed.subscribe(subscriber, SPOT, START + 500 * S)
    feed.subscribe(subscriber, TWAP, START + 500 * S)
    feed.on_price(tell(200))
    feed.on_price(tell(199))
    feed.on_price(tell(200, PriceSource.CHAINLINK_TWAP))
    feed.flush()
    spot, twap, news, average = queue.events
    assert (spot["channel"], spot["seq"], spot["snapshot"]) == ("price.crypto", 1, True)
    assert len(spot["payload"]["data"]) == 121
    assert (twap["channel"], twap["payload"]["window_seconds"]) == ("price.crypto.twap", 60)
    assert (news["seq"], news["payload"]["timestamp"]) == (2, (START + 200 * S) // 1_000_000)
    assert news["payload"]["full_accuracy_value"] == "70200.00000025"
    assert (average["seq"], average["channel"]) == (2, "price.crypto.twap")
    decoder = price_decoder()
    points = [point for frame in queue.frames for point in decoder.decode(frame)[0].points()]
    assert decoder.refused == 0
    assert points[-1].price_e8 == 70_200 * 10**8 + 25
    assert points[-1].symbol == "btcusd"


def test_a_feed_that_is_absent_sends_nothing() -> None:
    feed, queue = PriceFeed(), Collected()
    subscriber = PriceSubscriber(queue)  # type: ignore[arg-type]
    feed.subscribers.add(subscriber)
    feed.subscribe(subscriber, SPOT, START)
    feed.flush()
    assert queue.frames == []


@pytest.mark.parametrize(
    ("source", "stand_in", "name"),
    [
        (PriceSource.CHAINLINK, False, "chainlink"),
        (PriceSource.CHAINLINK_TWAP, False, "chainlink"),
        (PriceSource.CHAINLINK, True, "stand-in"),
        (PriceSource.CHAINLINK_TWAP, True, "stand-in"),
    ],
)
def test_a_price_that_stands_in_says_so(source: PriceSource, stand_in: bool, name: str) -> None:
    feed, queue = PriceFeed(), Collected()
    feed.on_price(msgspec.structs.replace(tell(1, source), stand_in=stand_in))
    feed.subscribe(PriceSubscriber(queue), ("btc", source), START + 5 * S)  # type: ignore[arg-type]
    [frame] = price_decoder().decode(queue.frames[0])
    assert [point.source for point in frame.points()] == [name]
