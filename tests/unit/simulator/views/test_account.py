"""Orders and trades in their owner's words."""

import msgspec
import pytest

from polybot.domain.order import OrderType, Side
from polybot.exchange.account_rows import own_fills, venue_order
from polybot.exchange.wire_user_stream import plain_status
from polybot.simulator.books.records import OrderState
from polybot.simulator.happenings import SetLevels
from polybot.simulator.views.account import (
    open_order,
    order_event,
    post_answer,
    refused_row,
    trade_event,
    transaction_hash,
    wire_trade,
)
from tests.unit.simulator.samples import DOLLARS, SHARES, SLUG, Venue


@pytest.fixture
def venue() -> Venue:
    made = Venue(delay_ms=150)
    made.show()
    return made


def test_amounts_are_given_and_taken_by_the_side(venue: Venue) -> None:
    buy = venue.order(Side.BUY, 5200, 10 * SHARES)
    venue.submit(buy)
    venue.wait(1)
    order = venue.ledger.state.orders[buy.order_id]
    bought = post_answer(order)
    assert (bought.status, bought.making_amount, bought.taking_amount) == ("matched", "5.2", "10")
    venue.wait(3)
    sell = venue.order(Side.SELL, 5000, 4 * SHARES, kind=OrderType.FAK)
    venue.submit(sell)
    venue.wait(1)
    sold = post_answer(venue.ledger.state.orders[sell.order_id])
    assert (sold.making_amount, sold.taking_amount) == ("4", "2")
    rest = venue.order(Side.BUY, 4000, 10 * SHARES)
    venue.submit(rest)
    resting = post_answer(venue.ledger.state.orders[rest.order_id])
    assert (resting.status, resting.making_amount, resting.trade_ids) == ("live", "", [])


def test_our_own_reader_understands_every_state(venue: Venue) -> None:
    new = venue.order(Side.BUY, 5200, 60 * SHARES)
    venue.submit(new)
    order = venue.ledger.state.orders[new.order_id]
    assert venue_order(open_order(venue.ledger, order)).status == "DELAYED"
    venue.wait(1)
    read = venue_order(open_order(venue.ledger, order))
    assert (read.status, read.matched_shares, read.price_bps) == ("LIVE", 50 * SHARES, 5200)
    venue.exchange.cancel(venue.account, [new.order_id], venue.now_ns)
    assert venue_order(open_order(venue.ledger, order)).status == "CANCELED"
    (trade,) = venue.ledger.state.trades.values()
    (fill,) = own_fills(wire_trade(venue.ledger, trade), api_key="key-1")
    assert (fill.venue_order_id, fill.size_shares, fill.is_maker) == (
        new.order_id,
        50 * SHARES,
        False,
    )


def test_a_killed_order_is_told_with_its_reason_and_without_its_numbers(venue: Venue) -> None:
    new = venue.order(Side.BUY, 5200, 10 * DOLLARS, kind=OrderType.FAK)
    venue.submit(new)
    gone = ((Side.SELL, 5200, 0), (Side.SELL, 5300, 0))
    venue.happen(SetLevels(venue.now_ns, SLUG, gone))
    venue.wait(1)
    order = venue.ledger.state.orders[new.order_id]
    assert order.state is OrderState.KILLED
    event = order_event(venue.ledger, order, "CANCELLATION")
    assert event.status.startswith("CANCELED_no orders found to match")
    assert plain_status(event.status) == "CANCELED"
    assert (event.size_matched, event.created_at) == ("", "")


def test_a_trade_has_a_transaction_once_it_is_mined(venue: Venue) -> None:
    venue.submit(venue.order(Side.BUY, 5200, 10 * SHARES))
    venue.wait(0.2)
    (trade,) = venue.ledger.state.trades.values()
    assert transaction_hash(trade) == ""
    venue.wait(2)
    event = trade_event(venue.ledger, trade)
    assert (event.status, event.type, event.trade_owner) == ("MINED", "TRADE", "key-1")
    assert event.transaction_hash.startswith("0x")
    assert event.timestamp == str(trade.updated_ns // 1_000_000)


def test_a_refused_row_of_a_batch_has_success_no_id_and_no_nulls() -> None:
    row = msgspec.to_builtins(refused_row("invalid expiration"))
    assert row == {
        "success": True,
        "errorMsg": "invalid expiration",
        "orderID": "",
        "status": "",
        "makingAmount": "",
        "takingAmount": "",
        "tradeIDs": [],
        "transactionsHashes": [],
    }
