import json
from pathlib import Path

import pytest

from polybot.exchange.wire_codec import encode
from polybot.exchange.wire_market import BookLevel
from polybot.exchange.wire_market_stream import (
    BestPricesEvent,
    BookEvent,
    LastTradeEvent,
    LevelChange,
    MarketEvent,
    MarketResolvedEvent,
    MarketSubscription,
    NewMarketEvent,
    PriceChangeEvent,
    TickSizeEvent,
    market_decoder,
)
from tests.unit.exchange.examples import recorded_lines


@pytest.mark.parametrize(
    ("frame", "event"),
    [
        (
            (
                b'{"market":"0xab","asset_id":"12","timestamp":"7","hash":"h","bids":[{"price":".48",'
                b'"size":"30"}],"asks":[],"tick_size":"0.01","event_type":"book",'
                b'"last_trade_price":"0.5"}'
            ),
            BookEvent(
                market="0xab",
                asset_id="12",
                timestamp="7",
                hash="h",
                bids=[BookLevel(".48", "30")],
                tick_size="0.01",
                last_trade_price="0.5",
            ),
        ),
        (
            (
                b'{"market":"0xab","price_changes":[{"asset_id":"12","price":"0.5","size":"200",'
                b'"side":"BUY","hash":"h","best_bid":"0.5","best_ask":"1"}],"timestamp":"7",'
                b'"event_type":"price_change"}'
            ),
            PriceChangeEvent(
                timestamp="7",
                price_changes=[
                    LevelChange(
                        asset_id="12",
                        price="0.5",
                        size="200",
                        side="BUY",
                    )
                ],
            ),
        ),
        (
            (
                b'{"event_type":"last_trade_price","market":"0xab","asset_id":"12",'
                b'"fee_rate_bps":"0","price":"0.51","side":"BUY","size":"25.0","timestamp":"7"}'
            ),
            LastTradeEvent(asset_id="12", price="0.51", side="BUY", size="25.0", timestamp="7"),
        ),
        (
            (
                b'{"event_type":"tick_size_change","asset_id":"12","old_tick_size":"0.01",'
                b'"new_tick_size":"0.001","timestamp":"7"}'
            ),
            TickSizeEvent(
                asset_id="12", old_tick_size="0.01", new_tick_size="0.001", timestamp="7"
            ),
        ),
        (
            (
                b'{"event_type":"best_bid_ask","asset_id":"12","best_bid":"0.73","best_ask":"0.77",'
                b'"spread":"0.04","timestamp":"7"}'
            ),
            BestPricesEvent(asset_id="12", best_bid="0.73", best_ask="0.77", timestamp="7"),
        ),
        (
            (
                b'{"event_type":"new_market","id":"1","slug":"s","market":"0xab",'
                b'"assets_ids":["12","13"],"outcomes":["Up","Down"],"tags":[],"timestamp":"7"}'
            ),
            NewMarketEvent(
                id="1",
                slug="s",
                market="0xab",
                assets_ids=["12", "13"],
                outcomes=["Up", "Down"],
                timestamp="7",
            ),
        ),
        (
            (
                b'{"event_type":"market_resolved","market":"0xab","assets_ids":["12","13"],'
                b'"winning_asset_id":"12","winning_outcome":"Up","timestamp":"7"}'
            ),
            MarketResolvedEvent(
                market="0xab",
                assets_ids=["12", "13"],
                winning_asset_id="12",
                winning_outcome="Up",
                timestamp="7",
            ),
        ),
    ],
)
def test_every_event_is_read_wherever_its_type_stands(frame: bytes, event: MarketEvent) -> None:
    decoder = market_decoder()
    assert decoder.decode(frame) == [event]
    assert decoder.decode(b"[" + frame + b"," + frame + b"]") == [event, event]
    assert decoder.refused == 0


def test_a_subscription_says_only_what_differs() -> None:
    first = MarketSubscription(assets_ids=["12"], type="market", custom_feature_enabled=True)
    assert encode(first) == b'{"assets_ids":["12"],"type":"market","custom_feature_enabled":true}'
    later = MarketSubscription(assets_ids=["13"], operation="subscribe")
    assert encode(later) == b'{"assets_ids":["13"],"operation":"subscribe"}'


@pytest.mark.recordings
def test_every_recorded_frame_is_readable(recordings: Path) -> None:
    decoder = market_decoder()
    counted = 0
    for path in sorted((recordings / "messages/clob_ws_market").glob("*.jsonl.gz")):
        for line in recorded_lines(path):
            counted += len(decoder.decode(encode(json.loads(line)["payload"])))
    assert (decoder.refused, decoder.last_refusal) == (0, "")
    assert counted > 200


@pytest.mark.recordings
def test_published_frames_are_readable(recordings: Path) -> None:
    decoder = market_decoder()
    for path in (recordings / "messages/nautilus_rs").glob("ws_market_*_msg.json"):
        assert len(decoder.decode(path.read_bytes())) == 1, path.name
    assert decoder.refused == 0


def test_level_changes_are_read_the_same_alone_in_an_array_and_far_into_a_frame() -> None:
    alone = (
        b'{"market":"0xab","price_changes":[{"asset_id":"1","price":"0.5","size":"2","side":"BUY"}]'
        b',"timestamp":"7","event_type":"price_change"}'
    )
    far = alone.replace(b'"0xab"', b'"' + b"a" * 500 + b'"')
    decoder = market_decoder()
    (event,) = decoder.decode(alone)
    assert isinstance(event, PriceChangeEvent)
    for frame in (b"[" + alone + b"]", far, alone.decode()):
        assert decoder.decode(frame) == [event]
    assert decoder.refused == 0
    assert decoder.decode(alone.replace(b'"price_change"', b'"invented"')) == []
    assert decoder.refused == 1
