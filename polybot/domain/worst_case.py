"""The worst case: what a market's position and orders lose at most, whichever outcome wins.

Every order that may still fill, resting or of unknown fate, counts as filled wherever that hurts:
for each outcome separately, an order whose fill would help is left out. What really happens is
therefore never worse.
"""

from collections.abc import Iterable
from typing import Protocol

import msgspec

from polybot.domain.fees import taker_fee_usdc
from polybot.domain.market import FeeSchedule, Outcome
from polybot.domain.money import PRICE_ONE_BPS, notional_usdc
from polybot.domain.order import Order, OrderType, Side
from polybot.domain.position import Position

# A budget pays the more fee the cheaper it buys; without a known best price, assume the cheapest.
_CHEAPEST_BPS = 1


class OrderWish(Protocol):
    """What risk must know of an order that is wished for: limits in 1e-4 dollars, micro units."""

    @property
    def outcome(self) -> Outcome:
        """The outcome whose token is traded."""

    @property
    def side(self) -> Side:
        """Whether it buys or sells."""

    @property
    def order_type(self) -> OrderType:
        """How long it lives."""

    @property
    def price_bps(self) -> int:
        """Its limit."""

    @property
    def size_shares(self) -> int:
        """Shares to trade; 0 where a budget is given."""

    @property
    def budget_usdc(self) -> int:
        """Dollars to spend; 0 where shares are given."""

    @property
    def purpose(self) -> str:
        """What it is for: entry, profit_lock, hard_stop, ..."""


class OpenFill(msgspec.Struct, frozen=True, kw_only=True):
    """What an order would do if everything it still asks for were filled.

    `cash_usdc` is what it brings (a SELL) or takes (a BUY, negative), after its fee.
    """

    outcome: Outcome
    shares: int
    cash_usdc: int

    def effect_usdc(self, winner: Outcome) -> int:
        """Return the change of the market's result if `winner` wins."""
        return self.cash_usdc + (self.shares if self.outcome is winner else 0)


def buy_reservation_usdc(
    schedule: FeeSchedule, *, price_bps: int, shares: int, budget_usdc: int, best_bps: int | None
) -> int:
    """Return the dollars a BUY can take from the balance at most, fee included.

    Cost and fee together grow with the price, so shares cost most at the limit. A budget is spent
    whole and its fee grows as the price falls: `best_bps` is the best price it can meet, None when
    nobody knows.
    """
    if budget_usdc:
        cheapest = max(min(price_bps, best_bps or _CHEAPEST_BPS), _CHEAPEST_BPS)
        return budget_usdc + taker_fee_usdc(
            schedule, cheapest, budget_usdc * PRICE_ONE_BPS // cheapest
        )
    cost = -(-price_bps * shares // PRICE_ONE_BPS)
    return cost + taker_fee_usdc(schedule, price_bps, shares)


def reservation_usdc(order: Order, schedule: FeeSchedule) -> int:
    """Return what an order may still take from the balance; 0 for a SELL and once it is over."""
    if order.side is Side.SELL or order.is_terminal:
        return 0
    return buy_reservation_usdc(
        schedule,
        price_bps=order.price_bps,
        shares=0 if order.budget_usdc else order.open_shares,
        budget_usdc=order.open_usdc if order.budget_usdc else 0,
        best_bps=None,
    )


def wish_reservation_usdc(wish: OrderWish, schedule: FeeSchedule, best_ask_bps: int | None) -> int:
    """Return what a wished-for BUY would take from the balance at most; 0 for a SELL."""
    if wish.side is Side.SELL:
        return 0
    return buy_reservation_usdc(
        schedule,
        price_bps=wish.price_bps,
        shares=wish.size_shares,
        budget_usdc=wish.budget_usdc,
        best_bps=best_ask_bps,
    )


def _sale(outcome: Outcome, price_bps: int, shares: int, schedule: FeeSchedule) -> OpenFill:
    fee = taker_fee_usdc(schedule, price_bps, shares)
    return OpenFill(
        outcome=outcome, shares=-shares, cash_usdc=notional_usdc(price_bps, shares) - fee
    )


def open_fill_of(order: Order, schedule: FeeSchedule) -> OpenFill:
    """Return what an order of ours may still do."""
    if order.side is Side.SELL:
        return _sale(order.outcome, order.price_bps, order.open_shares, schedule)
    return OpenFill(
        outcome=order.outcome,
        shares=order.open_shares,
        cash_usdc=-reservation_usdc(order, schedule),
    )


def open_fill_of_wish(wish: OrderWish, schedule: FeeSchedule, best_ask_bps: int | None) -> OpenFill:
    """Return what a wished-for order would do."""
    if wish.side is Side.SELL:
        return _sale(wish.outcome, wish.price_bps, wish.size_shares, schedule)
    return OpenFill(
        outcome=wish.outcome,
        shares=wish.size_shares
        or wish.budget_usdc * PRICE_ONE_BPS // max(wish.price_bps, _CHEAPEST_BPS),
        cash_usdc=-wish_reservation_usdc(wish, schedule, best_ask_bps),
    )


def worst_case_loss_usdc(positions: Iterable[Position], fills: Iterable[OpenFill]) -> int:
    """Return the largest loss over {Up, Down} in micro-dollars; negative when all ways win.

    `positions` are those of one market, `fills` what its open orders may still do.
    """
    positions, fills = tuple(positions), tuple(fills)
    return max(-_worst_result_usdc(positions, fills, winner) for winner in Outcome)


def _worst_result_usdc(
    positions: tuple[Position, ...], fills: tuple[OpenFill, ...], winner: Outcome
) -> int:
    held = sum(
        position.cash_usdc + (position.shares if position.outcome is winner else 0)
        for position in positions
    )
    return held + sum(min(0, fill.effect_usdc(winner)) for fill in fills)


def committed_usdc(
    positions: Iterable[Position], orders: Iterable[Order], schedule: FeeSchedule
) -> int:
    """Return the dollars tied up: what the held shares cost, and what open BUYs may still take."""
    held = sum(position.fifo().cost_basis_usdc for position in positions)
    return held + sum(reservation_usdc(order, schedule) for order in orders)
