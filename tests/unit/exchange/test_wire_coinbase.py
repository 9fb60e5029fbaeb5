import pytest

from polybot.errors import InvalidValue
from polybot.exchange.wire_coinbase import CoinbaseFrame, coinbase_decoder, coinbase_request


def test_the_ticker_of_each_asset_is_asked_for() -> None:
    request = coinbase_request(["btc", "eth"])
    assert (request.type, request.product_ids) == ("subscribe", ["BTC-USD", "ETH-USD"])
    assert request.channels == ["ticker"]


def test_a_ticker_has_a_price_and_the_exchange_s_own_time() -> None:
    (told,) = coinbase_decoder().decode(
        b'{"type":"ticker","sequence":9,"product_id":"BTC-USD","price":"71485.23",'
        b'"best_bid":"71485.22","time":"2026-04-28T09:03:06.659049Z"}'
    )
    assert (told.product_id, told.price_e8) == ("BTC-USD", 7_148_523_000_000)
    assert told.timestamp_ns == 1_777_366_986_659_049_000


@pytest.mark.parametrize("text", ["", "soon", "2026-04-28T09:03:06"])
def test_a_time_without_a_zone_is_refused(text: str) -> None:
    with pytest.raises(InvalidValue):
        _ = CoinbaseFrame(time=text).timestamp_ns
