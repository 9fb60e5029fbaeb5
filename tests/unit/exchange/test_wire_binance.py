from polybot.exchange.wire_binance import binance_decoder, binance_request

TRADE = (
    b'{"e":"trade","E":1700000000500,"s":"BTCUSDT","t":1,"p":"71485.23000000","q":"0.1",'
    b'"T":1700000000123,"m":false,"M":true}'
)


def test_the_trades_of_each_asset_are_asked_for() -> None:
    request = binance_request(["btc", "eth"])
    assert (request.method, request.params) == ("SUBSCRIBE", ["btcusdt@trade", "ethusdt@trade"])


def test_a_trade_is_read_plain_and_wrapped() -> None:
    wrapped = b'{"stream":"btcusdt@trade","data":' + TRADE + b"}"
    for frame in (TRADE, wrapped):
        (told,) = binance_decoder().decode(frame)
        trade = told.trade()
        assert trade is not None
        assert (trade.symbol, trade.price_e8, trade.timestamp_ns) == (
            "BTCUSDT",
            7_148_523_000_000,
            1_700_000_000_123_000_000,
        )


def test_an_answer_to_a_request_is_no_trade() -> None:
    (told,) = binance_decoder().decode(b'{"result":null,"id":1}')
    assert told.trade() is None
