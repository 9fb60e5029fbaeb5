"""The turn's inputs are taken in order and taped exactly as they are consumed."""

import msgspec
import pytest

from polybot.messages.lifecycle import Heartbeat
from polybot.ports import StreamFrame
from polybot.services.trader.inputs import (
    TAPE_ANSWER,
    TAPE_BUS,
    TAPE_CONNECTION,
    TAPE_STREAMS,
    Inputs,
    PriceReader,
)
from polybot.services.trader.reference import PriceTick
from tests.fakes import FakeClock, FakeInbox, FakeMarketClock
from tests.story import settled
from tests.unit.services.trader import frames
from tests.unit.services.trader.fakes_exchange import FakeAccess, FakeStream, FakeTape, accepted

S = 1_000_000_000


class Case:
    """Inputs whose every port is a fake."""

    def __init__(self) -> None:
        self.inbox, self.access, self.tape = FakeInbox(), FakeAccess(), FakeTape()
        self.market, self.user, self.price = map(FakeStream, ("market", "user", "price"))
        self.inputs = Inputs(
            inbox=self.inbox,
            access=self.access,
            market=self.market,
            user=self.user,
            price=self.price,
            tape=self.tape,
            clock=FakeClock(),
            market_clock=FakeMarketClock(),
        )


def test_frames_are_taped_byte_for_byte_under_their_stream() -> None:
    case = Case()
    for stream in (case.market, case.user, case.price):
        stream.put(f"frame of {stream.name}".encode())
        assert [f.data for f in case.inputs.frames(stream)] == [f"frame of {stream.name}".encode()]
    assert case.tape.taped == [
        (TAPE_STREAMS[name], f"frame of {name}".encode()) for name in ("market", "user", "price")
    ]


def test_a_change_of_a_connection_is_taped_as_such() -> None:
    case = Case()
    case.user.disconnect()
    case.inputs.frames(case.user)
    assert case.tape.taped == [(TAPE_CONNECTION, b"user disconnected: closed")]


def test_bus_messages_are_taped_whole() -> None:
    case = Case()
    envelope = case.inbox.put(settled(), source="tracker")
    case.inbox.put_volatile(
        Heartbeat(process="a", pid=1, last_seq=0, turns=0, progress=0, status="")
    )
    assert [e.type for e, _ in case.inputs.bus()] == ["WindowSettled", "Heartbeat"]
    assert case.tape.taped[0] == (TAPE_BUS, msgspec.json.encode(envelope))
    assert len(case.tape.taped) == 2


def test_answers_are_taken_only_while_the_account_is_known() -> None:
    case = Case()
    case.access.gateway.answers = [accepted("0x1")]
    case.access.is_ready = False
    assert case.inputs.answers() == []
    case.access.is_ready = True
    assert case.inputs.answers() == [accepted("0x1")]
    assert [kind for kind, _ in case.tape.taped] == [TAPE_ANSWER]


def test_the_end_of_a_turn_is_marked() -> None:
    case = Case()
    case.inputs.end()
    assert case.tape.batches == 1


def read(data: bytes) -> list[PriceTick]:
    return PriceReader().read(StreamFrame("price", 0, data=data))


def test_a_price_frame_becomes_a_tick() -> None:
    assert read(frames.price("71485.23965784832", 1_787_236_800_123)) == [
        PriceTick(
            "btc",
            "chainlink",
            twap=False,
            price_ns=1_787_236_800_123_000_000,
            price_e8=7_148_523_965_785,
        )
    ]
    (average,) = read(frames.price("1", 5, twap=True, symbol="ETH/USD"))
    assert (average.asset, average.twap) == ("eth", True)


def test_a_snapshot_of_prices_is_read_oldest_first() -> None:
    points = [{"value": value, "timestamp": value * 1000} for value in (1, 2, 3)]
    data = {"channel": "price.crypto", "payload": {"symbol": "btcusd", "data": points}}
    ticks = read(msgspec.json.encode(data))
    assert [(t.price_ns, t.price_e8) for t in ticks] == [(n * S, n * 10**8) for n in (1, 2, 3)]


@pytest.mark.parametrize(
    "data",
    [
        b"PONG",
        b"junk",
        b'{"op":"authed"}',
        frames.price("dear", 1),
        b'{"channel":"price.crypto","payload":{"symbol":"btcusd","timestamp":"soon","value":1}}',
        b'{"channel":"price.crypto","payload":{"symbol":"btcusd","timestamp":1}}',
        b'{"channel":"price.crypto","payload":{"value":1,"timestamp":1}}',
    ],
)
def test_a_frame_without_a_readable_price_has_none(data: bytes) -> None:
    assert read(data) == []


def test_an_error_of_the_stream_is_said(caplog: pytest.LogCaptureFixture) -> None:
    assert read(b'{"op":"error","error":"bad symbol"}') == []
    assert "bad symbol" in caplog.text


def test_price_frames_that_cannot_be_read_are_one_line_a_minute(
    caplog: pytest.LogCaptureFixture,
) -> None:
    reader = PriceReader()
    for number in range(100):
        assert reader.read(StreamFrame("price", number * S // 10, data=b"{not json")) == []
    assert len(caplog.records) == 1
    reader.read(StreamFrame("price", 61 * S, data=b'"no event"'))
    assert "101 so far, 100 new" in caplog.records[1].getMessage()
