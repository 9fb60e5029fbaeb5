from typing import Any

import msgspec
import pytest

from polybot.domain.fill import FillStatus
from polybot.domain.order import OrderStatus, OrderTrigger
from polybot.errors import ProtocolError
from polybot.messages.codec import VOLATILE_TYPES, decode_body, encode_body
from polybot.messages.trading import (
    DecisionMade,
    ExternalFlowBooked,
    FillMatched,
    FillStatusChanged,
    OrderStatusChanged,
    OrderSubmitted,
    WindowDiscovered,
)
from tests.story import fill_at, market_at, order_at
from tests.unit.messages.samples import EVENT_TYPES, travelled

CHANGED = OrderStatusChanged(
    venue_order_id="0xa",
    agent="capture",
    slug="s",
    status=OrderStatus.UNKNOWN,
    trigger=OrderTrigger.LOSE_ANSWER,
)


def test_nothing_the_trader_does_is_volatile() -> None:
    traders = {
        name for name, kind in EVENT_TYPES.items() if kind.__module__ == OrderSubmitted.__module__
    }

    assert len(traders) > 10
    assert traders & VOLATILE_TYPES == set()


def test_the_write_ahead_record_keeps_the_bytes_of_the_post() -> None:
    body = '{"order":{"salt":123,"side":"BUY"},"owner":"k-\u00fc","x":"\\""}'
    told = travelled(OrderSubmitted(order=order_at(), decision_id="d1", body=body))

    assert told.body == body
    assert told.order == order_at()


def test_status_and_trigger_travel_as_words() -> None:
    words: dict[str, Any] = msgspec.json.decode(encode_body(CHANGED))

    assert (words["status"], words["trigger"]) == ("UNKNOWN", "lose_answer")
    assert travelled(CHANGED).trigger is OrderTrigger.LOSE_ANSWER


@pytest.mark.parametrize("word", ["status", "trigger"])
def test_a_word_no_table_has_is_refused(word: str) -> None:
    fields = msgspec.json.decode(encode_body(CHANGED)) | {word: "MAYBE"}

    with pytest.raises(ProtocolError, match=rf"OrderStatusChanged(?s:.)*{word}"):
        decode_body("OrderStatusChanged", msgspec.Raw(msgspec.json.encode(fields)))


@pytest.mark.parametrize("status", FillStatus)
def test_every_stage_of_a_match_can_be_told(status: FillStatus) -> None:
    changed = FillStatusChanged(
        trade_id="t", venue_order_id="0xa", agent="capture", slug="s", status=status
    )

    assert travelled(changed).status is status


def test_a_match_tells_the_same_money_on_both_sides() -> None:
    told = travelled(FillMatched(fill=fill_at()))

    assert told.fill.cash_usdc == fill_at().cash_usdc
    assert told.fill.key == fill_at().key


def test_a_market_arrives_with_its_fees_and_its_present_tick() -> None:
    finer = msgspec.structs.replace(market_at(), tick_bps=10)
    told = travelled(WindowDiscovered(market=finer)).market

    assert (told.tick_bps, told.fee.rate_bps) == (10, 700)


def test_the_inputs_of_a_decision_keep_their_kinds() -> None:
    inputs = {"ask_bps": 9500, "confidence": 0.5, "book": None, "stale": False, "why": "price"}
    made = DecisionMade(
        decision_id="d",
        agent="a",
        strategy="s",
        slug="w",
        action="hold",
        reason="price",
        inputs=dict(inputs),
    )
    told = travelled(made).inputs

    assert told == inputs
    assert [type(value) for value in told.values()] == [type(value) for value in inputs.values()]


def test_a_flow_of_money_alone_moves_no_shares() -> None:
    told = travelled(ExternalFlowBooked(kind="opening_balance", amount_usdc=1))

    assert (told.token_id, told.size_shares) == ("", 0)
