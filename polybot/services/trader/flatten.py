"""Flattening: sells what agents hold because a person asked for it, on the path of every order."""

import logging

import msgspec

from polybot.domain.market import Market
from polybot.domain.money import ceil_to_tick
from polybot.domain.order import OrderType, Side
from polybot.domain.position import Position
from polybot.domain.purpose import FLATTEN
from polybot.messages.trading import Explained, FlattenFinished, FlattenStarted
from polybot.ports import MarketClock
from polybot.services.trader.agents import Agent
from polybot.services.trader.bookkeeping import Bookkeeper
from polybot.services.trader.desk import Desk
from polybot.services.trader.market_data import MarketData
from polybot.strategies.base import Decision, Intent, Strategy
from polybot.strategies.retired import Retired

logger = logging.getLogger(__name__)

# The exchange takes sizes with two decimals; less than that cannot be sold.
SIZE_STEP = 10_000
# A sale that met nobody is tried again after this long (market time).
RETRY_NS = 1_000_000_000


class Flattener(msgspec.Struct):
    """Sells by FAK, one order at a time for each agent and token, until nothing is left to sell.

    What is under way survives a restart, because it is a fold over the journal. While an agent is
    flattened its strategy is not asked: two sellers of the same shares would be in each other's
    way.
    """

    books: Bookkeeper
    desk: Desk
    data: MarketData
    agents: tuple[Agent, ...]
    market_clock: MarketClock
    _tried_ns: dict[tuple[str, str], int] = msgspec.field(default_factory=dict)
    _retired: dict[str, Agent] = msgspec.field(default_factory=dict)

    def covers(self, agent: str) -> bool:
        """Return whether an agent is being flattened."""
        return any(f.agent in ("", agent) for f in self.books.state.flattens.values())

    def turn(self, market_ns: int) -> None:
        """Cancel and sell what the flattens under way still find, and end those that are done."""
        for flatten in list(self.books.state.flattens.values()):
            self._work(flatten, market_ns)
        if not self.books.state.flattens:
            self._tried_ns = {}

    def end_all(self, reason: str) -> None:
        """End every flatten under way, because a person wants to trade on."""
        for flatten in list(self.books.state.flattens.values()):
            self._finish(flatten, reason, self._left(flatten))

    def waits_for(self, position: Position) -> str:
        """Say why a position has not been sold yet; "" when nothing keeps it."""
        flattens = [
            f for f in self.books.state.flattens.values() if f.agent in ("", position.agent)
        ]
        floor_bps = min((f.min_price_bps for f in flattens), default=1)
        return self._obstacle(position, floor_bps, self.market_clock.now_ns())

    def _work(self, flatten: FlattenStarted, market_ns: int) -> None:
        state = self.books.state
        open_orders = [o for o in state.open_orders() if flatten.agent in ("", o.agent)]
        for order in open_orders:
            if order.order_type.rests:
                self.desk.cancel(order, FLATTEN)
        for position in self._positions(flatten):
            if not self._obstacle(position, flatten.min_price_bps, market_ns):
                self._sell(flatten, position, market_ns)
        if not open_orders and not any(
            self._is_open(p, market_ns) for p in self._positions(flatten)
        ):
            self._finish(flatten, "nothing left to sell", self._left(flatten))

    def _positions(self, flatten: FlattenStarted) -> list[Position]:
        state = self.books.state
        return [
            position
            for position in state.positions.values()
            if flatten.agent in ("", position.agent)
            and position.shares > 0
            and position.token_id not in state.settled
        ]

    def _is_open(self, position: Position, market_ns: int) -> bool:
        market = self.books.state.markets[position.slug]
        return position.shares >= SIZE_STEP and market_ns < market.close_ns

    def _obstacle(self, position: Position, floor_bps: int, market_ns: int) -> str:
        market = self.books.state.markets[position.slug]
        bid_bps = self.data.token_view(market, position.outcome).bid_bps
        if market_ns >= market.close_ns:
            return "its window is closed: it settles by the outcome"
        if position.shares < SIZE_STEP:
            return "less than 0.01 share cannot be sold"
        if self._is_selling(position):
            return "a sale of it is under way"
        if self.sellable_shares(position) < SIZE_STEP:
            return "bought so recently that the exchange cannot move it yet"
        if bid_bps is None:
            return "nobody bids"
        if bid_bps < _limit_bps(market, floor_bps):
            return f"the best bid {bid_bps / 1e4:.4f} is below the floor {floor_bps / 1e4:.4f}"
        return ""

    def _is_selling(self, position: Position) -> bool:
        return any(
            order.side is Side.SELL
            and (order.agent, order.token_id) == (position.agent, position.token_id)
            for order in self.books.state.open_orders()
        )

    def sellable_shares(self, position: Position) -> int:
        """Return what can be sold now, in steps the exchange takes."""
        sellable = max(min(position.shares, position.settled_shares), 0)
        return sellable - sellable % SIZE_STEP

    def _sell(self, flatten: FlattenStarted, position: Position, market_ns: int) -> None:
        key = (position.agent, position.token_id)
        if market_ns - self._tried_ns.get(key, -RETRY_NS) < RETRY_NS:
            return
        self._tried_ns[key] = market_ns
        market = self.books.state.markets[position.slug]
        size_shares = self.sellable_shares(position)
        intent = Intent(
            outcome=position.outcome,
            side=Side.SELL,
            order_type=OrderType.FAK,
            price_bps=_limit_bps(market, flatten.min_price_bps),
            size_shares=size_shares,
            purpose=FLATTEN,
        )
        inputs: Explained = {
            "command_id": flatten.command_id,
            "held_shares": position.shares,
            "sellable_shares": size_shares,
            "bid_bps": self.data.token_view(market, position.outcome).bid_bps,
            "min_price_bps": flatten.min_price_bps,
        }
        decision = Decision("exit", FLATTEN, intents=(intent,), inputs=inputs)
        self.desk.carry_out(self._agent(position.agent), market, decision)

    def _agent(self, name: str) -> Agent:
        for agent in self.agents:
            if agent.name == name:
                return agent
        # Held by an agent that the configuration no longer names: it sells all the same.
        if name not in self._retired:
            strategy: Strategy = Retired()
            self._retired[name] = Agent(name, strategy, 0, frozenset())
        return self._retired[name]

    def _left(self, flatten: FlattenStarted) -> tuple[str, ...]:
        now_ns = self.market_clock.now_ns()
        return tuple(
            f"{p.agent}: {p.shares / 1e6:.6f} {p.outcome.value} of {p.slug}: "
            + (self._obstacle(p, flatten.min_price_bps, now_ns) or "not sold yet")
            for p in self._positions(flatten)
        )

    def _finish(self, flatten: FlattenStarted, reason: str, left: tuple[str, ...]) -> None:
        self.books.record(FlattenFinished(command_id=flatten.command_id, reason=reason, left=left))
        logger.warning("flatten ended, %s: %s", reason, "; ".join(left) or "nothing is held")


def _limit_bps(market: Market, floor_bps: int) -> int:
    return max(ceil_to_tick(floor_bps, market.tick_bps), market.tick_bps)
