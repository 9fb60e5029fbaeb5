"""What happens when a window is over: its outcome settles positions, and the day is counted."""

import logging
from datetime import tzinfo

import msgspec

from polybot.domain.market import Market, Outcome
from polybot.domain.metrics import trading_day
from polybot.domain.order import TERMINAL
from polybot.domain.position import Position
from polybot.domain.trading_state import TradingState
from polybot.domain.window import parse_slug
from polybot.messages.envelope import Envelope
from polybot.messages.tracking import WindowSettled, WindowSplit
from polybot.messages.trading import (
    AgentResult,
    AgentResultCorrected,
    PositionSettled,
    SeriesResumed,
    SeriesStopped,
)
from polybot.ports import Clock
from polybot.ports.crash_points import reach
from polybot.services.trader.bookkeeping import Bookkeeper
from polybot.services.trader.claims import RECONCILE, TradingClaims

logger = logging.getLogger(__name__)

DAILY_LOSS = "daily_loss"


class Settler(msgspec.Struct):
    """Books the official outcome of a window: payouts, each agent's result, the day's loss.

    An outcome waits until nothing of its window can change any more: the books are reconciled and
    every order there is over. Each step is booked once, so that an outcome heard again after a
    crash goes on where the journal ended.
    """

    books: Bookkeeper
    claims: TradingClaims
    clock: Clock
    zone: tzinfo
    max_daily_loss_usdc: int
    _waiting: list[tuple[Envelope, WindowSettled]] = msgspec.field(default_factory=list)

    def hear(self, envelope: Envelope, told: WindowSettled) -> None:
        """Take an outcome, to be settled in the turn that finds its window at rest."""
        self._waiting.append((envelope, told))

    def hear_split(self, told: WindowSplit) -> None:
        """Stop entries in the series of a window that was resolved 50/50, once for each window."""
        state = self.books.state
        if told.slug not in state.markets or told.slug in state.split:
            return
        series = parse_slug(told.slug).series.name
        reason = f"{told.slug} was resolved 50/50: redeem it, then polybot resume"
        self.books.record(SeriesStopped(series=series, slug=told.slug, reason=reason))
        logger.warning("no entries in %s: %s", series, reason)

    def resume(self, reason: str) -> bool:
        """Let stopped series take entries again; returns whether there was one."""
        stopped = list(self.books.state.stopped)
        for series in stopped:
            self.books.record(SeriesResumed(series=series, reason=reason))
        return bool(stopped)

    def turn(self, market_ns: int) -> None:
        """Settle what can be settled now, and stop entries for as long as the day's loss says."""
        self._mind_the_day(market_ns)
        if self.claims.is_claimed_by(RECONCILE):
            return
        waiting, self._waiting = self._waiting, []
        for envelope, told in waiting:
            if self._at_rest(told.slug):
                self._settle(told)
            else:
                self._waiting.append((envelope, told))
        self._correct()

    def used_up_to(self, source: str, heard_seq: int) -> int:
        """Return the seq of a source's last event that a restart need not hear again."""
        waits = (e.seq for e, _ in self._waiting if e.source == source)
        return min((seq - 1 for seq in waits), default=heard_seq)

    def _mind_the_day(self, market_ns: int) -> None:
        today = trading_day(market_ns, self.zone)
        day_pnl = self.books.state.pnl_of_day(today)
        if day_pnl <= -self.max_daily_loss_usdc:
            self.claims.claim(
                DAILY_LOSS,
                TradingState.REDUCING,
                f"lost ${-day_pnl / 1e6:.2f} today, the limit is "
                f"${self.max_daily_loss_usdc / 1e6:.2f}",
            )
        elif self.claims.is_claimed_by(DAILY_LOSS) and today > self.books.state.day:
            self.claims.clear(DAILY_LOSS)

    def _at_rest(self, slug: str) -> bool:
        orders = self.books.state.orders.values()
        return all(order.status in TERMINAL for order in orders if order.slug == slug)

    def _settle(self, told: WindowSettled) -> None:
        state = self.books.state
        market = state.markets.get(told.slug)
        if market is None:
            return
        winner = Outcome(told.outcome)
        traded = [p for p in state.positions.values() if p.slug == told.slug and p.fills]
        for agent in sorted({position.agent for position in traded}):
            if (agent, told.slug) in state.results:
                continue
            own = [position for position in traded if position.agent == agent]
            for position in own:
                if (agent, position.token_id) not in state.paid:
                    self._pay(position, position.shares, won=position.outcome is winner)
            pnl_usdc = sum(p.settle(won=p.outcome is winner).pnl_usdc for p in own)
            self._result(agent, market, pnl_usdc, told.outcome)

    def _correct(self) -> None:
        """Settle what a late fill, or one that FAILED late, did to a settled position."""
        state = self.books.state
        pnl_usdc: dict[tuple[str, str], int] = {}
        for key, position in list(state.positions.items()):
            won = state.settled.get(position.token_id)
            if won is None or not position.fills:
                continue
            result = (position.agent, position.slug)
            pnl_usdc[result] = pnl_usdc.get(result, 0) + position.settle(won=won).pnl_usdc
            missing = position.shares - state.paid.get(key, 0)
            if missing:
                logger.warning(
                    "%s: %+.2f shares of %s arrived after the settlement",
                    position.agent,
                    missing / 1e6,
                    position.slug,
                )
                self._pay(position, missing, won=won)
        for (agent, slug), now_usdc in pnl_usdc.items():
            self._correct_result(agent, slug, now_usdc)

    def _correct_result(self, agent: str, slug: str, pnl_usdc: int) -> None:
        state = self.books.state
        market = state.markets[slug]
        if (agent, slug) not in state.results:
            # Its order was given up for lost, and turned up after the settlement.
            if self._at_rest(slug):
                won = Outcome.UP if state.settled[market.token_up] else Outcome.DOWN
                self._result(agent, market, pnl_usdc, won.value)
            return
        counted = state.earned.of(agent, slug)
        # Of a result in a checkpoint from before results were kept, only that it was is known.
        if counted is None or counted.pnl_usdc == pnl_usdc:
            return
        self.books.record(
            AgentResultCorrected(
                agent=agent,
                slug=slug,
                pnl_usdc=pnl_usdc,
                change_usdc=pnl_usdc - counted.pnl_usdc,
                day=counted.day,
                wall_ns=self.clock.now_ns(),
            )
        )
        logger.warning(
            "%s: the result of %s is $%+.4f, not $%+.4f: a trade came or failed late",
            agent,
            slug,
            pnl_usdc / 1e6,
            counted.pnl_usdc / 1e6,
        )
        put_back = self.claims.is_claimed_by(DAILY_LOSS) and counted.day == state.day
        if put_back and state.day_pnl_usdc > -self.max_daily_loss_usdc:
            self.claims.clear(DAILY_LOSS)

    def _pay(self, position: Position, shares: int, *, won: bool) -> None:
        self.books.record(
            PositionSettled(
                agent=position.agent,
                slug=position.slug,
                token_id=position.token_id,
                won=won,
                size_shares=shares,
                payout_usdc=shares if won else 0,
            )
        )
        reach("window.settled")

    def _result(self, agent: str, market: Market, pnl_usdc: int, outcome: str) -> None:
        day = trading_day(market.close_ns, self.zone)
        self.books.record(
            AgentResult(
                agent=agent,
                slug=market.slug,
                pnl_usdc=pnl_usdc,
                day=day,
                wall_ns=self.clock.now_ns(),
            )
        )
        logger.info(
            "settled %s: %s, %s made $%+.4f (day $%+.4f)",
            market.slug,
            outcome,
            agent,
            pnl_usdc / 1e6,
            self.books.state.pnl_of_day(day) / 1e6,
        )
