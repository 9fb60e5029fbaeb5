"""The exchange's rows become our orders and our own part of each trade, in whole units."""

from typing import Any

import msgspec
import pytest

from polybot.errors import InvalidValue, ProtocolError
from polybot.exchange.account_rows import own_fills, venue_order
from polybot.exchange.wire_account import OpenOrder, TradeRow
from polybot.exchange.wire_user_stream import TradeEvent
from polybot.ports import VenueFill, VenueOrder

KEY = "key-1"
OURS: dict[str, Any] = {
    "order_id": "0xours",
    "owner": KEY,
    "matched_amount": "12.5",
    "price": "0.06",
    "asset_id": "down",
    "side": "BUY",
}
THEIRS = OURS | {"order_id": "0xtheirs", "owner": "key-2"}
TRADE: dict[str, Any] = {
    "id": "t1",
    "taker_order_id": "0xtaker",
    "asset_id": "up",
    "side": "BUY",
    "size": "25.123456",
    "price": "0.95",
    "status": "MATCHED",
    "match_time": "1787236900",
    "trader_side": "TAKER",
    "maker_orders": [THEIRS],
}


def fills(row: type[TradeRow] = TradeRow, **changes: Any) -> list[VenueFill]:
    return own_fills(msgspec.convert(TRADE | changes, row), api_key=KEY)


def test_a_taker_s_fill_is_the_row_itself() -> None:
    assert fills() == [
        VenueFill(
            trade_id="t1",
            venue_order_id="0xtaker",
            token_id="up",
            side="BUY",
            price_bps=9500,
            size_shares=25_123_456,
            is_maker=False,
            status="MATCHED",
            matched_ns=1_787_236_900_000_000_000,
        )
    ]


def test_a_maker_s_fills_are_found_by_owner_and_may_be_of_the_other_outcome() -> None:
    second = OURS | {"order_id": "0xsecond", "price": "0.05", "matched_amount": "1"}
    told = fills(trader_side="MAKER", maker_orders=[THEIRS, OURS, second])
    assert [(f.venue_order_id, f.token_id, f.price_bps, f.size_shares) for f in told] == [
        ("0xours", "down", 600, 12_500_000),
        ("0xsecond", "down", 500, 1_000_000),
    ]
    assert all(f.is_maker and f.trade_id == "t1" for f in told)


def test_a_trade_of_our_own_that_met_our_resting_order_fills_both() -> None:
    told = fills(maker_orders=[THEIRS, OURS])
    assert [(f.venue_order_id, f.token_id, f.is_maker) for f in told] == [
        ("0xtaker", "up", False),
        ("0xours", "down", True),
    ]


def test_a_maker_s_trade_without_an_order_of_ours_has_no_fill() -> None:
    assert fills(trader_side="MAKER") == []


@pytest.mark.parametrize(
    ("makers", "order_id"), [([THEIRS], "0xtaker"), ([THEIRS, OURS], "0xours")]
)
def test_a_row_that_names_no_side_is_told_apart_by_its_owners(
    makers: list[Any], order_id: str
) -> None:
    (fill,) = fills(trader_side="", maker_orders=makers)
    assert fill.venue_order_id == order_id


@pytest.mark.parametrize(
    ("told", "status"),
    [
        ("MATCHED", "MATCHED"),
        ("MATCHED_NOT_BROADCASTED", "MATCHED"),
        ("TRADE_STATUS_MATCHED_NOT_BROADCASTED", "MATCHED"),
        ("TRADE_STATUS_CONFIRMED", "CONFIRMED"),
        ("FAILED", "FAILED"),
    ],
)
def test_statuses_lose_their_prefixes(told: str, status: str) -> None:
    assert fills(status=told)[0].status == status


@pytest.mark.parametrize("text", ["", "soon", "-5", "1.5"])
def test_a_time_that_cannot_be_read_is_no_time(text: str) -> None:
    assert fills(match_time=text)[0].matched_ns == 0


@pytest.mark.parametrize(
    "changes",
    [
        {"price": "dear"},
        {"price": "1.5"},
        {"size": "many"},
        {"size": "-1"},
        {"trader_side": "MAKER", "maker_orders": [OURS | {"price": "x"}]},
    ],
)
def test_unreadable_numbers_name_the_trade(changes: dict[str, Any]) -> None:
    with pytest.raises(ProtocolError, match="t1"):
        fills(**changes)


def test_an_event_of_the_stream_is_read_like_a_row() -> None:
    assert fills(TradeEvent, trade_owner=KEY) == fills()


def test_an_order_is_read_in_whole_units() -> None:
    row = OpenOrder(
        id="0x1",
        status="ORDER_STATUS_LIVE",
        asset_id="up",
        side="SELL",
        price="0.985",
        original_size="25.5",
        size_matched="",
        order_type="GTC",
    )
    assert venue_order(row) == VenueOrder("0x1", "up", "SELL", "LIVE", 9850, 25_500_000, 0, "GTC")


@pytest.mark.parametrize("changes", [{"price": "x"}, {"original_size": "x"}, {"size_matched": "x"}])
def test_an_order_with_unreadable_numbers_is_refused(changes: dict[str, str]) -> None:
    row = {"id": "0x1", "status": "LIVE", "price": "0.5", "original_size": "5"} | changes
    with pytest.raises(InvalidValue):
        venue_order(OpenOrder(**row))
