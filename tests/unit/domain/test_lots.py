"""Sales are paired with purchases first in, first out, and no micro-dollar is lost."""

from hypothesis import given
from hypothesis import strategies as st

from polybot.domain.fill import Fill, FillStatus
from polybot.domain.lots import match_fifo
from polybot.domain.order import Side
from tests.unit.domain.test_fill import a_fill

FILLS = st.lists(
    st.builds(
        lambda side, price, size, fee, when: a_fill(
            side=side, price_bps=price, size_shares=size, fee_usdc=fee, matched_ns=when
        ),
        st.sampled_from(Side),
        st.integers(min_value=1, max_value=9999),
        st.integers(min_value=1, max_value=50_000_000),
        st.integers(min_value=0, max_value=500_000),
        st.integers(min_value=0, max_value=20),
    ),
    max_size=12,
)


def test_the_oldest_purchase_is_sold_first() -> None:
    match = match_fifo(
        [
            a_fill(trade_id="new", price_bps=9600, matched_ns=2, fee_usdc=0),
            a_fill(trade_id="old", price_bps=9500, matched_ns=1, fee_usdc=0),
            a_fill(
                trade_id="out", side=Side.SELL, price_bps=9900, size_shares=12_000_000,
                matched_ns=3, fee_usdc=0,
            ),
        ]
    )  # fmt: skip
    assert [(e.buy_trade_id, e.shares, e.pnl_usdc) for e in match.exits] == [
        ("old", 10_000_000, 400_000),
        ("new", 2_000_000, 60_000),
    ]
    assert [(lot.trade_id, lot.shares, lot.cash_usdc) for lot in match.lots] == [
        ("new", 8_000_000, 7_680_000)
    ]
    assert match.oversold == ()
    assert match.realized_pnl_usdc == 460_000
    assert match.cost_basis_usdc == 7_680_000


def test_a_sale_without_purchase_is_shown_as_oversold() -> None:
    match = match_fifo([a_fill(side=Side.SELL, fee_usdc=0)])
    assert [lot.shares for lot in match.oversold] == [10_000_000]
    assert not match.exits
    assert not match.lots


def test_a_failed_fill_is_left_out() -> None:
    assert match_fifo([a_fill(status=FillStatus.FAILED)]).lots == ()


@given(FILLS)
def test_the_parts_of_all_fills_add_up_to_their_cash_and_shares(fills: list[Fill]) -> None:
    match = match_fifo(fills)
    cash = sum(fill.cash_usdc for fill in fills)
    shares = sum(fill.signed_shares for fill in fills)
    oversold_cash = sum(lot.cash_usdc for lot in match.oversold)
    assert match.realized_pnl_usdc - match.cost_basis_usdc + oversold_cash == cash
    held = sum(lot.shares for lot in match.lots)
    assert held - sum(lot.shares for lot in match.oversold) == shares
    assert not (match.lots and match.oversold)
    assert all(pair.shares > 0 for pair in match.exits)


@given(FILLS, st.randoms(use_true_random=False))
def test_the_order_of_arrival_does_not_matter(fills: list[Fill], random: object) -> None:
    named = [a_fill_named(fill, str(index)) for index, fill in enumerate(fills)]
    shuffled = list(named)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert match_fifo(shuffled) == match_fifo(named)


def a_fill_named(fill: Fill, name: str) -> Fill:
    return a_fill(
        trade_id=name,
        side=fill.side,
        price_bps=fill.price_bps,
        size_shares=fill.size_shares,
        fee_usdc=fill.fee_usdc,
        matched_ns=fill.matched_ns,
    )
