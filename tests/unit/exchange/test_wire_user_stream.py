from pathlib import Path

import pytest

from polybot.exchange.error_texts import FOK_NOT_FILLED
from polybot.exchange.wire_account import MakerOrder
from polybot.exchange.wire_codec import decode, encode
from polybot.exchange.wire_user_stream import (
    CANCELLATION,
    OrderEvent,
    TradeEvent,
    UserSubscription,
    plain_status,
    user_decoder,
)
from tests.unit.exchange.examples import CREDENTIALS

ORDER = OrderEvent(
    id="0x1",
    status="LIVE",
    owner="key",
    asset_id="12",
    side="BUY",
    price="0.6",
    original_size="12",
    size_matched="",
    created_at="",
    type=CANCELLATION,
    timestamp="7",
)
TRADE = TradeEvent(
    id="t1",
    status="MATCHED",
    taker_order_id="0x1",
    maker_orders=[MakerOrder(order_id="0x2", matched_amount="5", price="0.5")],
    trade_owner="key",
    timestamp="7",
)


@pytest.mark.parametrize("event", [ORDER, TRADE])
def test_an_event_reads_back_alone_and_in_an_array(event: OrderEvent | TradeEvent) -> None:
    decoder = user_decoder()
    assert decoder.decode(encode(event)) == [event]
    assert decoder.decode(encode([event, event])) == [event, event]


def test_events_are_told_apart_by_their_type() -> None:
    assert b'"event_type":"order"' in encode(ORDER)
    assert b'"event_type":"trade"' in encode(TRADE)


@pytest.mark.parametrize(
    ("status", "plain"),
    [
        ("LIVE", "LIVE"),
        ("ORDER_STATUS_LIVE", "LIVE"),
        ("TRADE_STATUS_CONFIRMED", "CONFIRMED"),
        ("MATCHED_NOT_BROADCASTED", "MATCHED_NOT_BROADCASTED"),
        ("CANCELED_MARKET_RESOLVED", "CANCELED_MARKET_RESOLVED"),
        (f"CANCELED_{FOK_NOT_FILLED}", "CANCELED"),
    ],
)
def test_a_status_loses_prefix_and_free_text(status: str, plain: str) -> None:
    assert plain_status(status) == plain


def test_a_subscription_carries_the_credentials() -> None:
    subscription = UserSubscription(auth=CREDENTIALS, markets=["0xab"], type="user")
    assert encode(subscription) == (
        b'{"auth":{"apiKey":"00000000-0000-0000-0000-000000000001",'
        b'"secret":"c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2U=","passphrase":"pp"},'
        b'"markets":["0xab"],"type":"user"}'
    )
    assert decode(encode(subscription), UserSubscription) == subscription


@pytest.mark.recordings
def test_published_events_are_readable(recordings: Path) -> None:
    decoder = user_decoder()
    names = ["ws_messages__order_*.json", "ws_messages__user_trade*.json"]
    paths = [path for name in names for path in (recordings / "messages/nautilus_py").glob(name)]
    paths += (recordings / "messages/nautilus_rs").glob("ws_user_*_msg.json")
    paths.append(recordings / "messages/nautilus_rs/ws_user_order_fok_killed.json")
    for path in paths:
        assert len(decoder.decode(path.read_bytes())) == 1, (path.name, decoder.last_refusal)
    assert len(paths) > 8
