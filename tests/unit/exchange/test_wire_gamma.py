from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from polybot.errors import ProtocolError
from polybot.exchange.token_ids import UP_INDEX_SET, ctf_token_id
from polybot.exchange.wire_codec import decode, encode, read_string_array, string_array
from polybot.exchange.wire_gamma import (
    CryptoMarketConfig,
    EventMetadata,
    FeeSchedule,
    GammaEvent,
    GammaMarket,
)
from tests.unit.exchange.examples import recorded_lines

MARKET = GammaMarket(
    id="1",
    slug="btc-updown-15m-1795000500",
    condition_id="0xab",
    version="v1",
    outcomes=string_array(["Up", "Down"]),
    outcome_prices=string_array(["0.535", "0.465"]),
    clob_token_ids=string_array(["11", "22"]),
    position_ids=["33", "44"],
    event_start_time="2026-11-18T18:15:00Z",
    end_date="2026-11-18T18:30:00Z",
    fee_schedule=FeeSchedule(rate=Decimal("0.07"), rebate_rate=Decimal("0.2")),
    crypto_market_config=CryptoMarketConfig(id="btc-15m-twap-60", twap_lookback_seconds=60),
)


def market(**changes: Any) -> GammaMarket:
    return msgspec.structs.replace(MARKET, **changes)


def test_a_market_has_the_keys_and_strings_of_gamma() -> None:
    wire = msgspec.json.decode(encode(MARKET))
    assert wire["conditionId"] == "0xab"
    assert wire["outcomes"] == '["Up", "Down"]'
    assert wire["clobTokenIds"] == '["11", "22"]'
    assert wire["positionIds"] == ["33", "44"]
    assert wire["eventStartTime"] == "2026-11-18T18:15:00Z"
    assert wire["orderPriceMinTickSize"] == 0.01
    assert wire["umaResolutionStatus"] is None
    assert wire["feeSchedule"] == {
        "rate": 0.07,
        "exponent": 1,
        "takerOnly": True,
        "rebateRate": 0.2,
    }
    assert wire["cryptoMarketConfig"]["twapLookbackSeconds"] == 60
    assert decode(encode(MARKET), GammaMarket) == MARKET


@pytest.mark.parametrize(("version", "ids"), [("v1", ["11", "22"]), ("v2", ["33", "44"])])
def test_the_version_alone_chooses_the_ids(version: str, ids: list[str]) -> None:
    assert market(version=version).tradable_ids() == ids


@pytest.mark.parametrize("version", [None, "", "v3"])
def test_an_unknown_version_is_refused(version: str | None) -> None:
    with pytest.raises(ProtocolError, match="market version"):
        market(version=version).tradable_ids()


@pytest.mark.parametrize(
    ("closed", "prices", "winner"),
    [
        (True, ["1", "0"], "Up"),
        (True, ["0", "1"], "Down"),
        (False, ["1", "0"], None),
        (True, ["0", "0"], None),
        (True, ["0.5", "0.5"], None),
        (True, ["0.535", "0.465"], None),
        (True, [], None),
    ],
)
def test_a_market_is_won_when_it_is_closed_and_one_price_is_one(
    closed: bool, prices: list[str], winner: str | None
) -> None:
    assert market(closed=closed, outcome_prices=string_array(prices)).winner() == winner


def test_a_winner_without_a_name_is_none() -> None:
    won = market(closed=True, outcome_prices='["1","0"]', outcomes="")
    assert won.winner() is None


def test_prices_that_are_no_numbers_are_refused() -> None:
    with pytest.raises(ProtocolError, match="prices"):
        market(closed=True, outcome_prices='["yes","no"]').winner()


def test_an_event_holds_its_markets_and_reference_prices() -> None:
    event = GammaEvent(
        slug=MARKET.slug,
        event_metadata=EventMetadata(price_to_beat=Decimal("71485.23965784832")),
        markets=[MARKET],
    )
    assert msgspec.json.decode(encode(event))["eventMetadata"] == {
        "priceToBeat": 71485.23965784832,
        "finalPrice": None,
    }
    assert decode(encode(event), GammaEvent) == event
    assert decode(b'{"slug":"a","tags":[],"volume":1.5}', GammaEvent).markets == []


@pytest.mark.recordings
def test_recorded_markets_are_readable(recordings: Path) -> None:
    path = recordings / "messages/gamma/market_btc_updown_5m_resolved.jsonl.gz"
    for line in recorded_lines(path):
        recorded = decode(line, GammaMarket)
        assert recorded.winner() in ("Up", "Down")
        up = read_string_array(recorded.clob_token_ids)[0]
        assert up == ctf_token_id(recorded.condition_id, UP_INDEX_SET)
        assert recorded.fee_schedule is not None
        assert recorded.fee_schedule.rate == Decimal("0.07")


@pytest.mark.recordings
def test_published_events_and_markets_are_readable(recordings: Path) -> None:
    directory = recordings / "messages/nautilus_rs"
    events = decode((directory / "gamma_event.json").read_bytes(), list[GammaEvent])
    assert events[0].markets[0].neg_risk
    for path in directory.glob("gamma_market*.json"):
        body = path.read_bytes()
        found = decode(body, list[GammaMarket]) if body[:1] == b"[" else [decode(body, GammaMarket)]
        assert all(each.condition_id for each in found)
