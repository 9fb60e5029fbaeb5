"""What the exchange charges for a trade, and how much a balance can buy once it is paid.

Takers pay shares x rate x (p x (1 - p)) ^ exponent dollars, makers nothing (the exchange's
documentation: fees). A buyer pays it on top of the cost, a seller out of the proceeds. The charge
is rounded to 5 decimals and nothing below 0.00001 is charged; that the rounding is downward is what
NautilusTrader's adapter documents of the real charges.
"""

from collections.abc import Callable
from decimal import Decimal

from polybot.domain.market import FeeSchedule
from polybot.domain.money import PRICE_ONE_BPS, notional_usdc
from polybot.errors import InvalidValue

# The smallest charge, 0.00001 dollars, in micro-dollars.
FEE_STEP_USDC = 10
# Twice what the exchange's contract allows at most, and no schedule had an exponent above 2.
HIGHEST_RATE = Decimal("0.1")
HIGHEST_EXPONENT = 4


def fee_problem(rate: Decimal, exponent: Decimal) -> str:
    """Say what is wrong with a listed fee schedule, "" when it can be reckoned with exactly."""
    if not (rate.is_finite() and 0 <= rate <= HIGHEST_RATE):
        return f"expected a fee rate of 0 to {HIGHEST_RATE}, was {rate}"
    if rate * PRICE_ONE_BPS % 1:
        return f"expected a fee rate with at most 4 decimals, was {rate}"
    if not (exponent.is_finite() and 0 <= exponent <= HIGHEST_EXPONENT) or exponent % 1:
        return f"expected a whole fee exponent of 0 to {HIGHEST_EXPONENT}, was {exponent}"
    return ""


def taker_fee_usdc(schedule: FeeSchedule, price_bps: int, size_shares: int) -> int:
    """Return what taking `size_shares` at `price_bps` costs, in micro-dollars."""
    curve = (price_bps * (PRICE_ONE_BPS - price_bps)) ** schedule.exponent
    scale: int = PRICE_ONE_BPS * (PRICE_ONE_BPS * PRICE_ONE_BPS) ** schedule.exponent
    steps: int = size_shares * schedule.rate_bps * curve // (scale * FEE_STEP_USDC)
    return steps * FEE_STEP_USDC


def fill_fee_usdc(
    schedule: FeeSchedule, price_bps: int, size_shares: int, *, is_maker: bool
) -> int:
    """Return the fee of one fill in micro-dollars; makers pay only where the schedule says so."""
    if is_maker and schedule.taker_only:
        return 0
    return taker_fee_usdc(schedule, price_bps, size_shares)


def buy_cost_usdc(schedule: FeeSchedule, price_bps: int, size_shares: int) -> int:
    """Return the balance a taking BUY needs: cost and fee, in micro-dollars."""
    return notional_usdc(price_bps, size_shares) + taker_fee_usdc(schedule, price_bps, size_shares)


def budget_cost_usdc(schedule: FeeSchedule, price_bps: int, budget_usdc: int) -> int:
    """Return the balance needed to spend a whole budget at one price: the budget and its fee.

    A lower price buys more shares and so costs more fee: give the best price the order can meet,
    not its limit.
    """
    shares = budget_usdc * PRICE_ONE_BPS // price_bps
    return budget_usdc + taker_fee_usdc(schedule, price_bps, shares)


def affordable_shares(schedule: FeeSchedule, price_bps: int, balance_usdc: int) -> int:
    """Return the most micro-shares a taking BUY at `price_bps` can get for a balance."""
    _check_price(price_bps)
    bound = (balance_usdc + 1) * PRICE_ONE_BPS // price_bps
    return _largest(bound, lambda size: buy_cost_usdc(schedule, price_bps, size) <= balance_usdc)


def affordable_budget_usdc(schedule: FeeSchedule, price_bps: int, balance_usdc: int) -> int:
    """Return the largest budget that a balance covers together with its fee at `price_bps`."""
    _check_price(price_bps)
    return _largest(
        balance_usdc,
        lambda budget: budget_cost_usdc(schedule, price_bps, budget) <= balance_usdc,
    )


def _check_price(price_bps: int) -> None:
    if not 0 < price_bps < PRICE_ONE_BPS:
        raise InvalidValue(f"expected a price of 1..9999 bps, was {price_bps}")


def _largest(bound: int, fits: Callable[[int], bool]) -> int:
    """Return the largest number of 0..bound that fits, when all below it fit too."""
    low, high = 0, max(bound, 0)
    while low < high:
        middle = (low + high + 1) // 2
        if fits(middle):
            low = middle
        else:
            high = middle - 1
    return low
