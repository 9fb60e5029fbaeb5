"""Money and shares that move without an order of the account's own client."""

import pytest

from polybot.domain.market import Outcome
from polybot.domain.order import OrderType, Side
from polybot.errors import InvalidValue
from polybot.simulator.books.records import FlowKind, OrderState, WorldOpened
from polybot.simulator.engine.flows import Conversion, ManualTrade
from polybot.simulator.happenings import ResolveWindow
from polybot.simulator.rules import ExchangeRules
from polybot.simulator.views.data import activity_rows, position_rows
from tests.unit.simulator.crowd import NO_LEVELS, Crowd, address_of
from tests.unit.simulator.samples import DOLLARS, MARKET, SHARES, SLUG, S

BUY, SELL, UP, DOWN = Side.BUY, Side.SELL, Outcome.UP, Outcome.DOWN
SPLIT, MERGE = FlowKind.SPLIT, FlowKind.MERGE


def kinds(crowd: Crowd, name: str) -> list[str]:
    account = crowd.account(name)
    return [row.type for row in activity_rows(crowd.ledger, account, account.address)]


def test_item_08_a_withdrawal_removes_the_orders_it_leaves_without_money() -> None:
    crowd = Crowd(money_usdc=100 * DOLLARS)
    crowd.show()
    older = crowd.place("ann", BUY, 4000, 100 * SHARES)
    newer = crowd.place("ann", BUY, 3000, 100 * SHARES)
    crowd.exchange.external_withdrawal(crowd.account("ann"), 50 * DOLLARS, crowd.now_ns)
    assert (older.state, newer.state) == (OrderState.LIVE, OrderState.CANCELED)
    assert newer.reason == "not enough balance / allowance"
    assert crowd.account("ann").deposited_usdc == 50 * DOLLARS
    with pytest.raises(InvalidValue, match="at most 50000000"):
        crowd.exchange.external_withdrawal(crowd.account("ann"), 51 * DOLLARS, crowd.now_ns)
    crowd.exchange.external_deposit(crowd.account("ann"), 7 * DOLLARS, crowd.now_ns)
    assert crowd.account("ann").cash_usdc == 57 * DOLLARS
    assert kinds(crowd, "ann") == []


def test_item_08_shares_sold_by_hand_remove_the_orders_that_would_sell_them_again() -> None:
    crowd = Crowd(shares=20 * SHARES)
    crowd.show()
    crowd.place("ann", SELL, 6000, 15 * SHARES)
    trade = ManualTrade(token_id=MARKET.token_up, side=SELL, amount=5 * SHARES, limit_bps=5000)
    assert crowd.exchange.external_trade(crowd.account("ann"), trade, crowd.now_ns) == ""
    assert len(crowd.ledger.open_orders_of(crowd.account("ann"))) == 1
    merged = Conversion(slug=SLUG, kind=MERGE, size_shares=10 * SHARES)
    crowd.exchange.external_conversion(crowd.account("ann"), merged, crowd.now_ns)
    assert crowd.ledger.open_orders_of(crowd.account("ann")) == []


def test_a_trade_by_hand_is_the_wallets_but_under_a_foreign_key() -> None:
    crowd = Crowd()
    crowd.show()
    ours = crowd.place("ann", BUY, 5200, 5 * SHARES)
    trade = ManualTrade(token_id=MARKET.token_up, side=BUY, amount=2 * DOLLARS + 7, limit_bps=6000)
    assert crowd.exchange.external_trade(crowd.account("ann"), trade, crowd.now_ns) == ""
    _, theirs = crowd.ledger.state.orders.values()
    assert theirs.order_type is OrderType.FAK
    assert theirs.owner != ours.owner
    assert 2 * DOLLARS - 1 <= theirs.filled_usdc <= 2 * DOLLARS
    assert {row.address for row in crowd.trades_of("ann")} == {address_of("ann")}
    worst = ManualTrade(token_id=MARKET.token_up, side=BUY, amount=2 * DOLLARS, limit_bps=100)
    text = crowd.exchange.external_trade(crowd.account("ann"), worst, crowd.now_ns)
    assert text.startswith("no orders found to match")


def test_dollars_split_into_both_outcomes_and_merge_back() -> None:
    crowd = Crowd()
    ann = crowd.account("ann")
    split = Conversion(slug=SLUG, kind=SPLIT, size_shares=30 * SHARES)
    crowd.exchange.external_conversion(ann, split, crowd.now_ns)
    assert (ann.cash_usdc, ann.deposited_usdc) == (970 * DOLLARS, 1000 * DOLLARS)
    assert ann.shares == {MARKET.token_up: 30 * SHARES, MARKET.token_down: 30 * SHARES}
    merge = Conversion(slug=SLUG, kind=MERGE, size_shares=10 * SHARES)
    crowd.exchange.external_conversion(ann, merge, crowd.now_ns)
    assert ann.cash_usdc == 980 * DOLLARS
    assert kinds(crowd, "ann") == ["SPLIT", "MERGE"]
    held = position_rows(crowd.ledger, ann, "0x")
    assert [(row.status, int(row.current_size)) for row in held] == [("OPEN", 20), ("OPEN", 20)]
    crowd.exchange.advance(crowd.now_ns, [ResolveWindow(crowd.now_ns, SLUG, UP)])
    crowd.wait(20)
    assert (ann.cash_usdc, ann.shares) == (1000 * DOLLARS, {})


@pytest.mark.parametrize(
    "wanted",
    [
        Conversion(slug=SLUG, kind=SPLIT, size_shares=1001 * SHARES),
        Conversion(slug=SLUG, kind=MERGE, size_shares=1),
        Conversion(slug=SLUG, kind=SPLIT, size_shares=0),
        Conversion(slug="none", kind=SPLIT, size_shares=1),
        Conversion(slug=SLUG, kind=FlowKind.REWARD, size_shares=1),
    ],
)
def test_what_cannot_be_converted_is_refused_and_changes_nothing(wanted: Conversion) -> None:
    crowd = Crowd()
    count = len(crowd.journal())
    with pytest.raises(InvalidValue, match="expected"):
        crowd.exchange.external_conversion(crowd.account("ann"), wanted, crowd.now_ns)
    assert len(crowd.journal()) == count


def test_item_19_makers_get_a_fifth_of_the_fees_of_their_trades_from_a_dollar_on() -> None:
    crowd = Crowd(money_usdc=10_000 * DOLLARS, shares=1000 * SHARES)
    crowd.show(NO_LEVELS, NO_LEVELS)
    crowd.place("ann", BUY, 5000, 600 * SHARES)
    crowd.place("bob", SELL, 5000, 600 * SHARES)
    crowd.place("cid", BUY, 5000, 50 * SHARES)
    crowd.place("bob", SELL, 5000, 50 * SHARES)
    crowd.wait(10)
    before = {name: crowd.account(name).cash_usdc for name in ("ann", "bob", "cid")}
    crowd.exchange.pay_rebates(crowd.now_ns)
    gained = {name: crowd.account(name).cash_usdc - before[name] for name in before}
    # 600 x 0.07 x 0.25 is $10.50 of fees; cid's share of $0.175 is too small to be paid.
    assert gained == {"ann": 2_100_000, "bob": 0, "cid": 0}
    assert kinds(crowd, "ann")[0] == "MAKER_REBATE"
    crowd.exchange.pay_rebates(crowd.now_ns)
    assert crowd.account("ann").cash_usdc == before["ann"] + 2_100_000


def test_item_19_rebates_are_paid_by_themselves_as_often_as_the_rules_say() -> None:
    crowd = Crowd(rules=ExchangeRules(taker_delay_ns=0, rebate_every_ns=3600 * S))
    crowd.exchange.core.emit(WorldOpened(ts_ns=crowd.now_ns, source="a test"))
    start = crowd.now_ns
    crowd.wait(3 * 3600)
    paid = [row.ts_ns for row in crowd.journal() if type(row).__name__ == "RebatesPaid"]
    assert paid == [start + hours * 3600 * S for hours in (1, 2, 3)]
    crowd.exchange.set_rules(ExchangeRules(rebate_every_ns=0))
    crowd.wait(24 * 3600)
    assert [row.ts_ns for row in crowd.journal() if type(row).__name__ == "RebatesPaid"] == paid


def test_rewards_are_paid_as_what_they_are() -> None:
    crowd = Crowd()
    ann = crowd.account("ann")
    crowd.exchange.external_reward(ann, FlowKind.REWARD, 3 * DOLLARS, crowd.now_ns)
    crowd.exchange.external_reward(ann, FlowKind.TAKER_REBATE, 2 * DOLLARS, crowd.now_ns)
    assert (ann.cash_usdc, kinds(crowd, "ann")) == (
        1005 * DOLLARS,
        ["REWARD", "TAKER_REBATE"],
    )
    with pytest.raises(InvalidValue, match="REWARD or TAKER_REBATE above 0"):
        crowd.exchange.external_reward(ann, FlowKind.DEPOSIT, 3 * DOLLARS, crowd.now_ns)


def test_item_17_a_failed_trade_is_neither_an_activity_nor_part_of_a_position() -> None:
    crowd = Crowd(rules=ExchangeRules(taker_delay_ns=0, failed_share=1_000_000))
    crowd.show()
    crowd.place("ann", BUY, 5200, 5 * SHARES)
    assert kinds(crowd, "ann") == ["TRADE"]
    crowd.wait(20)
    assert kinds(crowd, "ann") == []
    assert position_rows(crowd.ledger, crowd.account("ann"), "0x") == []
