"""What the exchange does between accounts, row by row of what is known of the real one."""

import pytest

from polybot.domain.market import Outcome
from polybot.domain.order import OrderType, Side
from polybot.exchange.account_rows import own_fills
from polybot.simulator.books.ledger import replayed
from polybot.simulator.books.records import OrderState
from polybot.simulator.engine.core import NullListener
from polybot.simulator.engine.engine import SimulatedExchange
from polybot.simulator.feeds.user_feed import UserFeed, UserSubscriber
from polybot.simulator.rules import NS_PER_MS, ExchangeRules
from polybot.simulator.views.account import wire_trade
from polybot.simulator.views.book import book_answer
from tests.unit.simulator.crowd import NO_LEVELS, Crowd, address_of
from tests.unit.simulator.listening import Collected
from tests.unit.simulator.samples import BIDS, DOLLARS, MARKET, SHARES, SLUG

BUY, SELL, UP, DOWN = Side.BUY, Side.SELL, Outcome.UP, Outcome.DOWN


def empty(shares: int = 0) -> Crowd:
    crowd = Crowd(shares=shares)
    crowd.show(NO_LEVELS, NO_LEVELS)
    return crowd


def shown(crowd: Crowd, outcome: Outcome) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    book = crowd.exchange.book(SLUG)
    assert book is not None
    answer = book_answer(book, outcome, crowd.now_ns)
    return (
        [(level.price, level.size) for level in answer.bids],
        [(level.price, level.size) for level in answer.asks],
    )


def test_item_04_a_resting_order_is_in_both_tokens_books_together_with_the_outside() -> None:
    crowd = Crowd()
    crowd.show()
    crowd.place("ann", BUY, 5000, 7 * SHARES)
    crowd.place("bob", BUY, 4950 // 100 * 100, 6 * SHARES, outcome=DOWN)
    bids, asks = shown(crowd, UP)
    assert bids == [("0.49", "200"), ("0.5", "107")]
    assert asks == [("0.53", "80"), ("0.52", "50"), ("0.51", "6")]
    bids, asks = shown(crowd, DOWN)
    assert bids == [("0.47", "80"), ("0.48", "50"), ("0.49", "6")]
    assert asks == [("0.51", "200"), ("0.5", "107")]


def test_item_04_an_order_the_outside_has_come_to_meet_is_not_shown_across_it() -> None:
    crowd = Crowd()
    crowd.show()
    order = crowd.place("ann", BUY, 5000, 7 * SHARES)
    crowd.show(((4900, 10 * SHARES),), ((5000, 10 * SHARES),))
    assert shown(crowd, UP) == ([("0.49", "10")], [("0.5", "10")])
    assert order.state is OrderState.LIVE
    crowd.show(((4900, 10 * SHARES),), ((5100, 10 * SHARES),))
    assert shown(crowd, UP)[0] == [("0.49", "10"), ("0.5", "7")]


def test_item_05_a_sell_fills_another_accounts_resting_buy() -> None:
    crowd = empty(shares=50 * SHARES)
    resting = crowd.place("ann", BUY, 5000, 10 * SHARES)
    taking = crowd.place("bob", SELL, 4800, 10 * SHARES)
    assert (resting.state, taking.state) == (OrderState.MATCHED, OrderState.MATCHED)
    # The better price is the taker's, and only the taker pays a fee: 10 x 0.07 x 0.5 x 0.5.
    assert crowd.account("bob").cash_usdc == 950 * DOLLARS + 5 * DOLLARS - 175_000
    assert crowd.account("ann").cash_usdc == 950 * DOLLARS - 5 * DOLLARS
    assert crowd.account("ann").shares[MARKET.token_up] == 60 * SHARES
    assert crowd.account("bob").shares[MARKET.token_up] == 40 * SHARES


def test_item_05_mint_matches_two_buyers() -> None:
    crowd = empty()
    crowd.place("ann", BUY, 5700, 10 * SHARES)
    taking = crowd.place("bob", BUY, 4500, 10 * SHARES, outcome=DOWN)
    assert taking.filled_usdc == 4_300_000
    assert crowd.account("ann").shares == {MARKET.token_up: 10 * SHARES}
    assert crowd.account("bob").shares == {MARKET.token_down: 10 * SHARES}
    paid = sum(trade.notional_usdc for name in ("ann", "bob") for trade in crowd.trades_of(name))
    assert paid == 10 * DOLLARS


def test_item_05_merge_matches_two_sellers() -> None:
    crowd = empty(shares=20 * SHARES)
    crowd.place("ann", SELL, 6000, 10 * SHARES)
    taking = crowd.place("bob", SELL, 3500, 10 * SHARES, outcome=DOWN)
    assert taking.filled_usdc == 4 * DOLLARS
    assert crowd.account("ann").shares[MARKET.token_up] == 10 * SHARES
    assert crowd.account("bob").shares[MARKET.token_down] == 10 * SHARES
    received = sum(
        trade.notional_usdc for name in ("ann", "bob") for trade in crowd.trades_of(name)
    )
    assert received == 10 * DOLLARS


def test_item_05_the_best_price_comes_first_and_at_one_price_the_oldest() -> None:
    crowd = empty(shares=100 * SHARES)
    first = crowd.place("ann", BUY, 5000, 10 * SHARES)
    second = crowd.place("cid", BUY, 5000, 10 * SHARES)
    best = crowd.place("cid", BUY, 5100, 5 * SHARES)
    crowd.place("bob", SELL, 5000, 18 * SHARES)
    filled = [order.filled_shares // SHARES for order in (best, first, second)]
    assert filled == [5, 10, 3]
    crowd.place("bob", SELL, 5000, 7 * SHARES, kind=OrderType.FOK)
    assert second.state is OrderState.MATCHED


def test_item_05_outside_depth_from_before_is_ahead_and_from_later_behind() -> None:
    crowd = Crowd(shares=300 * SHARES)
    crowd.show()
    order = crowd.place("ann", BUY, 5000, 10 * SHARES)
    crowd.level(BUY, 5000, 150 * SHARES)
    crowd.place("bob", SELL, 5000, 60 * SHARES)
    assert (order.filled_shares, order.queue_ahead_shares) == (0, 40 * SHARES)
    crowd.place("bob", SELL, 5000, 44 * SHARES, kind=OrderType.FAK)
    assert (order.filled_shares, order.queue_ahead_shares) == (4 * SHARES, 0)
    crowd.place("bob", SELL, 5000, 30 * SHARES, kind=OrderType.FAK)
    assert order.state is OrderState.MATCHED
    # 134 sold: 10 to ann, 124 of the 150 outside.
    assert shown(crowd, UP)[0][-1] == ("0.5", "26")
    taken = [trade.taken for trade in crowd.trades_of("bob")]
    assert taken == [
        ((5000, 60 * SHARES),),
        ((5000, 40 * SHARES),),
        ((5000, 24 * SHARES),),
    ]


def test_item_05_a_print_outside_serves_the_accounts_in_their_order() -> None:
    crowd = Crowd()
    crowd.show(((5000, 20 * SHARES),), ((5200, 50 * SHARES),))
    first = crowd.place("ann", BUY, 5000, 10 * SHARES)
    second = crowd.place("bob", BUY, 5000, 10 * SHARES)
    crowd.print_trade(SELL, 5000, 34 * SHARES)
    assert (first.filled_shares, second.filled_shares) == (10 * SHARES, 4 * SHARES)


def test_item_05_an_accounts_own_resting_order_is_passed_over_and_then_canceled() -> None:
    """The real exchange says nothing of it; here nobody trades with themselves."""
    crowd = empty(shares=100 * SHARES)
    own = crowd.place("ann", BUY, 5000, 10 * SHARES)
    others = crowd.place("bob", BUY, 4900, 6 * SHARES)
    taking = crowd.place("ann", SELL, 4900, 10 * SHARES)
    assert (taking.filled_shares, others.state) == (6 * SHARES, OrderState.MATCHED)
    assert (own.state, own.filled_shares) == (OrderState.CANCELED, 0)
    assert (taking.state, taking.remaining_shares) == (OrderState.LIVE, 4 * SHARES)
    bids, asks = shown(crowd, UP)
    assert (bids, asks) == ([], [("0.49", "4")])


def test_item_05_minting_with_oneself_is_passed_over_too_and_a_fok_finds_nothing() -> None:
    crowd = empty()
    own = crowd.place("ann", BUY, 6000, 10 * SHARES)
    text = crowd.refusal("ann", BUY, 5000, 5 * DOLLARS, kind=OrderType.FOK, outcome=DOWN)
    assert text == "order couldn't be fully filled. FOK orders are fully filled or killed."
    assert own.state is OrderState.LIVE


@pytest.mark.parametrize("name", ["bob", "ann"])
def test_item_05_a_post_only_order_that_crosses_anybodys_order_is_refused(name: str) -> None:
    crowd = empty(shares=20 * SHARES)
    crowd.place("ann", BUY, 5000, 10 * SHARES)
    text = crowd.refusal(name, SELL, 5000, 10 * SHARES, post_only=True)
    assert text == "invalid post-only order: order crosses book"
    assert crowd.refusal(name, SELL, 5100, 10 * SHARES, post_only=True) == ""


def test_item_05_a_budget_buys_from_accounts_and_outside_at_their_own_prices() -> None:
    crowd = Crowd(shares=20 * SHARES)
    crowd.show(NO_LEVELS, ((5200, 50 * SHARES),))
    crowd.place("ann", SELL, 5000, 10 * SHARES)
    crowd.place("cid", SELL, 5200, 10 * SHARES)
    order = crowd.place("bob", BUY, 6000, 10_200_000, kind=OrderType.FOK)
    assert (order.filled_usdc, order.filled_shares) == (10_200_000, 20 * SHARES)
    better, worse = crowd.trades_of("bob")
    assert (better.price_bps, better.taken, worse.taken) == (5000, (), ((5200, 10 * SHARES),))
    # cid came to 0.52 after the 50 outside.
    assert crowd.account("cid").shares[MARKET.token_up] == 20 * SHARES


def test_item_10_a_maker_finds_its_part_of_a_mint_in_maker_orders() -> None:
    crowd = empty()
    resting = crowd.place("ann", BUY, 5700, 10 * SHARES)
    taking = crowd.place("bob", BUY, 4300, 10 * SHARES, outcome=DOWN)
    (made,), (took,) = crowd.trades_of("ann"), crowd.trades_of("bob")
    assert made.trade_id == took.trade_id
    row = wire_trade(crowd.ledger, made)
    assert (row.trader_side, row.taker_order_id) == ("MAKER", taking.order_id)
    assert (row.asset_id, row.side, row.price) == (MARKET.token_down, "BUY", "0.43")
    (maker,) = row.maker_orders
    assert (maker.order_id, maker.maker_address) == (resting.order_id, address_of("ann"))
    assert (maker.asset_id, maker.outcome, maker.price) == (MARKET.token_up, "Up", "0.57")
    (fill,) = own_fills(row, api_key="key of ann")
    assert (fill.is_maker, fill.price_bps, fill.token_id) == (True, 5700, MARKET.token_up)
    taken = wire_trade(crowd.ledger, took)
    assert (taken.trader_side, taken.fee_rate_bps) == ("TAKER", "0")
    (fill,) = own_fills(taken, api_key="key of bob")
    assert (fill.is_maker, fill.price_bps, fill.token_id) == (False, 4300, MARKET.token_down)


def test_item_10_a_trade_with_accounts_and_outside_names_all_its_makers() -> None:
    crowd = Crowd(shares=20 * SHARES)
    crowd.show(NO_LEVELS, ((5200, 10 * SHARES),))
    crowd.place("ann", SELL, 5200, 5 * SHARES)
    crowd.place("cid", SELL, 5200, 5 * SHARES)
    order = crowd.place("bob", BUY, 5200, 18 * SHARES)
    assert len(order.trade_ids) == 1
    (trade,) = crowd.trades_of("bob")
    makers = wire_trade(crowd.ledger, trade).maker_orders
    assert sorted(maker.matched_amount for maker in makers) == ["10", "3", "5"]


def test_item_08_what_rests_is_reserved_and_what_is_matched_leaves_it() -> None:
    crowd = empty(shares=100 * SHARES)
    crowd.place("ann", BUY, 5000, 1000 * SHARES)
    assert crowd.ledger.free_usdc(crowd.account("ann")) == 400 * DOLLARS
    assert "balance: 400000000" in crowd.refusal("ann", BUY, 5000, 801 * SHARES)
    crowd.place("bob", SELL, 5000, 100 * SHARES)
    assert crowd.ledger.free_usdc(crowd.account("ann")) == 400 * DOLLARS
    assert crowd.ledger.free_shares(crowd.account("bob"), MARKET.token_up) == 0


def test_item_05_who_was_held_is_younger_than_who_rested_meanwhile_also_after_a_restart() -> None:
    crowd = Crowd(
        rules=ExchangeRules(taker_delay_ns=150 * NS_PER_MS, share_lag_ns=0), shares=20 * SHARES
    )
    crowd.show()
    held = crowd.place("ann", BUY, 5200, 10 * SHARES)
    crowd.show(BIDS, NO_LEVELS)
    rested = crowd.place("bob", BUY, 5200, 10 * SHARES)
    crowd.wait(0.2)
    assert (held.state, rested.state) == (OrderState.LIVE, OrderState.LIVE)
    again = SimulatedExchange(
        replayed(None, crowd.journal()), crowd.exchange.core.rules, NullListener()
    )
    for exchange in (crowd.exchange, again):
        queue = exchange.core.books[SLUG].queue
        assert [order.order_id for order in queue.of_side(BUY)] == [
            rested.order_id,
            held.order_id,
        ]
    crowd.place("cid", SELL, 5200, 7 * SHARES)
    crowd.wait(0.2)
    assert (rested.filled_shares, held.filled_shares) == (7 * SHARES, 0)


def test_item_13_each_account_hears_of_its_own_part_of_a_trade_between_them() -> None:
    crowd = empty()
    feed = UserFeed(crowd.ledger)
    queues = {name: Collected() for name in ("ann", "bob", "cid")}
    for name, queue in queues.items():
        feed.subscribers.add(UserSubscriber(queue, address_of(name)))  # type: ignore[arg-type]
    crowd.exchange.core.listener.on_record = feed.on_record  # type: ignore[method-assign]
    crowd.place("ann", BUY, 5700, 10 * SHARES)
    crowd.place("bob", BUY, 4300, 6 * SHARES, outcome=DOWN)
    crowd.wait(10)
    feed.flush()
    told = {
        name: [(event["type"], event["status"]) for event in queue.take()]
        for name, queue in queues.items()
    }
    steps = [("TRADE", status) for status in ("MATCHED", "MINED", "CONFIRMED")]
    assert told == {
        "ann": [("PLACEMENT", "LIVE"), ("UPDATE", "LIVE"), *steps],
        "bob": [("PLACEMENT", "MATCHED"), ("UPDATE", "MATCHED"), *steps],
        "cid": [],
    }


def test_item_13_who_is_canceled_for_crossing_oneself_hears_of_it() -> None:
    crowd = empty(shares=20 * SHARES)
    feed, queue = UserFeed(crowd.ledger), Collected()
    feed.subscribers.add(UserSubscriber(queue, address_of("ann")))  # type: ignore[arg-type]
    crowd.exchange.core.listener.on_record = feed.on_record  # type: ignore[method-assign]
    own = crowd.place("ann", BUY, 5000, 10 * SHARES)
    crowd.place("ann", SELL, 5000, 10 * SHARES)
    feed.flush()
    events = [(event["type"], event["status"], event["id"]) for event in queue.take()]
    assert events[-1] == ("CANCELLATION", "CANCELED", own.order_id)
    assert [kind for kind, *_ in events] == ["PLACEMENT", "PLACEMENT", "CANCELLATION"]
