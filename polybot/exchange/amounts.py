"""Exact maker and taker amounts of orders, in integers.

The official clients round through floats and sign some prices a tick too low and some sizes a
hundredth too small; here a price is on its tick or refused (the exchange's documentation: orders).
"""

from typing import NamedTuple

import msgspec

from polybot.domain.money import (
    DOLLAR_USDC,
    PRICE_ONE_BPS,
    SHARE,
    format_price,
    format_shares,
    format_usdc,
    notional_usdc,
)
from polybot.errors import InvalidValue
from polybot.exchange.order_hash import WireSide

# An order's size has at most two decimals of a share, a market BUY's budget two of a dollar, and
# what a market order asks for in return at most four.
SIZE_STEP_SHARES = SHARE // 100
BUDGET_STEP_USDC = DOLLAR_USDC // 100
MARKET_TAKER_STEP = 100
MINIMUM_NOTIONAL_USDC = DOLLAR_USDC


class OrderRules(msgspec.Struct, frozen=True):
    """What a market demands of an order: its tick and the least size of a resting order."""

    tick_bps: int
    minimum_shares: int = 5 * SHARE


class OrderAmounts(NamedTuple):
    """What the maker gives and takes: dollars for shares in a BUY, shares for dollars in a SELL."""

    maker: int
    taker: int


def check_price(price_bps: int, tick_bps: int) -> None:
    """Raise InvalidValue unless a price is on the tick and at least one tick inside 0..1."""
    if tick_bps < 1:
        raise InvalidValue(f"expected a tick of at least 0.0001, was {tick_bps} bps")
    if not tick_bps <= price_bps <= PRICE_ONE_BPS - tick_bps or price_bps % tick_bps:
        raise InvalidValue(
            f"expected a price on the tick {format_price(tick_bps)} and inside 0..1, "
            f"was {format_price(price_bps)}"
        )


def _check_size(size_shares: int, minimum_shares: int) -> None:
    if size_shares % SIZE_STEP_SHARES:
        raise InvalidValue(
            f"expected a size with at most 2 decimals, was {format_shares(size_shares)}"
        )
    if size_shares < minimum_shares:
        raise InvalidValue(
            f"expected a size of at least {format_shares(minimum_shares)}, "
            f"was {format_shares(size_shares)}"
        )


def limit_amounts(
    side: WireSide, price_bps: int, size_shares: int, rules: OrderRules
) -> OrderAmounts:
    """Return the amounts of an order that may rest (GTC, GTD): exactly this price and size."""
    check_price(price_bps, rules.tick_bps)
    _check_size(size_shares, rules.minimum_shares)
    dollars = notional_usdc(price_bps, size_shares)
    if side is WireSide.BUY:
        return OrderAmounts(dollars, size_shares)
    return OrderAmounts(size_shares, dollars)


def market_buy_amounts(price_bps: int, budget_usdc: int, rules: OrderRules) -> OrderAmounts:
    """Return the amounts of a FAK or FOK BUY that spends a budget at this price or better.

    The exchange spends the whole budget, so a better price yields more shares. The taker amount is
    rounded down: rounded up, the implied price would lie below the limit and not match the ask.
    """
    check_price(price_bps, rules.tick_bps)
    if budget_usdc < MINIMUM_NOTIONAL_USDC or budget_usdc % BUDGET_STEP_USDC:
        raise InvalidValue(
            "expected a budget of at least $1 with at most 2 decimals, "
            f"was ${format_usdc(budget_usdc)}"
        )
    shares = budget_usdc * PRICE_ONE_BPS // price_bps
    return OrderAmounts(budget_usdc, shares - shares % MARKET_TAKER_STEP)


def market_sell_amounts(price_bps: int, size_shares: int, rules: OrderRules) -> OrderAmounts:
    """Return the amounts of a FAK or FOK SELL of this size at this price or better.

    The dollars asked for are rounded down to four decimals, so that the bid at the limit price
    still matches; where that would lower the price by 0.0001 or to the tick below (less than a
    share) they stay exact.
    """
    check_price(price_bps, rules.tick_bps)
    _check_size(size_shares, SIZE_STEP_SHARES)
    exact = notional_usdc(price_bps, size_shares)
    dollars = exact - exact % MARKET_TAKER_STEP
    if not dollars:
        raise InvalidValue(
            f"expected a sale worth at least $0.0001, was {format_shares(size_shares)} shares "
            f"at {format_price(price_bps)}"
        )
    asked = dollars * PRICE_ONE_BPS
    reads_lower = 2 * asked < (2 * price_bps - rules.tick_bps) * size_shares
    if reads_lower or asked <= (price_bps - 1) * size_shares:
        dollars = exact
    return OrderAmounts(size_shares, dollars)


def budget_for_shares(price_bps: int, size_shares: int) -> int:
    """Return the budget in micro-dollars, whole cents, that buys no more than this size."""
    dollars = notional_usdc(price_bps, size_shares)
    return dollars - dollars % BUDGET_STEP_USDC
