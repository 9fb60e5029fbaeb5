"""What rows of the books say of themselves."""

import pytest

from polybot.domain.market import NO_FEES, FeeSchedule, Outcome
from polybot.domain.order import OrderType, Side
from polybot.simulator.books.accounts import AccountRow, OrderRow, TradeRow
from polybot.simulator.books.records import OrderState
from tests.unit.simulator.samples import SHARES

FEE = FeeSchedule(rate_bps=700)


def order(side: Side = Side.BUY, state: OrderState = OrderState.LIVE) -> OrderRow:
    return OrderRow(
        order_id="0x1",
        address="0xA",
        owner="key",
        maker="0xA",
        signature_type=0,
        slug="s",
        token_id="1001",
        outcome=Outcome.UP,
        side=side,
        order_type=OrderType.GTC,
        maker_amount=5_000_000,
        taker_amount=10 * SHARES,
        limit_bps=5000,
        size_shares=10 * SHARES,
        post_only=False,
        expiration_s=0,
        expires_ns=0,
        created_ns=1,
        release_ns=1,
        reserved_usdc=5_200_000,
        state=state,
        filled_shares=4 * SHARES,
    )


@pytest.mark.parametrize(
    ("side", "state", "dollars", "shares"),
    [
        (Side.BUY, OrderState.HELD, 5_200_000, 0),
        (Side.BUY, OrderState.LIVE, 3_000_000, 0),
        (Side.BUY, OrderState.CANCELED, 0, 0),
        (Side.SELL, OrderState.LIVE, 0, 6 * SHARES),
        (Side.SELL, OrderState.MATCHED, 0, 0),
    ],
)
def test_an_open_order_reserves_what_is_left_of_it(
    side: Side, state: OrderState, dollars: int, shares: int
) -> None:
    row = order(side, state)
    assert row.reservation_usdc(FEE) == dollars
    assert row.reservation_shares() == shares


def test_where_makers_pay_a_resting_order_reserves_its_fee_too() -> None:
    maker_pays = FeeSchedule(rate_bps=700, taker_only=False)
    assert order().reservation_usdc(maker_pays) == 3_000_000 + 105_000
    assert order().reservation_usdc(NO_FEES) == 3_000_000


def test_an_order_is_what_the_matching_and_the_queue_rules_need() -> None:
    row = order()
    assert row.incoming().limit_bps == 5000
    assert row.resting().remaining_shares == 6 * SHARES


def test_an_account_keeps_no_entry_for_nothing() -> None:
    account = AccountRow(address="0xA")
    account.add_shares("1", 5)
    account.add_shares("1", -5)
    assert account.shares == {}


@pytest.mark.parametrize(
    ("side", "cash", "shares"), [(Side.BUY, -5_100_000, 10), (Side.SELL, 4_900_000, -10)]
)
def test_a_trade_moves_cash_and_shares(side: Side, cash: int, shares: int) -> None:
    trade = TradeRow(
        trade_id="t",
        order_id="0x1",
        address="0xA",
        slug="s",
        token_id="1001",
        outcome=Outcome.UP,
        side=side,
        price_bps=5000,
        size_shares=10,
        notional_usdc=5_000_000,
        fee_usdc=100_000,
        is_maker=False,
        matched_ns=1,
        updated_ns=1,
    )
    assert (trade.cash_usdc, trade.signed_shares) == (cash, shares)
