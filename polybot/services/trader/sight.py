"""What a decision is made on: the strategy's view of a market, and risk's view of the books."""

from collections.abc import Callable, Sequence
from datetime import tzinfo

import msgspec

from polybot.domain.market import Market, Outcome
from polybot.domain.metrics import trading_day
from polybot.domain.money import PRICE_ONE_BPS
from polybot.domain.order import Order, OrderStatus, Side
from polybot.domain.position import Position
from polybot.domain.risk_limits import Commitment, ForeignOrder, RiskState
from polybot.domain.trading_state import TradingState
from polybot.domain.worst_case import committed_usdc, reservation_usdc
from polybot.ports import Clock, MarketClock, VenueOrder
from polybot.services.trader.agents import Agent
from polybot.services.trader.claims import TradingClaims
from polybot.services.trader.market_data import MarketData
from polybot.services.trader.reference import ReferenceBook
from polybot.services.trader.state import TraderState
from polybot.strategies.base import View

_SIDES = frozenset(side.value for side in Side)


class Sight(msgspec.Struct):
    """Puts together, at one moment, everything that a strategy and risk may look at.

    `zone` is the one whose midnight begins the trading day; `foreign_orders` tells which open
    orders of the wallet are not ours.
    """

    state: TraderState
    claims: TradingClaims
    data: MarketData
    reference: ReferenceBook
    clock: Clock
    market_clock: MarketClock
    zone: tzinfo
    foreign_orders: Callable[[], Sequence[VenueOrder]] = tuple

    def view(self, agent: Agent, market: Market) -> View:
        """Return what an agent's strategy sees of a market now."""
        now = self.market_clock.now_ns()
        state = self.state
        orders = state.orders_in(agent.name, market.slug)
        positions = {
            outcome: position
            for outcome in Outcome
            if (position := state.positions.get((agent.name, market.token(outcome)))) is not None
        }
        return View(
            now_ns=now,
            market=market,
            up=self.data.token_view(market, Outcome.UP),
            down=self.data.token_view(market, Outcome.DOWN),
            reference=self.reference.view(market, now),
            positions=positions,
            orders=orders,
            unknown=any(order.status is OrderStatus.UNKNOWN for order in orders),
            entries_allowed=self.claims.state is TradingState.ACTIVE,
            capital_usdc=agent.capital_usdc - self._committed(agent.name),
            new_second=agent.is_new_second(market.slug, now),
            memory=agent.memory(market.slug),
        )

    def risk_state(
        self, agent: Agent, market: Market, outcome: Outcome, *, sent_last_minute: int
    ) -> RiskState:
        """Return the books as risk judges them, for a wish in one outcome of a market."""
        state = self.state
        now_ns = self.market_clock.now_ns()
        open_orders = state.open_orders()
        tokens = (market.token_up, market.token_down)
        theirs = self.foreign_orders()
        return RiskState(
            agent=agent.name,
            market=market,
            now_ns=now_ns,
            wall_ns=self.clock.now_ns(),
            trading_state=self.claims.state,
            positions=tuple(p for (_, token), p in state.positions.items() if token in tokens),
            orders=tuple(o for o in state.orders.values() if o.slug == market.slug),
            commitments=self._commitments(),
            balance_usdc=(state.cash_usdc or 0) - sum(state.unredeemed.values()),
            reserved_usdc=sum(
                reservation_usdc(order, state.markets[order.slug].fee) for order in open_orders
            )
            + sum(map(_reserved_usdc, theirs)),
            open_orders=len(open_orders),
            orders_last_minute=sent_last_minute,
            day_pnl_usdc=state.pnl_of_day(trading_day(now_ns, self.zone)),
            consecutive_losses=state.losses_in_a_row.get(agent.name, 0),
            last_loss_ns=state.last_loss_ns.get(agent.name, 0),
            best_ask_bps=self.data.token_view(market, outcome).ask_bps,
            foreign_orders=_in_market(theirs, market) if theirs else (),
        )

    def _commitments(self) -> tuple[Commitment, ...]:
        state = self.state
        grouped: dict[tuple[str, str], tuple[list[Position], list[Order]]] = {}
        for position in state.positions.values():
            if position.shares and position.token_id not in state.settled:
                grouped.setdefault((position.agent, position.slug), ([], []))[0].append(position)
        for order in state.open_orders():
            grouped.setdefault((order.agent, order.slug), ([], []))[1].append(order)
        return tuple(
            Commitment(
                agent=agent,
                slug=slug,
                usdc=committed_usdc(positions, orders, state.markets[slug].fee),
            )
            for (agent, slug), (positions, orders) in grouped.items()
        )

    def _committed(self, agent: str) -> int:
        return sum(held.usdc for held in self._commitments() if held.agent == agent)


def _in_market(orders: Sequence[VenueOrder], market: Market) -> tuple[ForeignOrder, ...]:
    tokens = (market.token_up, market.token_down)
    return tuple(
        ForeignOrder(
            outcome=market.outcome_of(order.token_id),
            side=Side(order.side),
            price_bps=order.price_bps,
        )
        for order in orders
        if order.token_id in tokens and order.side in _SIDES
    )


def _reserved_usdc(order: VenueOrder) -> int:
    """Return what a foreign order may still take of the wallet's dollars, without fees."""
    if order.side != Side.BUY.value:
        return 0
    return -(-order.price_bps * (order.original_shares - order.matched_shares) // PRICE_ONE_BPS)
