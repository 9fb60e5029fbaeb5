"""Risk: whether an order that a strategy wishes for may be sent, and the figures that decided it.

Rules are a table, judged in order; the first that objects names the reason. What only sells is
spared the rules that keep money from going in: a stop must never keep a position from being left.
"""

from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from polybot.domain.market import Outcome
from polybot.domain.matching import would_self_cross
from polybot.domain.money import PRICE_ONE_BPS, notional_usdc
from polybot.domain.order import Order, OrderStatus, Side
from polybot.domain.purpose import ENTRY
from polybot.domain.risk_limits import RiskLimits, RiskState
from polybot.domain.trading_state import TradingState
from polybot.domain.worst_case import (
    OrderWish,
    open_fill_of,
    open_fill_of_wish,
    wish_reservation_usdc,
    worst_case_loss_usdc,
)

# The exchange takes sizes and budgets with two decimals.
AMOUNT_STEP = 10_000
# Exits have a reserve of the same size again behind the entries' limit of orders a minute.
EXIT_RATE_FACTOR = 2

Checks = dict[str, str | int | float | bool | None]


class Approved(msgspec.Struct, frozen=True, kw_only=True):
    """The order may be sent; `checks` are the figures compared."""

    checks: Checks


class Denied(msgspec.Struct, frozen=True, kw_only=True):
    """The order must not be sent; `reason` is a stable word, `checks` the figures compared."""

    reason: str
    checks: Checks


@dataclass(frozen=True, slots=True, kw_only=True)
class _Case:
    """A wish with the figures that its rules compare."""

    wish: OrderWish
    state: RiskState
    limits: RiskLimits
    cost: int
    needed: int
    window: int
    agent: int
    deployed: int
    sellable: int
    worst_before: int
    worst_after: int

    @property
    def buys(self) -> bool:
        return self.wish.side is Side.BUY

    @property
    def enters(self) -> bool:
        return self.wish.purpose == ENTRY


def sellable_shares(agent: str, outcome: Outcome, state: RiskState) -> int:
    """Return what an agent may sell of a token: held, less what its unresolved SELLs may move."""
    held = sum(p.shares for p in state.positions if p.agent == agent and p.outcome is outcome)
    selling = sum(
        order.open_shares
        for order in state.orders
        if order.agent == agent and order.outcome is outcome and order.side is Side.SELL
    )
    return held - selling


def uses_the_entry(order: Order) -> bool:
    """Return whether an entry order spends its agent's one entry of the window.

    One that the exchange refused, or a FAK that met nobody, leaves it; one that was lost on the
    way keeps it, because it may still turn up.
    """
    if order.purpose != ENTRY:
        return False
    if order.status in (OrderStatus.DENIED, OrderStatus.REJECTED):
        return order.filled_shares > 0
    ended_empty = order.status is OrderStatus.CANCELED and order.filled_shares == 0
    return order.order_type.rests or not ended_empty


def _case(wish: OrderWish, state: RiskState, limits: RiskLimits) -> _Case:
    fee = state.market.fee
    fills = tuple(open_fill_of(order, fee) for order in state.orders if not order.is_terminal)
    added = open_fill_of_wish(wish, fee, state.best_ask_bps)
    slug = state.market.slug
    return _Case(
        wish=wish,
        state=state,
        limits=limits,
        cost=wish.budget_usdc or notional_usdc(wish.price_bps, wish.size_shares),
        needed=wish_reservation_usdc(wish, fee, state.best_ask_bps),
        window=sum(c.usdc for c in state.commitments if c.slug == slug),
        agent=sum(c.usdc for c in state.commitments if c.agent == state.agent),
        deployed=sum(c.usdc for c in state.commitments),
        sellable=sellable_shares(state.agent, wish.outcome, state),
        worst_before=worst_case_loss_usdc(state.positions, fills),
        worst_after=worst_case_loss_usdc(state.positions, (*fills, added)),
    )


def _halted(case: _Case) -> bool:
    return case.state.trading_state is TradingState.HALTED


def _reconciling(case: _Case) -> bool:
    return case.state.trading_state is TradingState.RECONCILING


def _reducing(case: _Case) -> bool:
    reducing = case.state.trading_state is TradingState.REDUCING
    return reducing and case.worst_after > case.worst_before


def _market_closed(case: _Case) -> bool:
    return case.state.now_ns >= case.state.market.close_ns


def _off_tick(case: _Case) -> bool:
    tick, price = case.state.market.tick_bps, case.wish.price_bps
    return price % tick != 0 or not tick <= price <= PRICE_ONE_BPS - tick


def _bad_precision(case: _Case) -> bool:
    amount = case.wish.budget_usdc or case.wish.size_shares
    return amount <= 0 or amount % AMOUNT_STEP != 0


def _below_min_size(case: _Case) -> bool:
    return case.wish.order_type.rests and case.wish.size_shares < case.state.market.min_size_shares


def _below_min_value(case: _Case) -> bool:
    ask = case.state.best_ask_bps
    takes = not case.wish.order_type.rests or (ask is not None and case.wish.price_bps >= ask)
    return case.buys and takes and case.cost < case.limits.min_marketable_usdc


def _price_too_low(case: _Case) -> bool:
    return case.buys and case.wish.price_bps < case.limits.min_buy_bps


def _price_too_high(case: _Case) -> bool:
    return case.buys and case.wish.price_bps > case.limits.max_buy_bps


def _not_enough_shares(case: _Case) -> bool:
    return not case.buys and case.wish.size_shares > case.sellable


def _self_cross(case: _Case) -> bool:
    # An order of unknown fate may rest too.
    resting = [o for o in case.state.orders if o.order_type.rests and o.open_shares]
    return would_self_cross(case.wish, resting)


def _orders_per_minute(case: _Case) -> bool:
    limit = case.limits.max_orders_per_minute * (1 if case.buys else EXIT_RATE_FACTOR)
    return case.state.orders_last_minute >= limit


def _open_orders(case: _Case) -> bool:
    return case.buys and case.state.open_orders >= case.limits.max_open_orders


def _unknown_order(case: _Case) -> bool:
    unknown = any(order.status is OrderStatus.UNKNOWN for order in case.state.orders)
    return case.enters and unknown


def _duplicate_entry(case: _Case) -> bool:
    return case.enters and any(
        uses_the_entry(order) for order in case.state.orders if order.agent == case.state.agent
    )


def _daily_loss(case: _Case) -> bool:
    return case.enters and case.state.day_pnl_usdc <= -case.limits.max_daily_loss_usdc


def _paused(case: _Case) -> bool:
    state, limits = case.state, case.limits
    losing = state.consecutive_losses >= limits.max_consecutive_losses
    return case.enters and losing and state.wall_ns < state.last_loss_ns + limits.pause_ns


def _order_too_big(case: _Case) -> bool:
    return case.buys and case.cost > case.limits.max_order_usdc


def _window_cap(case: _Case) -> bool:
    return case.buys and case.window + case.needed > case.limits.max_window_usdc


def _capital(case: _Case) -> bool:
    return case.buys and case.agent + case.needed > case.limits.agent_capital_usdc


def _deployed_cap(case: _Case) -> bool:
    return case.buys and case.deployed + case.needed > case.limits.max_deployed_usdc


def _balance(case: _Case) -> bool:
    return case.buys and case.needed > case.state.balance_usdc - case.state.reserved_usdc


RULES: tuple[tuple[str, Callable[[_Case], bool]], ...] = (
    ("halted", _halted),
    ("reconciling", _reconciling),
    ("market_closed", _market_closed),
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
    ("order_too_big", _order_too_big),
    ("window_cap", _window_cap),
    ("capital", _capital),
    ("deployed_cap", _deployed_cap),
    ("balance", _balance),
)


def _checks(case: _Case) -> Checks:
    state, limits = case.state, case.limits
    return {
        "trading_state": state.trading_state.value,
        "price_bps": case.wish.price_bps,
        "min_buy_bps": limits.min_buy_bps,
        "max_buy_bps": limits.max_buy_bps,
        "tick_bps": state.market.tick_bps,
        "order_usdc": case.cost,
        "max_order_usdc": limits.max_order_usdc,
        "needed_usdc": case.needed,
        "window_usdc": case.window,
        "max_window_usdc": limits.max_window_usdc,
        "agent_usdc": case.agent,
        "agent_capital_usdc": limits.agent_capital_usdc,
        "deployed_usdc": case.deployed,
        "max_deployed_usdc": limits.max_deployed_usdc,
        "balance_usdc": state.balance_usdc,
        "reserved_usdc": state.reserved_usdc,
        "sellable_shares": case.sellable,
        "worst_case_before_usdc": case.worst_before,
        "worst_case_after_usdc": case.worst_after,
        "open_orders": state.open_orders,
        "orders_last_minute": state.orders_last_minute,
        "day_pnl_usdc": state.day_pnl_usdc,
        "consecutive_losses": state.consecutive_losses,
    }


def check(wish: OrderWish, state: RiskState, limits: RiskLimits) -> Approved | Denied:
    """Judge one wished-for order against the books and the limits.

    Cancels never pass through here: they are always allowed.
    """
    case = _case(wish, state, limits)
    for reason, objects in RULES:
        if objects(case):
            return Denied(reason=reason, checks=_checks(case))
    return Approved(checks=_checks(case))
