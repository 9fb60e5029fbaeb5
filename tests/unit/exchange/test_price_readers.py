"""Every feed's frames become the same kind of price; what cannot be read is counted."""

import gzip
from typing import Any

import msgspec
import pytest

from polybot.domain.reference_price import PriceKind, ReferencePrice
from polybot.exchange.price_readers import (
    PRICE_READERS,
    BinanceReader,
    CoinbaseReader,
    PolyBoltReader,
    RtdsReader,
)
from tests.recordings_path import recordings_dir

MS = 1_000_000


def polybolt(value: object = "71485.23965784832", *, twap: bool = False, **changes: Any) -> bytes:
    payload = {"symbol": "btcusd", "full_accuracy_value": value, "timestamp": 1000}
    frame = {"v": 1, "channel": "price.crypto.twap" if twap else "price.crypto"}
    inner = {name: changes.pop(name) for name in ("source", "window_seconds") if name in changes}
    return msgspec.json.encode(frame | changes | {"payload": payload | inner})


def test_a_polybolt_frame_is_a_price_with_everything_known_of_it() -> None:
    assert PolyBoltReader().read(polybolt(source="chainlink"), received_ns=7) == [
        ReferencePrice(
            asset="btc",
            feed="polybolt",
            source="chainlink",
            price_ns=1000 * MS,
            price_e8=7_148_523_965_785,
            received_ns=7,
        )
    ]


@pytest.mark.parametrize(
    ("frame", "kind"),
    [
        (polybolt(), PriceKind.SPOT),
        (polybolt(source="chainlink"), PriceKind.SPOT),
        (polybolt(source="binance"), PriceKind.STAND_IN),
        (polybolt(twap=True), PriceKind.TWAP),
        (polybolt(twap=True, window_seconds=60), PriceKind.TWAP),
        (polybolt(twap=True, window_seconds=30), PriceKind.STAND_IN),
        (polybolt(twap=True, source="stand-in"), PriceKind.STAND_IN),
    ],
)
def test_only_the_source_and_the_minute_that_settle_are_no_stand_in(
    frame: bytes, kind: PriceKind
) -> None:
    (price,) = PolyBoltReader().read(frame, 0)
    assert price.kind is kind
    assert price.is_average == (b"twap" in frame)


def test_a_snapshot_is_read_oldest_first_with_its_frame_s_symbol_and_source() -> None:
    points = [{"value": value, "timestamp": value * 1000} for value in (1, 2, 3)]
    payload = {"symbol": "ETH/USD", "source": "binance", "data": points}
    prices = PolyBoltReader().read(
        msgspec.json.encode({"channel": "price.crypto", "snapshot": True, "payload": payload}), 0
    )
    assert [(p.asset, p.source, p.price_ns // MS, p.price_e8) for p in prices] == [
        ("eth", "binance", n * 1000, n * 10**8) for n in (1, 2, 3)
    ]


def test_missing_numbers_and_told_drops_are_counted_once() -> None:
    reader = PolyBoltReader()
    for seq, dropped in ((1, 0), (2, 0), (5, 0), (5, 0), (4, 0), (9, 3), (10, 2)):
        reader.read(polybolt(seq=seq, dropped=dropped), 0)
    # 3 and 4; 6, 7 and 8, which the server owned up to; two more without numbers.
    assert reader.missed == 2 + 3 + 2
    reader.read(polybolt(seq=4, twap=True), 0)
    assert reader.missed == 7
    reader.begin()
    reader.read(polybolt(seq=1), 0)
    assert reader.missed == 7
    reader.read(polybolt(seq=4), 0)
    assert reader.missed == 9


UNREADABLE = [
    polybolt("dear"),
    polybolt("-1"),
    b"junk",
    b'{"op":"error","error":"bad symbol"}',
    b'{"channel":"price.crypto","payload":{"symbol":"btcusd","timestamp":"soon","value":1}}',
]


@pytest.mark.parametrize("frame", UNREADABLE)
def test_what_cannot_be_read_is_counted_with_its_reason(frame: bytes) -> None:
    reader = PolyBoltReader()
    assert reader.read(frame, 0) == []
    assert reader.refused == 1
    assert reader.last_refusal


@pytest.mark.parametrize(
    "frame",
    [
        b"PONG",
        b'{"op":"authed"}',
        b'{"channel":"price.crypto","payload":{"symbol":"btcusd","timestamp":1}}',
        b'{"channel":"price.crypto","payload":{"value":1,"timestamp":1}}',
    ],
)
def test_a_frame_without_a_price_has_none(frame: bytes) -> None:
    reader = PolyBoltReader()
    assert reader.read(frame, 0) == []
    assert reader.refused == 0


def rtds(topic: str, symbol: str = "btc/usd", kind: str = "update") -> bytes:
    payload = {"symbol": symbol, "timestamp": 1000, "value": 2.5}
    return msgspec.json.encode({"topic": topic, "type": kind, "payload": payload})


def test_the_legacy_stream_tells_both_prices_that_settle() -> None:
    reader = RtdsReader()
    (spot,) = reader.read(rtds("crypto_prices_chainlink"), 1)
    (average,) = reader.read(rtds("crypto_prices_twap_sixty"), 1)
    assert (spot.kind, average.kind) == (PriceKind.SPOT, PriceKind.TWAP)
    assert (spot.asset, spot.feed, spot.price_e8) == ("btc", "rtds", 250_000_000)


@pytest.mark.parametrize(
    "frame", [rtds("crypto_prices"), rtds("crypto_prices_chainlink", "btcusdt"), rtds("comments")]
)
def test_a_legacy_price_that_may_be_another_is_left_out(frame: bytes) -> None:
    assert RtdsReader().read(frame, 0) == []


def test_stand_ins_are_named_as_such() -> None:
    (trade,) = BinanceReader().read(b'{"e":"trade","s":"BTCUSDT","p":"2.5","T":1000}', 1)
    (ticker,) = CoinbaseReader().read(
        b'{"type":"ticker","product_id":"BTC-USD","price":"2.5","time":"1970-01-01T00:00:01Z"}', 1
    )
    for price, feed in ((trade, "binance"), (ticker, "coinbase")):
        assert (price.feed, price.source, price.kind) == (feed, feed, PriceKind.STAND_IN)
        assert (price.asset, price.price_ns, price.price_e8) == ("btc", 1000 * MS, 250_000_000)
    assert BinanceReader().read(b'{"e":"trade","s":"BTCEUR","p":"2.5","T":1000}', 1) == []
    assert CoinbaseReader().read(b'{"type":"subscriptions","channels":[]}', 1) == []


def test_every_stream_has_a_reader_and_every_reader_a_feed_of_its_own() -> None:
    feeds = [reader.feed for reader in PRICE_READERS.values()]
    assert feeds == ["polybolt", "rtds", "binance", "coinbase"]


@pytest.mark.parametrize(
    ("stream", "file", "expected"),
    [
        ("rtds", "rtds/crypto_prices_chainlink_update", 150),
        # Its topic does not say whether it is the instant price or the average.
        ("rtds", "rtds/crypto_prices_subscribe", 0),
        ("binance", "binance_ws/trade", 150),
        ("coinbase", "coinbase_ws/ticker", 150),
        ("coinbase", "coinbase_ws/subscriptions", 0),
    ],
)
def test_recorded_frames_are_all_read(stream: str, file: str, expected: int) -> None:
    recordings = recordings_dir()
    path = None if recordings is None else recordings / "messages" / f"{file}.jsonl.gz"
    if path is None or not path.is_file():
        pytest.skip("no recorded messages beside this clone")
    reader = PRICE_READERS[stream]()
    prices = []
    with gzip.open(path, "rb") as lines:
        for line in lines:
            told = msgspec.json.decode(line)
            received_ns = told["recv_ms"] * MS
            prices += reader.read(msgspec.json.encode(told["payload"]), received_ns)
    assert len(prices) == expected
    assert reader.refused == 0
