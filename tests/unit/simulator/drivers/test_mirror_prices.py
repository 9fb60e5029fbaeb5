"""Tests of a mirror's reference prices: which feed is believed, and what stands in."""

import json
from typing import Any

import pytest

from polybot.domain.settlement import PriceSource
from polybot.exchange.price_readers import BinanceReader, PolyBoltReader
from polybot.simulator.drivers.mirror_prices import MirrorPrices, PriceFeedSource
from polybot.simulator.happenings import TellPrice
from tests.fakes import FakeClock
from tests.unit.simulator.samples import S
from tests.unit.simulator.upstream import FakeStream, at

E8 = 10**8


class Feeds:
    """The exchange's own stream, and Binance as its stand-in."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.own = FakeStream("polybolt", self.clock)
        self.other = FakeStream("binance", self.clock)
        self.prices = MirrorPrices(
            [
                PriceFeedSource(self.own, PolyBoltReader()),
                PriceFeedSource(self.other, BinanceReader()),
            ],
            ("btc",),
        )

    def step(self, seconds: float = 1.0) -> list[TellPrice]:
        self.clock.advance(seconds)
        self.prices.choose(self.clock.mono_ns)
        return self.prices.take(at(500), self.clock.mono_ns)

    def tell(self, channel: str, price: str, second: int) -> None:
        payload = {
            "symbol": "btcusd",
            "full_accuracy_value": price,
            "timestamp": at(second) // 10**6,
        }
        self.put(self.own, {"v": 1, "channel": channel, "payload": payload})

    def trade(self, price: str, seconds: float) -> None:
        traded = {"e": "trade", "s": "BTCUSDT", "p": price, "q": "1", "T": at(seconds) // 10**6}
        self.put(self.other, traded)

    def put(self, stream: FakeStream, event: Any) -> None:
        stream.put(event)
        frame = stream.frames.pop()
        stream.frames.append(
            type(frame)(stream.name, frame.mono_ns, data=json.dumps(event).encode())
        )


@pytest.fixture
def feeds() -> Feeds:
    return Feeds()


def test_the_exchanges_own_prices_are_told_as_they_are(feeds: Feeds) -> None:
    feeds.tell("price.crypto", "70000.5", 1)
    feeds.tell("price.crypto.twap", "70000.25", 1)
    assert feeds.step() == [
        TellPrice(at(500), "btc", PriceSource.CHAINLINK, at(1), 7_000_050_000_000),
        TellPrice(at(500), "btc", PriceSource.CHAINLINK_TWAP, at(1), 7_000_025_000_000),
    ]
    assert (feeds.prices.active, feeds.prices.is_stand_in) == ("polybolt", False)


def test_a_lower_feed_is_heard_only_while_the_higher_is_silent(feeds: Feeds) -> None:
    feeds.step()
    assert (feeds.own.subscribed, feeds.other.subscribed) == (("btcusd",), ())
    feeds.step(11)
    assert feeds.other.subscribed == ("btcusd",)
    feeds.tell("price.crypto", "70000", 12)
    feeds.step()
    feeds.step()
    assert feeds.other.subscribed == ()
    assert feeds.own.subscribed == ("btcusd",)


def test_a_stand_in_is_told_by_the_second_and_marked(
    feeds: Feeds, caplog: pytest.LogCaptureFixture
) -> None:
    feeds.step(11)
    for seconds, price in ((1.2, "100"), (1.9, "101"), (3.1, "102")):
        feeds.trade(price, seconds)
    told = feeds.step()
    assert told == [
        TellPrice(at(500), "btc", PriceSource.CHAINLINK, at(second), 101 * E8, stand_in=True)
        for second in (2, 3)
    ]
    assert feeds.prices.is_stand_in
    assert "binance stands in" in caplog.text


def test_the_average_of_a_stand_in_is_told_from_a_full_minute_on(feeds: Feeds) -> None:
    feeds.step(11)
    for second in range(130):
        feeds.trade("100" if second < 100 else "160", second + 0.5)
    told = [each for each in feeds.step() if each.source is PriceSource.CHAINLINK_TWAP]
    assert told[0].price_ns == at(61)
    assert all(each.stand_in for each in told)
    by_second = {each.price_ns: each.price_e8 for each in told}
    assert by_second[at(90)] == 100 * E8
    # Of the 60 seconds before second 128 the last 27 stood at 160.
    assert by_second[at(128)] == (33 * 100 + 27 * 160) * E8 // 60


def test_an_own_stream_without_its_average_gets_a_marked_one(feeds: Feeds) -> None:
    told: list[TellPrice] = []
    for second in range(70):
        feeds.tell("price.crypto", "100", second)
        told += feeds.step()
    averages = [each for each in told if each.source is PriceSource.CHAINLINK_TWAP]
    assert averages
    assert all(each.stand_in for each in averages)
    assert not any(each.stand_in for each in told if each.source is PriceSource.CHAINLINK)


def test_a_feed_that_goes_silent_is_named_once(
    feeds: Feeds, caplog: pytest.LogCaptureFixture
) -> None:
    feeds.tell("price.crypto", "100", 1)
    for _ in range(20):
        feeds.step()
    assert feeds.prices.active == ""
    assert caplog.text.count("polybolt went silent") == 1


def test_a_hole_in_the_trades_is_filled_for_a_minute_at_most(feeds: Feeds) -> None:
    feeds.step(11)
    feeds.trade("100", 1.5)
    feeds.trade("100", 1000.5)
    told = [each for each in feeds.step() if each.source is PriceSource.CHAINLINK]
    assert [each.price_ns for each in told] == [at(second) for second in range(941, 1001)]
    assert all(each.price_ns % S == 0 for each in told)


def test_the_past_of_a_feed_that_tells_averages_makes_none_of_ours(feeds: Feeds) -> None:
    for second in range(100):
        feeds.tell("price.crypto", "100", second)
    for second in range(100):
        feeds.tell("price.crypto.twap", "101", second)
    told = feeds.step()
    assert not any(each.stand_in for each in told)
    assert sum(each.source is PriceSource.CHAINLINK_TWAP for each in told) == 100
