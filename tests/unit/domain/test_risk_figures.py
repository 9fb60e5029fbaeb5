"""The figures of risk: what may be sold, and which orders have spent the one entry."""

import pytest

from polybot.domain.market import Outcome
from polybot.domain.order import OrderStatus, OrderType, Side
from polybot.domain.risk_figures import checks_of, figures_of, sellable_shares, uses_the_entry
from polybot.domain.risk_limits import Commitment, RiskLimits
from tests.unit.domain.test_order import an_order
from tests.unit.domain.test_risk import a_state
from tests.unit.domain.test_worst_case import Wish, bought


def test_what_unresolved_sales_may_move_cannot_be_sold_again() -> None:
    state = a_state(
        positions=(bought(Outcome.UP),),
        orders=(
            an_order(side=Side.SELL, size_shares=10_000_000, status=OrderStatus.UNKNOWN),
            an_order(side=Side.SELL, size_shares=5_000_000, status=OrderStatus.CANCELED),
            an_order(side=Side.SELL, size_shares=5_000_000, agent="other"),
            an_order(side=Side.SELL, size_shares=5_000_000, outcome=Outcome.DOWN),
        ),
    )
    assert sellable_shares("capture", Outcome.UP, state) == 15_000_000
    assert sellable_shares("other", Outcome.UP, state) == -5_000_000


@pytest.mark.parametrize(
    ("status", "order_type", "filled", "used"),
    [
        (OrderStatus.ACCEPTED, OrderType.GTC, 0, True),
        (OrderStatus.CANCELED, OrderType.GTC, 0, True),
        (OrderStatus.UNKNOWN, OrderType.GTC, 0, True),
        (OrderStatus.NOT_PLACED, OrderType.GTC, 0, True),
        (OrderStatus.REJECTED, OrderType.GTC, 0, False),
        (OrderStatus.DENIED, OrderType.GTC, 0, False),
        (OrderStatus.SUBMITTED, OrderType.FAK, 0, True),
        (OrderStatus.CANCELED, OrderType.FAK, 0, False),
        (OrderStatus.CANCELED, OrderType.FAK, 10_000, True),
        (OrderStatus.FILLED, OrderType.FAK, 10_000, True),
        (OrderStatus.NOT_PLACED, OrderType.FAK, 0, True),
    ],
)
def test_an_entry_is_spent_unless_nothing_can_come_of_it(
    status: OrderStatus, order_type: OrderType, filled: int, used: bool
) -> None:
    order = an_order(
        status=status,
        order_type=order_type,
        filled_shares=filled,
        budget_usdc=0 if order_type is OrderType.GTC else 9_500_000,
    )
    assert uses_the_entry(order) is used


def test_other_purposes_spend_no_entry() -> None:
    assert not uses_the_entry(an_order(purpose="profit_lock"))


def test_commitments_are_summed_by_window_agent_and_wallet() -> None:
    slug = a_state().market.slug
    figures = figures_of(
        Wish(),
        a_state(
            commitments=(
                Commitment(agent="capture", slug=slug, usdc=1),
                Commitment(agent="capture", slug="elsewhere", usdc=10),
                Commitment(agent="other", slug=slug, usdc=100),
                Commitment(agent="other", slug="elsewhere", usdc=1000),
            )
        ),
        RiskLimits(),
    )
    assert (figures.window, figures.agent, figures.deployed) == (101, 11, 1111)
    checks = checks_of(figures)
    assert checks["window_usdc"] == 101
    assert checks["order_usdc"] == 23_750_000
