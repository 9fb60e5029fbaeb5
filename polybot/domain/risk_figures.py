"""Risk figures: one wished-for order with every number that a risk rule compares."""

import msgspec

from polybot.domain.market import Outcome
from polybot.domain.money import notional_usdc
from polybot.domain.order import Order, OrderStatus, Side
from polybot.domain.purpose import ENTRY
from polybot.domain.risk_limits import RiskLimits, RiskState
from polybot.domain.worst_case import (
    OrderWish,
    open_fill_of,
    open_fill_of_wish,
    wish_reservation_usdc,
    worst_case_loss_usdc,
)

Checks = dict[str, str | int | float | bool | None]


class RiskFigures(msgspec.Struct, frozen=True, kw_only=True):
    """A wish with the figures that the rules compare; money in micro-dollars.

    `cost` is what a BUY spends without its fee, `needed` with it; `window`, `agent` and `deployed`
    are what is committed already; `sellable` the shares a SELL may take; `worst_before` and
    `worst_after` the market's worst-case loss without and with the wish.
    """

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
        """Whether money goes in."""
        return self.wish.side is Side.BUY

    @property
    def enters(self) -> bool:
        """Whether it is a window's entry."""
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


def figures_of(wish: OrderWish, state: RiskState, limits: RiskLimits) -> RiskFigures:
    """Return the figures of one wish."""
    fee = state.market.fee
    fills = tuple(open_fill_of(order, fee) for order in state.orders if not order.is_terminal)
    added = open_fill_of_wish(wish, fee, state.best_ask_bps)
    slug = state.market.slug
    return RiskFigures(
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


def checks_of(case: RiskFigures) -> Checks:
    """Return the figures and the limits they are held against, as the journal keeps them."""
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
        "spare_orders": state.spare_orders,
        "waits_for": state.waits_for or None,
    }
