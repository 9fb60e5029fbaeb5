"""The exchange's side of order amounts: the price they imply, and what it refuses."""

from fractions import Fraction

import msgspec

from polybot.domain.money import (
    PRICE_ONE_BPS,
    format_price,
    format_shares,
    format_usdc,
)
from polybot.exchange import error_texts as texts
from polybot.exchange.amounts import MARKET_TAKER_STEP, OrderAmounts, OrderRules
from polybot.exchange.order_hash import WireSide

MARKET_ORDER_TYPES = ("FAK", "FOK")

_MICRO_DECIMALS = 6
_SIZE_DECIMALS = 2
_MARKET_BUY_DECIMALS = (2, 4)
# Decimals of the dollar amount at each tick: the price's own and the two of the size.
_DOLLAR_DECIMALS = {1000: 3, 100: 4, 50: 5, 25: 6, 10: 5, 1: 6}
# How far rounding the taker amount moves the implied price of a market order, in 1e-4 dollars; a
# sale within it is told what its taker amount should be.
_PRICE_SLACK_BPS = 1


class OrderTerms(msgspec.Struct, frozen=True):
    """What decides about the amounts of an order: its side, its type (GTC…) and the amounts."""

    side: WireSide
    order_type: str
    amounts: OrderAmounts

    @property
    def dollars(self) -> int:
        """Return the micro-dollars of the order."""
        return self.amounts.maker if self.side is WireSide.BUY else self.amounts.taker

    @property
    def shares(self) -> int:
        """Return the micro-shares of the order."""
        return self.amounts.taker if self.side is WireSide.BUY else self.amounts.maker

    @property
    def is_market(self) -> bool:
        """Say whether the order never rests (FAK, FOK)."""
        return self.order_type in MARKET_ORDER_TYPES

    @property
    def limit_bps(self) -> Fraction:
        """Return the exact limit price in 1e-4 dollars; the order must have shares."""
        return Fraction(self.dollars * PRICE_ONE_BPS, self.shares)

    def accepts(self, price_bps: int) -> bool:
        """Say whether the order may trade at a price, by the exact ratio of its amounts.

        A BUY whose ratio is 0.06998 does not accept 0.07.
        """
        paid, limit = price_bps * self.shares, self.dollars * PRICE_ONE_BPS
        return paid <= limit if self.side is WireSide.BUY else paid >= limit


def _decimals(amount: int) -> int:
    text = f"{amount:0{_MICRO_DECIMALS}d}"[-_MICRO_DECIMALS:].rstrip("0")
    return len(text)


def _decimals_problem(terms: OrderTerms, tick_bps: int) -> str:
    dollar_decimals = _DOLLAR_DECIMALS.get(tick_bps, _MICRO_DECIMALS)
    if terms.side is WireSide.SELL:
        kind, allowed = "sell", (_SIZE_DECIMALS, dollar_decimals)
    elif terms.is_market:
        kind, allowed = "market buy", _MARKET_BUY_DECIMALS
    else:
        kind, allowed = "buy", (dollar_decimals, _SIZE_DECIMALS)
    maker, taker = terms.amounts
    if _decimals(maker) > allowed[0] or _decimals(taker) > allowed[1]:
        return texts.too_many_decimals(kind, *allowed)
    return ""


def _tick_problem(order_id: str, terms: OrderTerms, tick_bps: int) -> str:
    # Exact like a fraction, and much quicker: every order passes here.
    dollars, shares = terms.dollars * PRICE_ONE_BPS, terms.shares
    nearest = (2 * dollars + shares * tick_bps) // (2 * shares * tick_bps) * tick_bps
    is_sale = terms.side is WireSide.SELL
    slack = _PRICE_SLACK_BPS if terms.is_market or is_sale else 0
    off = abs(dollars - nearest * shares)
    if off > slack * shares or not tick_bps <= nearest <= PRICE_ONE_BPS - tick_bps:
        price = format_price(round(terms.limit_bps))
        return texts.breaks_tick(order_id, price, format_price(tick_bps))
    exact = nearest * shares // PRICE_ONE_BPS
    # Clients cut a market order's product to four decimals or leave it whole; both are taken.
    if is_sale and terms.dollars not in (exact, exact - exact % MARKET_TAKER_STEP):
        return texts.wrong_taker_amount(
            format_price(nearest),
            format_shares(shares),
            format_usdc(exact),
            format_usdc(terms.dollars),
        )
    return ""


def amounts_problem(order_id: str, terms: OrderTerms, rules: OrderRules) -> str:
    """Return the exchange's refusal of an order's amounts, or "" when they are in order.

    The order of the checks is ours; the least value of a marketable BUY depends on the book and is
    checked by the matching engine.
    """
    if min(terms.amounts) < 1:
        return texts.INVALID_ORDER_PAYLOAD
    if terms.dollars >= terms.shares:
        return texts.PRICE_OUT_OF_RANGE
    problem = _decimals_problem(terms, rules.tick_bps)
    if problem:
        return problem
    if not terms.is_market and terms.shares < rules.minimum_shares:
        return texts.below_minimum_size(
            order_id, format_shares(terms.shares), format_shares(rules.minimum_shares)
        )
    return _tick_problem(order_id, terms, rules.tick_bps)
