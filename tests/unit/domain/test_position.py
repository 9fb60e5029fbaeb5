"""A position is the sum of its fills, and undoing one leaves no trace in the sums."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from polybot.domain.fill import Fill, FillStatus
from polybot.domain.market import Outcome
from polybot.domain.order import Side
from polybot.domain.position import Position
from polybot.errors import InvalidTransition, InvalidValue
from tests.unit.domain.test_fill import a_fill

F = FillStatus
DRAWN = st.tuples(
    st.sampled_from(Side),
    st.integers(min_value=1, max_value=9999),
    st.integers(min_value=1, max_value=50_000_000),
    st.integers(min_value=0, max_value=500_000),
    st.sampled_from([F.MATCHED, F.MINED, F.CONFIRMED]),
)


def fills_of(drawn: list[tuple[Side, int, int, int, FillStatus]]) -> list[Fill]:
    return [
        a_fill(
            trade_id=f"t-{index}",
            side=side,
            price_bps=price,
            size_shares=size,
            fee_usdc=fee,
            status=status,
            matched_ns=index,
        )
        for index, (side, price, size, fee, status) in enumerate(drawn)
    ]


def a_position(*fills: Fill, **changes: Any) -> Position:
    fields: dict[str, Any] = {
        "agent": "capture",
        "slug": "btc-updown-5m-1787236800",
        "token_id": "111",
        "outcome": Outcome.UP,
    }
    position = Position(**(fields | changes))
    for fill in fills:
        position = position.apply_fill(fill)
    return position


def sums(position: Position) -> tuple[object, ...]:
    return position.shares, position.cash_usdc, position.fees_usdc, position.fifo()


@given(st.lists(DRAWN, max_size=10), DRAWN, st.integers(min_value=0, max_value=10))
def test_voiding_a_fill_puts_everything_back_exactly(
    drawn: list[tuple[Side, int, int, int, FillStatus]],
    extra: tuple[Side, int, int, int, FillStatus],
    place: int,
) -> None:
    others = fills_of(drawn)
    side, price, size, fee, _ = extra
    doomed = a_fill(
        trade_id="doomed", side=side, price_bps=price, size_shares=size, fee_usdc=fee, matched_ns=5
    )
    with_doomed = a_position(*others[:place], doomed, *others[place:])
    assert sums(with_doomed.void_fill(doomed.key)) == sums(a_position(*others))


@given(st.lists(DRAWN, max_size=10), st.booleans())
def test_profit_is_the_cash_identity(
    drawn: list[tuple[Side, int, int, int, FillStatus]], won: bool
) -> None:
    fills = fills_of(drawn)
    position = a_position(*fills)
    held = sum(fill.signed_shares for fill in fills)
    sold = sum(fill.notional_usdc for fill in fills if fill.side is Side.SELL)
    bought = sum(fill.notional_usdc for fill in fills if fill.side is Side.BUY)
    fees = sum(fill.fee_usdc for fill in fills)
    settlement = position.settle(won=won)
    assert settlement.pnl_usdc == sold + (held if won else 0) - bought - fees
    # The same sum by pairs: what the exits earned, and what became of the rest.
    fifo = position.fifo()
    rest = sum(lot.cash_usdc for lot in fifo.oversold) - fifo.cost_basis_usdc
    assert fifo.realized_pnl_usdc + rest + settlement.payout_usdc == settlement.pnl_usdc


@given(st.lists(DRAWN, max_size=8))
def test_repeated_and_late_reports_change_nothing(
    drawn: list[tuple[Side, int, int, int, FillStatus]],
) -> None:
    fills = fills_of(drawn)
    once = a_position(*fills)
    late = [msgspec.structs.replace(fill, status=F.MATCHED) for fill in fills]
    assert a_position(*fills, *fills, *late) == once


def test_a_late_report_does_not_bring_a_failed_fill_back() -> None:
    fill = a_fill()
    position = a_position(fill).void_fill(fill.key).apply_fill(fill)
    assert (position.shares, position.cash_usdc) == (0, 0)


def test_a_fill_first_heard_of_when_it_failed_counts_nothing_then_and_later() -> None:
    position = a_position(a_fill(status=F.FAILED), a_fill())
    assert (position.shares, position.cash_usdc) == (0, 0)


def test_two_trades_of_one_order_and_two_orders_of_one_trade_are_different_fills() -> None:
    position = a_position(a_fill(), a_fill(trade_id="t-2"), a_fill(venue_order_id="0xbb"))
    assert position.shares == 30_000_000


def test_a_win_pays_a_dollar_a_share_a_loss_nothing_a_draw_half() -> None:
    position = a_position(a_fill(fee_usdc=0))
    assert position.settle(won=True).pnl_usdc == 500_000
    assert position.settle(won=False).pnl_usdc == -9_500_000
    assert position.settle_at(5000).payout_usdc == 5_000_000
    assert position.unrealized_pnl_usdc(9700) == 200_000


def test_shares_can_move_only_once_their_purchase_is_on_the_chain() -> None:
    bought = a_fill()
    position = a_position(bought, a_fill(trade_id="t-2", side=Side.SELL, size_shares=1_000_000))
    assert position.settled_shares == -1_000_000
    position = position.apply_fill(bought.reported(F.MINED))
    assert position.settled_shares == position.shares == 9_000_000


def test_a_confirmed_fill_cannot_be_voided() -> None:
    fill = a_fill(status=F.CONFIRMED)
    with pytest.raises(InvalidTransition, match="final CONFIRMED"):
        a_position(fill).void_fill(fill.key)


def test_voiding_a_fill_that_is_not_here_is_refused() -> None:
    with pytest.raises(InvalidValue, match="expected a fill of this position"):
        a_position().void_fill(("t-9", "0xaa"))


@pytest.mark.parametrize("changes", [{"agent": "other"}, {"token_id": "222"}])
def test_a_foreign_fill_is_refused(changes: dict[str, str]) -> None:
    with pytest.raises(InvalidValue, match="expected a fill of capture in 111"):
        a_position(a_fill(**changes))


def test_a_trade_that_changes_its_story_is_refused() -> None:
    with pytest.raises(InvalidValue, match="expected trade t-1 to stay"):
        a_position(a_fill(), a_fill(price_bps=9600))


def test_a_position_travels_as_json_and_comes_back_equal() -> None:
    position = a_position(a_fill())
    assert msgspec.json.decode(msgspec.json.encode(position), type=Position) == position
