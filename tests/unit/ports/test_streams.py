"""A stream is what the trader takes it for; a frame is data or a change of the connection."""

import asyncio

from polybot.adapters.channel_dialects import MarketDialect
from polybot.adapters.websocket_stream import WebsocketStream
from polybot.ports import Stream, StreamFrame
from tests.fakes import FakeClock
from tests.unit.ports.contract import unmet
from tests.unit.services.trader.fakes_exchange import FakeStream


def test_streams_offer_the_port() -> None:
    real = WebsocketStream(
        MarketDialect(),
        lambda: None,
        wake=asyncio.Event(),
        clock=FakeClock(),
        seed=1,
        stale_s=None,
    )
    for stream in (real, FakeStream("market")):
        assert unmet(Stream, stream) == []


def test_a_frame_without_a_state_is_data() -> None:
    frame = StreamFrame("market", 5, data=b"x")
    assert (frame.state, frame.data) == ("", b"x")
