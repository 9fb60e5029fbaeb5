"""Risk: whether an order that a strategy wishes for may be sent, and the figures that decided it.

Rules are a table, judged in order; the first that objects names the reason. What only sells is
spared the rules that keep money from going in: a stop must never keep a position from being left.
"""

from collections.abc import Callable

import msgspec

from polybot.domain.matching import would_self_cross
from polybot.domain.money import PRICE_ONE_BPS
from polybot.domain.order import OrderStatus
from polybot.domain.purpose import FLATTEN
from polybot.domain.risk_figures import Checks, RiskFigures, checks_of, figures_of, uses_the_entry
from polybot.domain.risk_limits import RiskLimits, RiskState
from polybot.domain.trading_state import TradingState
from polybot.domain.worst_case import OrderWish

# The exchange takes sizes and budgets with two decimals.
AMOUNT_STEP = 10_000
# Exits have a reserve of the same size again behind the entries' limit of orders a minute.
EXIT_RATE_FACTOR = 2


class Approved(msgspec.Struct, frozen=True, kw_only=True):
    """The order may be sent; `checks` are the figures compared."""

    checks: Checks


class Denied(msgspec.Struct, frozen=True, kw_only=True):
    """The order must not be sent; `reason` is a stable word, `checks` the figures compared."""

    reason: str
    checks: Checks


def _halted(case: RiskFigures) -> bool:
    return case.state.trading_state is TradingState.HALTED


def _reconciling(case: RiskFigures) -> bool:
    return case.state.trading_state is TradingState.RECONCILING


def _reducing(case: RiskFigures) -> bool:
    reducing = case.state.trading_state is TradingState.REDUCING
    # Half of a hedge is worse than the hedge, but the person who flattens wants both halves gone.
    flattens = case.wish.purpose == FLATTEN and not case.buys
    return reducing and not flattens and case.worst_after > case.worst_before


def _exchange_waits(case: RiskFigures) -> bool:
    return bool(case.state.waits_for)


def _rate_limit(case: RiskFigures) -> bool:
    return case.state.spare_orders < 1


def _market_closed(case: RiskFigures) -> bool:
    return case.state.now_ns >= case.state.market.close_ns


def _off_tick(case: RiskFigures) -> bool:
    tick, price = case.state.market.tick_bps, case.wish.price_bps
    return price % tick != 0 or not tick <= price <= PRICE_ONE_BPS - tick


def _bad_precision(case: RiskFigures) -> bool:
    amount = case.wish.budget_usdc or case.wish.size_shares
    return amount <= 0 or amount % AMOUNT_STEP != 0


def _below_min_size(case: RiskFigures) -> bool:
    return case.wish.order_type.rests and case.wish.size_shares < case.state.market.min_size_shares


def _below_min_value(case: RiskFigures) -> bool:
    ask = case.state.best_ask_bps
    takes = not case.wish.order_type.rests or (ask is not None and case.wish.price_bps >= ask)
    return case.buys and takes and case.cost < case.limits.min_marketable_usdc


def _price_too_low(case: RiskFigures) -> bool:
    return case.buys and case.wish.price_bps < case.limits.min_buy_bps


def _price_too_high(case: RiskFigures) -> bool:
    return case.buys and case.wish.price_bps > case.limits.max_buy_bps


def _not_enough_shares(case: RiskFigures) -> bool:
    return not case.buys and case.wish.size_shares > case.sellable


def _self_cross(case: RiskFigures) -> bool:
    # One of unknown fate may rest too, and one that takes may still be held there for its delay:
    # what comes to rest meanwhile is there when it looks. It looks once, so never after a fill.
    rests = case.wish.order_type.rests
    ours = [
        order
        for order in case.state.orders
        if order.open_shares and (order.order_type.rests or (rests and not order.filled_shares))
    ]
    return would_self_cross(case.wish, (*ours, *case.state.foreign_orders))


def _orders_per_minute(case: RiskFigures) -> bool:
    limit = case.limits.max_orders_per_minute * (1 if case.buys else EXIT_RATE_FACTOR)
    return case.state.orders_last_minute >= limit


def _open_orders(case: RiskFigures) -> bool:
    return case.buys and case.state.open_orders >= case.limits.max_open_orders


def _unknown_order(case: RiskFigures) -> bool:
    unknown = any(order.status is OrderStatus.UNKNOWN for order in case.state.orders)
    return case.enters and unknown


def _duplicate_entry(case: RiskFigures) -> bool:
    return case.enters and any(
        uses_the_entry(order) for order in case.state.orders if order.agent == case.state.agent
    )


def _daily_loss(case: RiskFigures) -> bool:
    return case.enters and case.state.day_pnl_usdc <= -case.limits.max_daily_loss_usdc


def _paused(case: RiskFigures) -> bool:
    state, limits = case.state, case.limits
    losing = state.consecutive_losses >= limits.max_consecutive_losses
    return case.enters and losing and state.wall_ns < state.last_loss_ns + limits.pause_ns


def _order_too_big(case: RiskFigures) -> bool:
    return case.buys and case.cost > case.limits.max_order_usdc


def _window_cap(case: RiskFigures) -> bool:
    return case.buys and case.window + case.needed > case.limits.max_window_usdc


def _capital(case: RiskFigures) -> bool:
    return case.buys and case.agent + case.needed > case.limits.agent_capital_usdc


def _deployed_cap(case: RiskFigures) -> bool:
    return case.buys and case.deployed + case.needed > case.limits.max_deployed_usdc


def _balance(case: RiskFigures) -> bool:
    return case.buys and case.needed > case.state.balance_usdc - case.state.reserved_usdc


RULES: tuple[tuple[str, Callable[[RiskFigures], bool]], ...] = (
    ("halted", _halted),
    ("reconciling", _reconciling),
    ("market_closed", _market_closed),
    ("exchange_waits", _exchange_waits),
    ("off_tick", _off_tick),
    ("bad_precision", _bad_precision),
    ("below_min_size", _below_min_size),
    ("below_min_value", _below_min_value),
    ("price_too_low", _price_too_low),
    ("price_too_high", _price_too_high),
    ("not_enough_shares", _not_enough_shares),
    ("raises_worst_case", _reducing),
    ("unknown_order", _unknown_order),
    ("duplicate_entry", _duplicate_entry),
    ("self_cross", _self_cross),
    ("daily_loss", _daily_loss),
    ("paused", _paused),
    ("open_orders", _open_orders),
    ("orders_per_minute", _orders_per_minute),
    ("rate_limit", _rate_limit),
    ("order_too_big", _order_too_big),
    ("window_cap", _window_cap),
    ("capital", _capital),
    ("deployed_cap", _deployed_cap),
    ("balance", _balance),
)


def check(wish: OrderWish, state: RiskState, limits: RiskLimits) -> Approved | Denied:
    """Judge one wished-for order against the books and the limits.

    Cancels never pass through here: they are always allowed.
    """
    case = figures_of(wish, state, limits)
    for reason, objects in RULES:
        if objects(case):
            return Denied(reason=reason, checks=checks_of(case))
    return Approved(checks=checks_of(case))
