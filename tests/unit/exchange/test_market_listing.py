"""A listing becomes a market only when everything in it fits; each misfit has its own code."""

import json
from decimal import Decimal
from typing import Any

import pytest

from polybot.domain.market import FeeSchedule, Market, SettlementRule
from polybot.errors import MarketRefused, ProtocolError
from polybot.exchange.market_listing import fees_of, market_of, min_size_of, tick_of
from polybot.exchange.token_ids import derive_protocol_ids
from polybot.exchange.wire_codec import decode
from polybot.exchange.wire_gamma import GammaMarket
from tests.unit.exchange.examples import vectors
from tests.unit.exchange.listings import DOWN, MARKET, SLUG, STREAMS, UP, listed

V2 = derive_protocol_ids(SLUG)
V2_LISTED: dict[str, Any] = {
    "version": "v2",
    "conditionId": V2.condition_id,
    "positionIds": [V2.token_up, V2.token_down],
}


def read(**changes: Any) -> Market:
    return market_of(decode(json.dumps(listed(**changes)).encode(), GammaMarket))


def tokens(*ids: str) -> dict[str, Any]:
    return {"clobTokenIds": json.dumps(ids)}


def test_a_good_listing_is_read_in_our_units() -> None:
    assert read() == MARKET


def test_a_market_of_the_next_protocol_trades_its_position_ids() -> None:
    market = read(**V2_LISTED)
    assert (market.version, market.token_up, market.token_down) == ("v2", *V2[1:])
    # A v1 market that carries position ids already still trades its CTF tokens.
    assert read(positionIds=[V2.token_up, V2.token_down]) == MARKET


def test_a_condition_may_be_written_without_its_zero_byte() -> None:
    short = V2_LISTED | {"conditionId": V2.condition_id[:-2]}
    assert read(**short).token_down == V2.token_down


FAR_BIT = 1 << 256
# What is odd in a listing, and the code it is refused with.
REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"version": "v3"}, "version"),
    ({"version": None}, "version"),
    ({"version": ...}, "version"),
    ({"version": "V1"}, "version"),
    ({"slug": "will-it-rain"}, "slug"),
    ({"slug": "btc-updown-5m-1787236801"}, "slug"),
    ({"eventStartTime": None}, "times"),
    ({"eventStartTime": "soon"}, "times"),
    ({"eventStartTime": "2026-08-20T14:45:00Z"}, "times"),
    ({"eventStartTime": "2026-08-19T14:40:00Z"}, "times"),
    ({"eventStartTime": "2026-08-20T14:40:00.5Z"}, "times"),
    ({"endDate": "2026-08-20T14:45:00"}, "times"),
    ({"endDate": "2026-08-20"}, "times"),
    ({"endDate": "2026-08-20T14:39:00Z"}, "times"),
    ({"endDate": "2026-08-20T14:55:00Z"}, "times"),
    ({"outcomes": '["Down", "Up"]'}, "tokens"),
    ({"outcomes": '["Yes", "No"]'}, "tokens"),
    ({"outcomes": "Up, Down"}, "tokens"),
    ({"clobTokenIds": "nonsense"}, "tokens"),
    (tokens(UP), "tokens"),
    (tokens(UP, DOWN, UP), "tokens"),
    (tokens(DOWN, UP), "tokens_swapped"),
    (tokens(UP, UP), "tokens_foreign"),
    (tokens(UP, str(int(DOWN) ^ 1)), "tokens_foreign"),
    ({"conditionId": "0x" + "ab" * 32}, "tokens_foreign"),
    ({"conditionId": ""}, "condition_id"),
    ({"conditionId": "0x12"}, "condition_id"),
    ({"conditionId": "nonsense"}, "condition_id"),
    (tokens("111", "222"), "token_id"),
    (tokens(hex(int(UP)), DOWN), "token_id"),
    (tokens(str(int(UP) + FAR_BIT), DOWN), "token_id"),
    (tokens(UP, str(FAR_BIT)), "token_id"),
    (tokens("9" * 400, DOWN), "token_id"),
    (tokens(f"0{UP}", DOWN), "token_id"),
    (tokens(f"-{UP}", DOWN), "token_id"),
    (tokens("", DOWN), "token_id"),
    (tokens("\u0663" * 70, DOWN), "token_id"),
    (tokens(V2.token_up, V2.token_down), "token_id"),
    (V2_LISTED | {"positionIds": None}, "tokens"),
    (V2_LISTED | {"positionIds": [UP, DOWN]}, "token_id"),
    (V2_LISTED | {"positionIds": [V2.token_down, V2.token_up]}, "tokens_swapped"),
    (V2_LISTED | {"positionIds": [V2.token_up, str(int(V2.token_up) + 2)]}, "tokens_foreign"),
    ({"resolutionSource": "https://www.binance.com/en/trade/BTC_USDT"}, "settlement_source"),
    ({"resolutionSource": None}, "settlement_source"),
    ({"resolutionSource": ""}, "settlement_source"),
    ({"resolutionSource": f"{STREAMS}eth-usd-twap-60s-streams"}, "settlement_source"),
    ({"resolutionSource": f"{STREAMS}btc-usdt"}, "settlement_source"),
    ({"resolutionSource": f"{STREAMS}btc-usd"}, "settlement_source"),
    ({"cryptoMarketConfig": {"twapLookbackSeconds": 30}}, "settlement_source"),
    ({"cryptoMarketConfig": {"twapLookbackSeconds": -60}}, "settlement_source"),
    ({"orderPriceMinTickSize": 0}, "tick_size"),
    ({"orderPriceMinTickSize": -0.01}, "tick_size"),
    ({"orderPriceMinTickSize": 0.02}, "tick_size"),
    ({"orderPriceMinTickSize": 0.00005}, "tick_size"),
    ({"orderPriceMinTickSize": 1}, "tick_size"),
    ({"orderMinSize": 0}, "min_size"),
    ({"orderMinSize": -5}, "min_size"),
    ({"orderMinSize": 1e9}, "min_size"),
    ({"feeSchedule": None}, "fee_schedule"),
    ({"feeSchedule": {"rate": -0.07, "exponent": 1}}, "fee_schedule"),
    ({"feeSchedule": {"rate": 0.1001, "exponent": 1}}, "fee_schedule"),
    ({"feeSchedule": {"rate": 7, "exponent": 1}}, "fee_schedule"),
    ({"feeSchedule": {"rate": 0.07001, "exponent": 1}}, "fee_schedule"),
    ({"feeSchedule": {"rate": "NaN", "exponent": 1}}, "fee_schedule"),
    ({"feeSchedule": {"rate": "Infinity", "exponent": 1}}, "fee_schedule"),
    ({"feeSchedule": {"rate": 0.07, "exponent": -1}}, "fee_schedule"),
    ({"feeSchedule": {"rate": 0.07, "exponent": 5}}, "fee_schedule"),
    ({"feeSchedule": {"rate": 0.07, "exponent": 1.5}}, "fee_schedule"),
    ({"feeSchedule": {"rate": 0.07, "exponent": "Infinity"}}, "fee_schedule"),
]


@pytest.mark.parametrize(("changes", "code"), REFUSED, ids=repr)
def test_what_must_not_be_traded_is_refused_by_name(changes: dict[str, Any], code: str) -> None:
    with pytest.raises(MarketRefused, match="expected") as caught:
        read(**changes)
    assert caught.value.code == code
    assert isinstance(caught.value, ProtocolError)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("config", "source", "rule", "lookback"),
    [
        ({"twapLookbackSeconds": 60}, "btc-usd-twap-60s-streams", SettlementRule.TWAP, 60),
        ({"twapLookbackSeconds": 30}, "btc-usd-twap-30s-streams", SettlementRule.TWAP, 30),
        (None, "btc-usd-twap-60s-streams", SettlementRule.TWAP, 60),
        ({"id": "x"}, "BTC-USD-TWAP-60S-streams", SettlementRule.TWAP, 60),
        ({"twapLookbackSeconds": 0}, "btc-usd", SettlementRule.INSTANT, 0),
        (None, "btc-usd", SettlementRule.INSTANT, 0),
    ],
)
def test_the_settlement_rule_is_the_market_s_own(
    config: dict[str, Any] | None, source: str, rule: SettlementRule, lookback: int
) -> None:
    market = read(cryptoMarketConfig=config, resolutionSource=STREAMS + source)
    assert (market.rule, market.twap_lookback_s) == (rule, lookback)


@pytest.mark.parametrize(
    ("changes", "fee"),
    [
        ({"feesEnabled": False, "feeSchedule": None}, FeeSchedule(rate_bps=0)),
        (
            {"feeSchedule": {"rate": 0.0725, "exponent": 2, "takerOnly": False}},
            FeeSchedule(rate_bps=725, exponent=2, taker_only=False),
        ),
        ({"feeSchedule": {"rate": 0.1, "exponent": 4}}, FeeSchedule(rate_bps=1000, exponent=4)),
    ],
)
def test_fees_are_the_market_s_own_schedule(changes: dict[str, Any], fee: FeeSchedule) -> None:
    assert read(**changes).fee == fee


def test_single_values_are_read_alike_from_any_service() -> None:
    assert tick_of("x", Decimal("0.001")) == 10
    assert min_size_of("x", Decimal("7.5")) == 7_500_000
    assert fees_of("x", Decimal("0.07"), Decimal(1), taker_only=True) == FeeSchedule(rate_bps=700)


@pytest.mark.recordings
def test_tokens_of_real_markets_belong_to_their_conditions() -> None:
    for vector in vectors("ctf_token_ids.json")["vectors"]:
        real = {"conditionId": vector["condition_id"]} | tokens(vector["up"], vector["down"])
        assert read(**real).token_up == vector["up"]
        with pytest.raises(MarketRefused, match="Up first"):
            read(**(real | tokens(vector["down"], vector["up"])))
