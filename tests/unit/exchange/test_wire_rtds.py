from polybot.exchange.wire_codec import decode, encode
from polybot.exchange.wire_rtds import RtdsRequest, rtds_decoder, rtds_request


def test_both_settlement_prices_of_each_asset_are_asked_for() -> None:
    request = decode(encode(rtds_request(["btc", "eth"])), RtdsRequest)
    assert request.action == "subscribe"
    assert [(s.topic, s.type, s.filters) for s in request.subscriptions] == [
        ("crypto_prices_chainlink", "*", '{"symbol": "btc/usd"}'),
        ("crypto_prices_twap_sixty", "*", '{"symbol": "btc/usd"}'),
        ("crypto_prices_chainlink", "*", '{"symbol": "eth/usd"}'),
        ("crypto_prices_twap_sixty", "*", '{"symbol": "eth/usd"}'),
    ]


def test_an_update_has_one_point_and_history_many_with_the_symbol_of_the_frame() -> None:
    decoder = rtds_decoder()
    (update,) = decoder.decode(
        b'{"topic":"crypto_prices_chainlink","type":"update","timestamp":5,"connection_id":"x",'
        b'"payload":{"symbol":"btc/usd","timestamp":1000,"value":1.5,'
        b'"full_accuracy_value":"1500000000000000000"}}'
    )
    assert [(p.symbol, p.price_e8, p.timestamp_ns) for p in update.points()] == [
        ("btc/usd", 150_000_000, 1_000_000_000)
    ]
    (history,) = decoder.decode(
        b'{"topic":"crypto_prices","type":"subscribe","timestamp":5,"payload":{"symbol":"btcusdt",'
        b'"data":[{"timestamp":1000,"value":1},{"timestamp":2000,"value":2}]}}'
    )
    assert [(p.symbol, p.price_e8) for p in history.points()] == [
        ("btcusdt", 100_000_000),
        ("btcusdt", 200_000_000),
    ]
    (empty,) = decoder.decode(b'{"topic":"crypto_prices","type":"subscribe"}')
    assert empty.points() == []
