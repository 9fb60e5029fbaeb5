"""Held orders meet the book of their release, resting ones what the market does."""

import msgspec
import pytest

from polybot.domain.market import Outcome
from polybot.domain.order import OrderType, Side
from polybot.domain.resting import TradePrint
from polybot.simulator.books.records import Deposited, OrderState, QueueMoved
from polybot.simulator.engine.execution import trade_id
from polybot.simulator.happenings import ListWindow, PrintTrade, SetBest, SetBook, SetLevels
from tests.unit.simulator.samples import (
    ADDRESS,
    DOLLARS,
    MARKET,
    SHARES,
    SLUG,
    START,
    Venue,
)


def test_a_trade_has_the_same_id_whenever_it_is_computed() -> None:
    assert trade_id("0x1", 0) == trade_id("0x1", 0)
    assert len({trade_id("0x1", 0), trade_id("0x1", 1), trade_id("0x2", 0)}) == 3


def test_what_is_not_matched_rests_behind_nobody_at_a_better_price() -> None:
    venue = Venue()
    venue.show()
    new = venue.order(Side.BUY, 5200, 60 * SHARES)
    venue.submit(new)
    order = venue.ledger.state.orders[new.order_id]
    assert (order.state, order.filled_shares) == (OrderState.LIVE, 50 * SHARES)
    assert order.queue_ahead_shares == 0
    trade = TradePrint(
        outcome=Outcome.UP, price_bps=5200, size_shares=20 * SHARES, aggressor=Side.SELL
    )
    gone = SetLevels(venue.now_ns, SLUG, ((Side.SELL, 5200, 0),))
    venue.happen(gone, PrintTrade(venue.now_ns, SLUG, trade))
    assert order.state is OrderState.MATCHED
    fees = [venue.ledger.state.trades[each].fee_usdc for each in order.trade_ids]
    assert fees[0] > 0 == fees[1]


def test_a_fak_keeps_what_it_got_and_drops_the_rest() -> None:
    venue = Venue()
    venue.show()
    new = venue.order(Side.BUY, 5200, 40 * DOLLARS, kind=OrderType.FAK)
    venue.submit(new)
    order = venue.ledger.state.orders[new.order_id]
    assert (order.state, order.filled_shares) == (OrderState.MATCHED, 50 * SHARES)
    assert order.reason.startswith("no orders found")
    assert venue.ledger.free_usdc(venue.account) == venue.account.cash_usdc


def test_money_that_left_during_the_delay_ends_the_order() -> None:
    venue = Venue(money_usdc=20 * DOLLARS, delay_ms=150)
    venue.show()
    new = venue.order(Side.BUY, 5200, 30 * SHARES)
    assert venue.submit(new) == ""
    venue.exchange.core.emit(
        Deposited(ts_ns=venue.now_ns, address=ADDRESS, amount_usdc=-10 * DOLLARS)
    )
    venue.wait(1)
    order = venue.ledger.state.orders[new.order_id]
    assert (order.state, order.reason) == (
        OrderState.KILLED,
        "not enough balance / allowance",
    )


def test_a_print_only_moves_the_queue_until_it_is_through() -> None:
    venue = Venue()
    venue.show()
    venue.submit(venue.order(Side.SELL, 5200, 5 * SHARES))
    buy = venue.order(Side.BUY, 5000, 10 * SHARES)
    venue.submit(buy)
    venue.journal()
    trade = TradePrint(
        outcome=Outcome.DOWN, price_bps=5000, size_shares=30 * SHARES, aggressor=Side.BUY
    )
    venue.happen(PrintTrade(venue.now_ns, SLUG, trade))
    moved = [record for record in venue.journal() if isinstance(record, QueueMoved)]
    assert [record.queue_ahead_shares for record in moved] == [70 * SHARES]


def test_a_shrinking_level_moves_the_queue_up_and_fills_nobody() -> None:
    venue = Venue()
    venue.show()
    buy = venue.order(Side.BUY, 5000, 10 * SHARES)
    venue.submit(buy)
    venue.happen(SetLevels(venue.now_ns, SLUG, ((Side.BUY, 5000, 40 * SHARES),)))
    order = venue.ledger.state.orders[buy.order_id]
    assert (order.queue_ahead_shares, order.filled_shares) == (40 * SHARES, 0)


def test_two_of_ours_share_one_quote_best_first() -> None:
    venue = Venue()
    venue.show(bids=((4000, 10 * SHARES),), asks=((6000, 10 * SHARES),))
    low, high = (venue.order(Side.BUY, price, 10 * SHARES) for price in (5000, 5100))
    venue.submit(low)
    venue.submit(high)
    venue.happen(SetBook(venue.now_ns, SLUG, ((4000, 10 * SHARES),), ((4900, 12 * SHARES),)))
    orders = venue.ledger.state.orders
    assert orders[high.order_id].filled_shares == 10 * SHARES
    assert orders[low.order_id].filled_shares == 2 * SHARES


def test_behind_bare_best_prices_an_assumed_queue_stands() -> None:
    venue = Venue()
    market = MARKET.__class__(
        slug="bare",
        condition_id="0xbare",
        token_up="3001",
        token_down="3002",
        asset="btc",
        open_ns=START,
        close_ns=START + 300,
    )
    venue.happen(ListWindow(START, market, 50 * SHARES), SetBest(START, "bare", 4000, 4200))
    new = venue.order(Side.BUY, 4000, 10 * SHARES)
    bare = type(new)(
        **{
            **{name: getattr(new, name) for name in new.__struct_fields__},
            "token_id": "3001",
        }
    )
    assert venue.submit(bare) == ""
    order = venue.ledger.state.orders[bare.order_id]
    assert order.queue_ahead_shares == 50 * SHARES
    venue.happen(SetBest(venue.now_ns, "bare", 3900, 3950))
    assert order.filled_shares == pytest.approx(10 * SHARES)
    assert order.filled_usdc == 4 * DOLLARS


def test_an_assumed_queue_is_gone_when_the_best_price_falls_behind_the_order() -> None:
    venue = Venue()
    market = msgspec.structs.replace(MARKET, slug="bare", condition_id="0xbare", token_up="3001")
    venue.happen(ListWindow(START, market, 50 * SHARES), SetBest(START, "bare", 4000, 4200))
    new = msgspec.structs.replace(venue.order(Side.BUY, 3800, 10 * SHARES), token_id="3001")
    assert venue.submit(new) == ""
    order = venue.ledger.state.orders[new.order_id]
    assert order.queue_ahead_shares == 50 * SHARES
    venue.happen(SetBest(venue.now_ns, "bare", 3700, 4200))
    assert (order.queue_ahead_shares, order.filled_shares) == (0, 0)
