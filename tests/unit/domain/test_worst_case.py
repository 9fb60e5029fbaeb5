"""The worst case is never beaten by what really happens, and leaving a position never raises it."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from polybot.domain.fees import taker_fee_usdc
from polybot.domain.fill import FillStatus
from polybot.domain.market import FeeSchedule, Outcome
from polybot.domain.order import Order, OrderStatus, OrderType, Side
from polybot.domain.position import Position
from polybot.domain.worst_case import (
    buy_reservation_usdc,
    committed_usdc,
    open_fill_of,
    open_fill_of_wish,
    reservation_usdc,
    wish_reservation_usdc,
    worst_case_loss_usdc,
)
from tests.unit.domain.test_fill import a_fill
from tests.unit.domain.test_order import an_order

FEE = FeeSchedule(rate_bps=700)
STEP = 10_000
PRICES = st.integers(min_value=1, max_value=9999)
SIZES = st.integers(min_value=1, max_value=5_000).map(lambda steps: steps * STEP)


class Wish(msgspec.Struct, frozen=True):
    outcome: Outcome = Outcome.UP
    side: Side = Side.BUY
    order_type: OrderType = OrderType.GTC
    price_bps: int = 9500
    size_shares: int = 25_000_000
    budget_usdc: int = 0
    purpose: str = "entry"


def a_position(outcome: Outcome, *trades: tuple[Side, int, int]) -> Position:
    token = "111" if outcome is Outcome.UP else "222"
    position = Position(
        agent="capture", slug="btc-updown-5m-1787236800", token_id=token, outcome=outcome
    )
    for number, (side, price, size) in enumerate(trades):
        position = position.apply_fill(
            a_fill(
                trade_id=f"{outcome.value}{number}",
                token_id=token,
                outcome=outcome,
                side=side,
                price_bps=price,
                size_shares=size,
                fee_usdc=taker_fee_usdc(FEE, price, size),
                matched_ns=number,
                status=FillStatus.CONFIRMED,
            )
        )
    return position


def bought(outcome: Outcome, price: int = 9500, size: int = 25_000_000) -> Position:
    return a_position(outcome, (Side.BUY, price, size))


COST = 23_750_000 + taker_fee_usdc(FEE, 9500, 25_000_000)


def test_a_held_favorite_can_lose_all_it_cost() -> None:
    assert worst_case_loss_usdc([bought(Outcome.UP)], []) == COST


def test_no_position_and_no_order_lose_nothing() -> None:
    assert worst_case_loss_usdc([], []) == 0


def test_a_pair_bought_under_a_dollar_wins_either_way() -> None:
    both = [bought(Outcome.UP, 4000), bought(Outcome.DOWN, 5000)]
    assert worst_case_loss_usdc(both, []) < 0


def test_a_resting_or_unknown_buy_counts_as_filled() -> None:
    for status in (OrderStatus.ACCEPTED, OrderStatus.UNKNOWN, OrderStatus.PENDING_CANCEL):
        order = an_order(size_shares=25_000_000, status=status)
        assert worst_case_loss_usdc([], [open_fill_of(order, FEE)]) == COST


def test_a_resting_sale_at_a_profit_is_not_counted_on() -> None:
    lock = an_order(side=Side.SELL, price_bps=9900, size_shares=25_000_000)
    assert worst_case_loss_usdc([bought(Outcome.UP)], [open_fill_of(lock, FEE)]) == COST


def test_a_hedge_does_not_raise_the_worst_case_and_a_second_bet_does() -> None:
    held = [bought(Outcome.UP)]
    hedge = Wish(outcome=Outcome.DOWN, price_bps=1000)
    bet = Wish(outcome=Outcome.UP, price_bps=9500, size_shares=5_000_000)
    before = worst_case_loss_usdc(held, [])
    assert worst_case_loss_usdc(held, [open_fill_of_wish(hedge, FEE, None)]) <= before
    assert worst_case_loss_usdc(held, [open_fill_of_wish(bet, FEE, None)]) > before


def test_breaking_a_hedge_raises_the_worst_case() -> None:
    pair = [bought(Outcome.UP, 9000), bought(Outcome.DOWN, 900)]
    sale = open_fill_of_wish(Wish(side=Side.SELL, price_bps=100), FEE, None)
    assert worst_case_loss_usdc(pair, [sale]) > worst_case_loss_usdc(pair, [])


def test_a_budget_reserves_its_fee_at_the_best_price_it_can_meet() -> None:
    wish = Wish(order_type=OrderType.FAK, price_bps=9800, size_shares=0, budget_usdc=24_250_000)
    shares = 24_250_000 * 10_000 // 9700
    exact = 24_250_000 + taker_fee_usdc(FEE, 9700, shares)
    assert wish_reservation_usdc(wish, FEE, 9700) == exact
    assert wish_reservation_usdc(wish, FEE, None) > exact


def test_a_sale_brings_its_price_less_its_fee() -> None:
    sale = open_fill_of_wish(Wish(side=Side.SELL, price_bps=5000), FEE, None)
    fee = taker_fee_usdc(FEE, 5000, 25_000_000)
    assert (sale.shares, sale.cash_usdc) == (-25_000_000, 12_500_000 - fee)


def test_sales_and_finished_orders_reserve_nothing() -> None:
    assert wish_reservation_usdc(Wish(side=Side.SELL), FEE, None) == 0
    assert reservation_usdc(an_order(side=Side.SELL), FEE) == 0
    assert reservation_usdc(an_order(status=OrderStatus.CANCELED), FEE) == 0


def test_committed_is_the_cost_of_what_is_held_and_of_what_may_still_be_bought() -> None:
    position = a_position(Outcome.UP, (Side.BUY, 9500, 20_000_000), (Side.SELL, 6000, 10_000_000))
    half = (19_000_000 + taker_fee_usdc(FEE, 9500, 20_000_000)) // 2
    assert abs(committed_usdc([position], [], FEE) - half) <= 1
    order = an_order(size_shares=25_000_000)
    assert committed_usdc([], [order], FEE) == COST


@given(price=PRICES, better=PRICES, shares=SIZES)
def test_no_fill_costs_more_than_was_reserved(price: int, better: int, shares: int) -> None:
    reserved = buy_reservation_usdc(
        FEE, price_bps=price, shares=shares, budget_usdc=0, best_bps=None
    )
    paid = min(price, better)
    assert paid * shares // 10_000 + taker_fee_usdc(FEE, paid, shares) <= reserved


ORDERS = st.builds(
    lambda outcome, side, price, size: an_order(
        outcome=outcome, side=side, price_bps=price, size_shares=size
    ),
    st.sampled_from(Outcome),
    st.sampled_from(Side),
    PRICES,
    SIZES,
)
TRADES = st.lists(st.tuples(st.sampled_from(Side), PRICES, SIZES), max_size=4)


def cash_of(order: Order, price: int, size: int) -> int:
    fee = taker_fee_usdc(FEE, price, size)
    notional = price * size // 10_000
    return -notional - fee if order.side is Side.BUY else notional - fee


@given(
    up=TRADES,
    down=TRADES,
    orders=st.lists(st.tuples(ORDERS, st.integers(0, 100), PRICES), max_size=5),
    winner=st.sampled_from(Outcome),
)
def test_what_really_happens_is_never_worse(
    up: list[tuple[Side, int, int]],
    down: list[tuple[Side, int, int]],
    orders: list[tuple[Order, int, int]],
    winner: Outcome,
) -> None:
    positions = [a_position(Outcome.UP, *up), a_position(Outcome.DOWN, *down)]
    result = sum(p.settle(won=p.outcome is winner).pnl_usdc for p in positions)
    for order, percent, price in orders:
        size = order.size_shares * percent // 100 // STEP * STEP
        best = min if order.side is Side.BUY else max
        result += cash_of(order, best(price, order.price_bps), size)
        signed = size if order.side is Side.BUY else -size
        result += signed if order.outcome is winner else 0
    worst = worst_case_loss_usdc(positions, [open_fill_of(order, FEE) for order, *_ in orders])
    # A fee is cut down to 5 decimals once for the whole order, and again for a part of it.
    assert -result <= worst + 10 * len(orders)


@given(
    outcome=st.sampled_from(Outcome), price=PRICES, held=SIZES, part=st.integers(1, 100),
    floor=PRICES,
)  # fmt: skip
def test_leaving_a_position_never_raises_the_worst_case(
    outcome: Outcome, price: int, held: int, part: int, floor: int
) -> None:
    position = bought(outcome, price, held)
    size = max(held * part // 100 // STEP * STEP, STEP)
    wish = Wish(outcome=outcome, side=Side.SELL, price_bps=floor, size_shares=size)
    after = worst_case_loss_usdc([position], [open_fill_of_wish(wish, FEE, None)])
    assert after <= worst_case_loss_usdc([position], [])
