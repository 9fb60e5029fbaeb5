"""Prices in the words of the legacy channel and of two other exchanges."""

import json
from decimal import Decimal

from polybot.domain.settlement import PriceSource
from polybot.exchange.wire_binance import binance_decoder
from polybot.exchange.wire_coinbase import coinbase_decoder
from polybot.exchange.wire_rtds import rtds_decoder
from polybot.simulator.feeds.public_price_feed import (
    PublicPriceFeed,
    PublicSubscriber,
    binance_trade,
    coinbase_ticker,
    legacy_history,
    legacy_update,
)
from polybot.simulator.happenings import TellPrice
from tests.unit.simulator.listening import Collected
from tests.unit.simulator.samples import START, S

E8 = 7_621_180_016_560


def price(source: PriceSource, second: int = 0) -> TellPrice:
    moment = START + second * S
    return TellPrice(moment + S // 10, "btc", source, moment, E8 + second)


def test_item_18_a_legacy_update_carries_the_price_in_full() -> None:
    told = json.loads(legacy_update(price(PriceSource.CHAINLINK)), parse_float=Decimal)
    assert told == {
        "payload": {
            "full_accuracy_value": "76211800165600000000000",
            "symbol": "btc/usd",
            "timestamp": START // 1_000_000,
            "value": Decimal("76211.8001656"),
        },
        "timestamp": START // 1_000_000 + 100,
        "topic": "crypto_prices_chainlink",
        "type": "update",
    }
    binance = json.loads(legacy_update(price(PriceSource.BINANCE)))
    assert (binance["topic"], binance["payload"]["symbol"]) == ("crypto_prices", "btcusdt")
    assert binance["payload"]["full_accuracy_value"] == "76211.8001656"
    assert json.loads(legacy_update(price(PriceSource.CHAINLINK_TWAP)))["topic"] == (
        "crypto_prices_twap_sixty"
    )


def test_item_18_our_own_reader_gets_the_exact_price_back() -> None:
    rtds = rtds_decoder()
    history = legacy_history(
        [price(PriceSource.CHAINLINK), price(PriceSource.CHAINLINK, 1)],
        "crypto_prices_chainlink",
        START,
    )
    (frame,) = rtds.decode(history)
    assert (frame.topic, frame.type) == ("crypto_prices", "subscribe")
    assert [(point.symbol, point.price_e8) for point in frame.points()] == [
        ("btc/usd", E8),
        ("btc/usd", E8 + 1),
    ]
    (frame,) = rtds.decode(legacy_update(price(PriceSource.CHAINLINK_TWAP)))
    assert frame.points()[0].price_e8 == E8
    (trade,) = binance_decoder().decode(binance_trade(price(PriceSource.BINANCE), 1))
    assert (trade.symbol, trade.price_e8, trade.timestamp_ns) == ("BTCUSDT", E8, START)
    (ticker,) = coinbase_decoder().decode(coinbase_ticker(price(PriceSource.BINANCE), 1))
    # A ticker has cents.
    assert (ticker.product_id, ticker.price_e8) == ("BTC-USD", 7_621_180_000_000)
    assert ticker.timestamp_ns == START


def test_who_hears_nothing_of_a_price_is_sent_nothing() -> None:
    feed = PublicPriceFeed()
    deaf, hearing = Collected(), Collected()
    feed.subscribers.add(PublicSubscriber(deaf, lambda _: None))  # type: ignore[arg-type]
    feed.subscribers.add(PublicSubscriber(hearing, legacy_update))  # type: ignore[arg-type]
    feed.on_price(price(PriceSource.CHAINLINK))
    feed.flush()
    feed.flush()
    assert (len(deaf.frames), len(hearing.frames)) == (0, 1)
