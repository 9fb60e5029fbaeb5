from decimal import Decimal

import pytest

from polybot.errors import InvalidValue
from polybot.exchange.wire_codec import decode, encode
from polybot.exchange.wire_price_stream import (
    TWAP_CHANNEL,
    PriceFilter,
    PriceFrame,
    PricePoint,
    PriceRequest,
    PriceSubscription,
    price_decoder,
)
from tests.unit.exchange.examples import CREDENTIALS


def read(frame: bytes) -> PriceFrame:
    decoder = price_decoder()
    (event,) = decoder.decode(frame)
    return event


def test_a_price_frame_has_one_point_with_its_exact_price() -> None:
    frame = read(
        b'{"v":1,"channel":"price.crypto.twap","seq":7,"ts":1795000000123,"payload":'
        b'{"symbol":"btcusd","value":71485.23,"full_accuracy_value":"71485.23965784832",'
        b'"timestamp":1795000000000,"source":"chainlink","window_seconds":60}}'
    )
    (point,) = frame.points()
    assert (frame.channel, frame.seq, frame.snapshot, frame.dropped) == (TWAP_CHANNEL, 7, False, 0)
    assert (point.symbol, point.window_seconds) == ("btcusd", 60)
    assert point.price_e8 == 7_148_523_965_785
    assert point.timestamp_ns == 1_795_000_000_000_000_000


def test_a_snapshot_gives_every_point_the_symbol_of_its_frame() -> None:
    frame = read(
        b'{"v":1,"channel":"price.crypto.twap","seq":1,"ts":2,"snapshot":true,"dropped":3,'
        b'"payload":{"symbol":"btcusd","window_seconds":60,"data":['
        b'{"timestamp":1000,"value":"1.5"},{"timestamp":"2000","value":2}]}}'
    )
    assert (frame.snapshot, frame.dropped) == (True, 3)
    assert [(point.symbol, point.window_seconds) for point in frame.points()] == [
        ("btcusd", 60)
    ] * 2
    assert [point.price_e8 for point in frame.points()] == [150_000_000, 200_000_000]
    assert [point.timestamp_ns for point in frame.points()] == [1_000_000_000, 2_000_000_000]


def test_answers_to_requests_have_no_points() -> None:
    authed = read(b'{"op":"authed","rid":"1"}')
    assert (authed.op, authed.rid, authed.points()) == ("authed", "1", [])
    assert read(b'{"op":"error","rid":"1","error":{"code":4008}}').error == {"code": 4008}


def test_a_point_without_price_has_none_and_an_unreadable_one_is_refused() -> None:
    assert PricePoint(symbol="btcusd").price_e8 is None
    with pytest.raises(InvalidValue):
        _ = PricePoint(full_accuracy_value="much").price_e8
    with pytest.raises(InvalidValue):
        _ = PricePoint(timestamp="now").timestamp_ns


def test_requests_are_spelled_as_the_exchange_expects_them() -> None:
    auth = PriceRequest(op="auth", rid="1", auth=CREDENTIALS)
    assert encode(auth) == (
        b'{"op":"auth","rid":"1","auth":{"apiKey":"00000000-0000-0000-0000-000000000001",'
        b'"secret":"c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2U=","passphrase":"pp"}}'
    )
    subscribe = PriceRequest(
        op="subscribe",
        rid="2",
        subscriptions=[
            PriceSubscription(
                channel=TWAP_CHANNEL, filter=PriceFilter(symbol="btcusd", window_seconds=60)
            )
        ],
    )
    assert encode(subscribe) == (
        b'{"op":"subscribe","rid":"2","subscriptions":[{"channel":"price.crypto.twap",'
        b'"filter":{"symbol":"btcusd","window_seconds":60}}]}'
    )
    assert decode(encode(subscribe), PriceRequest) == subscribe


def test_what_the_simulated_exchange_sends_leaves_out_what_it_does_not_know() -> None:
    frame = PriceFrame(
        v=1,
        channel="price.crypto",
        seq=1,
        ts=2,
        payload=PricePoint(symbol="btcusd", value=Decimal("1.5"), timestamp=1000),
    )
    assert encode(frame) == (
        b'{"v":1,"channel":"price.crypto","seq":1,"ts":2,'
        b'"payload":{"symbol":"btcusd","value":1.5,"timestamp":1000}}'
    )
    assert read(encode(frame)) == frame
