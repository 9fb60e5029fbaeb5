from decimal import Decimal
from pathlib import Path

import msgspec
import pytest

from polybot.exchange.wire_codec import decode, encode
from polybot.exchange.wire_market import (
    BookAnswer,
    BookLevel,
    ClobMarket,
    FeeRateAnswer,
    LastTradeAnswer,
    MarketByToken,
    MarketToken,
    MidpointAnswer,
    NegRiskAnswer,
    PriceAnswer,
    ShortFees,
    ShortMarket,
    ShortToken,
    TickSizeAnswer,
    VersionAnswer,
)

BOOK = BookAnswer(
    market="0xab",
    asset_id="12",
    timestamp="1795000000000",
    hash="00",
    bids=[BookLevel("0.47", "10"), BookLevel("0.48", "500")],
    asks=[BookLevel("0.52", "7"), BookLevel("0.5", "3")],
    min_order_size="5",
    tick_size="0.01",
    last_trade_price="0.5",
)


def test_a_book_is_written_with_the_keys_in_the_order_of_the_exchange() -> None:
    assert encode(BOOK) == (
        b'{"market":"0xab","asset_id":"12","timestamp":"1795000000000","hash":"00",'
        b'"bids":[{"price":"0.47","size":"10"},{"price":"0.48","size":"500"}],'
        b'"asks":[{"price":"0.52","size":"7"},{"price":"0.5","size":"3"}],'
        b'"min_order_size":"5","tick_size":"0.01","neg_risk":false,"last_trade_price":"0.5"}'
    )
    assert decode(encode(BOOK), BookAnswer) == BOOK


@pytest.mark.parametrize(
    ("value", "wire"),
    [
        (VersionAnswer(2), b'{"version":2}'),
        (TickSizeAnswer(Decimal("0.01")), b'{"minimum_tick_size":0.01}'),
        (NegRiskAnswer(neg_risk=False), b'{"neg_risk":false}'),
        (FeeRateAnswer(1000), b'{"base_fee":1000}'),
        (PriceAnswer("0.5"), b'{"price":"0.5"}'),
        (MidpointAnswer("0.505"), b'{"mid":"0.505"}'),
        (LastTradeAnswer(price="0.5"), b'{"price":"0.5","side":""}'),
    ],
)
def test_small_answers_are_spelled_as_the_exchange_spells_them(
    value: msgspec.Struct, wire: bytes
) -> None:
    assert encode(value) == wire
    assert decode(wire, type(value)) == value


def test_a_fee_rate_may_come_as_text() -> None:
    assert decode(b'{"base_fee":"150"}', FeeRateAnswer).base_fee == "150"


def test_a_market_in_short_keys_reads_back() -> None:
    market = ShortMarket(
        condition_id="0xab",
        tokens=[ShortToken(token_id="1", outcome="Up"), ShortToken(token_id="2", outcome="Down")],
        tick_size=Decimal("0.01"),
        fees=ShortFees(rate=Decimal("0.07"), exponent=Decimal(1), taker_only=True),
        taker_delay=True,
    )
    wire = msgspec.json.decode(encode(market))
    assert wire["t"] == [{"t": "1", "o": "Up"}, {"t": "2", "o": "Down"}]
    assert (wire["mts"], wire["mos"], wire["nr"], wire["itode"]) == (0.01, 5, False, True)
    assert wire["fd"] == {"r": 0.07, "e": 1, "to": True}
    assert decode(encode(market), ShortMarket) == market


def test_a_market_without_fees_says_null() -> None:
    wire = b'{"t":[{"t":"1"},null],"mts":0.001,"fd":{"r":null,"e":null,"to":null},"gst":null}'
    market = decode(wire, ShortMarket)
    assert market.fees == ShortFees()
    assert market.tokens == [ShortToken(token_id="1"), None]


def test_a_market_and_its_lookup_by_token_read_back() -> None:
    market = ClobMarket(
        condition_id="0xab",
        tokens=[MarketToken(token_id="1", outcome="Up", price=Decimal("0.53"), winner=True)],
        closed=True,
    )
    assert decode(encode(market), ClobMarket) == market
    found = MarketByToken(condition_id="0xab", primary_token_id="1", secondary_token_id="2")
    assert decode(encode(found), MarketByToken) == found


@pytest.mark.recordings
def test_published_markets_are_readable(recordings: Path) -> None:
    for path in (recordings / "messages/nautilus_rs").glob("clob_market_closed_*.json"):
        market = decode(path.read_bytes(), ClobMarket)
        assert market.closed
        assert len(market.tokens) == 2
