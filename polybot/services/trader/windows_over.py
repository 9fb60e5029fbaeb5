"""What happens when a window is over: resting orders end, the outcome settles, the day is counted."""

import logging
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from polybot.domain.market import Market, Outcome
from polybot.domain.trading_state import TradingState
from polybot.messages.tracking import WindowSettled
from polybot.messages.trading import AgentResult, PositionSettled
from polybot.ports import Clock
from polybot.services.trader.bookkeeping import Bookkeeper
from polybot.services.trader.claims import TradingClaims

logger = logging.getLogger(__name__)

DAILY_LOSS = "daily_loss"


@dataclass(slots=True)
class Settler:
    """Books the official outcome of a window: payouts, each agent's result, the day's loss."""

    books: Bookkeeper
    claims: TradingClaims
    clock: Clock
    zone: ZoneInfo
    max_daily_loss_usdc: int

    def settle(self, told: WindowSettled) -> None:
        """Settle every position of a window; a window settled before is left alone."""
        state = self.books.state
        market = state.markets.get(told.slug)
        if market is None or market.token_up in state.settled:
            return
        winner = Outcome(told.outcome)
        held = [
            position
            for position in state.positions.values()
            if position.slug == told.slug and position.fills
        ]
        results: dict[str, int] = {}
        for position in held:
            won = position.outcome is winner
            settlement = position.settle(won=won)
            results[position.agent] = results.get(position.agent, 0) + settlement.pnl_usdc
            self.books.record(
                PositionSettled(
                    agent=position.agent,
                    slug=told.slug,
                    token_id=position.token_id,
                    won=won,
                    size_shares=settlement.shares,
                    payout_usdc=settlement.payout_usdc,
                )
            )
        for agent, pnl_usdc in results.items():
            self._result(agent, market, pnl_usdc, told.outcome)

    def new_day(self, market_ns: int) -> None:
        """End the daily-loss stop when a new trading day has begun."""
        stopped = any(claim.source == DAILY_LOSS for claim in self.books.state.claims)
        if stopped and self._day_of(market_ns) > self.books.state.day:
            self.claims.clear(DAILY_LOSS)

    def _result(self, agent: str, market: Market, pnl_usdc: int, outcome: str) -> None:
        self.books.record(
            AgentResult(
                agent=agent,
                slug=market.slug,
                pnl_usdc=pnl_usdc,
                day=self._day_of(market.close_ns),
                wall_ns=self.clock.now_ns(),
            )
        )
        day_pnl = self.books.state.day_pnl_usdc
        logger.info(
            "settled %s: %s, %s made $%+.4f (day $%+.4f)",
            market.slug,
            outcome,
            agent,
            pnl_usdc / 1e6,
            day_pnl / 1e6,
        )
        if day_pnl <= -self.max_daily_loss_usdc:
            self.claims.claim(
                DAILY_LOSS,
                TradingState.REDUCING,
                f"lost ${-day_pnl / 1e6:.2f} today, the limit is "
                f"${self.max_daily_loss_usdc / 1e6:.2f}",
            )

    def _day_of(self, market_ns: int) -> str:
        moment = datetime.fromtimestamp(market_ns // 1_000_000_000, tz=self.zone)
        return moment.date().isoformat()
