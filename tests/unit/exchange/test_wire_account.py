import json
from pathlib import Path

import msgspec
import pytest

from polybot.exchange.wire_account import (
    LAST_CURSOR,
    ApiKeysAnswer,
    BalanceAllowance,
    ErrorAnswer,
    HeartbeatAnswer,
    HeartbeatBody,
    MakerOrder,
    OpenOrder,
    OrdersPage,
    TradeRow,
    TradesPage,
)
from polybot.exchange.wire_codec import decode, encode

ORDER = OpenOrder(
    id="0x1",
    status="LIVE",
    owner="key",
    market="0xab",
    asset_id="12",
    side="BUY",
    original_size="100",
    size_matched="25",
    price="0.5",
    outcome="Up",
    expiration="0",
    order_type="GTC",
    associate_trades=["t1"],
    created_at=1_703_875_200,
)
TRADE = TradeRow(
    id="t1",
    taker_order_id="0x1",
    side="BUY",
    size="25",
    price="0.5",
    status="CONFIRMED",
    trader_side="TAKER",
    maker_orders=[MakerOrder(order_id="0x2", matched_amount="25", price="0.5", side="SELL")],
)


def test_pages_read_back_as_they_were_written() -> None:
    orders = OrdersPage(limit=100, count=1, data=[ORDER])
    trades = TradesPage(limit=100, count=1, data=[TRADE])
    assert decode(encode(orders), OrdersPage) == orders
    assert decode(encode(trades), TradesPage) == trades
    assert orders.next_cursor == LAST_CURSOR == "LTE="


@pytest.mark.parametrize(
    "oddity",
    [
        {"expiration": None},
        {"associate_trades": None},
        {"size_matched": ""},
        {"created_at": ""},
        {"created_at": "1703875200000"},
        {"something_new": [1]},
    ],
)
def test_an_order_row_is_readable_with_the_oddities_of_the_exchange(
    oddity: dict[str, object],
) -> None:
    row = {**msgspec.to_builtins(ORDER), **oddity}
    assert decode(encode(row), OpenOrder).id == "0x1"


def test_balances_are_text_in_base_units() -> None:
    answer = decode(b'{"balance":"1000000000","allowances":{"0x1":"5"}}', BalanceAllowance)
    assert (int(answer.balance), answer.allowances) == (1_000_000_000, {"0x1": "5"})
    assert decode(b'{"balance":"1","allowance":"2"}', BalanceAllowance).balance == "1"


def test_a_heartbeat_chains_ids_and_a_wrong_one_is_answered_with_the_right_one() -> None:
    assert encode(HeartbeatBody()) == b'{"heartbeat_id":""}'
    assert encode(HeartbeatAnswer(heartbeat_id="h1")) == b'{"heartbeat_id":"h1"}'
    wrong = b'{"error_msg":"Invalid Heartbeat ID","heartbeat_id":"h1"}'
    assert decode(wrong, HeartbeatAnswer) == HeartbeatAnswer(
        error_msg="Invalid Heartbeat ID", heartbeat_id="h1"
    )


def test_keys_and_errors_have_the_names_of_the_exchange() -> None:
    assert encode(ApiKeysAnswer(api_keys=["k"])) == b'{"apiKeys":["k"]}'
    assert encode(ErrorAnswer(error="market not found")) == b'{"error":"market not found"}'
    assert encode(ErrorAnswer(error="e", code="c", retry_after_seconds=79)) == (
        b'{"error":"e","code":"c","retry_after_seconds":79}'
    )


@pytest.mark.recordings
def test_published_rows_are_readable(recordings: Path) -> None:
    directory = recordings / "messages" / "nautilus_rs"
    page = decode((directory / "http_open_orders_page.json").read_bytes(), OrdersPage)
    assert [row.price for row in page.data] == ["0.6000", "0.4000"]
    trades = decode((directory / "http_trades_page.json").read_bytes(), TradesPage)
    assert trades.data[0].trader_side == "TAKER"
    row = decode((directory / "http_trade_report.json").read_bytes(), TradeRow)
    assert row.maker_orders[0].side == "SELL"
    recorded = json.loads(
        (recordings / "messages/nautilus_py/ws_messages__trades.json").read_text()
    )
    assert decode(encode(recorded), TradeRow).maker_orders[0].matched_amount == "5"
