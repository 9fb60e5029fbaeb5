import json
from pathlib import Path

import msgspec
import pytest

from polybot.exchange.wire_codec import decode, encode
from polybot.exchange.wire_market import BookLevel
from polybot.exchange.wire_market_feed import (
    BestPricesFrame,
    BookFrame,
    LastTradeFrame,
    LevelChangeRow,
    MarketResolvedFrame,
    NewMarketFrame,
    PriceChangeFrame,
    TickSizeFrame,
)
from polybot.exchange.wire_market_stream import market_decoder
from tests.unit.exchange.examples import recorded_lines

FRAMES = [
    BookFrame(
        market="0xab",
        asset_id="12",
        timestamp="7",
        hash="h",
        bids=[BookLevel("0.48", "30")],
        asks=[BookLevel("0.52", "25")],
        tick_size="0.01",
    ),
    PriceChangeFrame(
        market="0xab",
        price_changes=[
            LevelChangeRow(
                asset_id="12",
                price="0.5",
                size="0",
                side="BUY",
                hash="h",
                best_bid="0.48",
                best_ask="0.52",
            )
        ],
        timestamp="7",
    ),
    LastTradeFrame(market="0xab", asset_id="12", price="0.5", size="5", side="BUY", timestamp="7"),
    TickSizeFrame(
        market="0xab", asset_id="12", old_tick_size="0.01", new_tick_size="0.001", timestamp="7"
    ),
    BestPricesFrame(
        market="0xab", asset_id="12", best_bid="0", best_ask="1", spread="1", timestamp="7"
    ),
    NewMarketFrame(
        id="1",
        question="?",
        market="0xab",
        slug="s",
        assets_ids=["12", "13"],
        outcomes=["Up", "Down"],
        timestamp="7",
    ),
    MarketResolvedFrame(
        id="1",
        market="0xab",
        assets_ids=["12", "13"],
        winning_asset_id="12",
        winning_outcome="Up",
        timestamp="7",
    ),
]


@pytest.mark.parametrize("frame", FRAMES, ids=lambda frame: frame.event_type)
def test_what_the_simulated_exchange_sends_is_what_polybot_reads(frame: msgspec.Struct) -> None:
    decoder = market_decoder()
    (event,) = decoder.decode(encode(frame))
    assert decoder.refused == 0
    sent = msgspec.to_builtins(frame)
    assert event.timestamp == "7"
    for name, value in msgspec.to_builtins(event).items():
        if name in sent and not isinstance(value, list):
            assert value == sent[name], name


@pytest.mark.recordings
@pytest.mark.parametrize(
    ("name", "kind"), [("price_change", PriceChangeFrame), ("book_initial_list", BookFrame)]
)
def test_frames_equal_recorded_ones_byte_for_byte(
    recordings: Path, name: str, kind: type[msgspec.Struct]
) -> None:
    path = recordings / "messages/clob_ws_market" / f"{name}.jsonl.gz"
    for line in recorded_lines(path):
        payload = json.loads(line)["payload"]
        for recorded in payload if isinstance(payload, list) else [payload]:
            wire = json.dumps(recorded, separators=(",", ":")).encode()
            assert encode(decode(wire, kind)) == wire
