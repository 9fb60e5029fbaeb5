"""Compares the wallet's cash with the books: redemptions are recognized, the rest is external."""

import logging

import msgspec

from polybot.domain.order import OrderStatus
from polybot.messages.trading import ExternalFlowBooked
from polybot.ports import AccountSnapshot, MarketClock
from polybot.services.trader.bookkeeping import Bookkeeper
from polybot.services.trader.order_answers import OrderAnswers

logger = logging.getLogger(__name__)

OPENING_BALANCE = "opening_balance"
REDEMPTION = "redemption"
UNEXPLAINED = "unexplained"
# Two snapshots at a reconnect are milliseconds apart, and the exchange's balances lag by seconds.
LASTING_NS = 5_000_000_000


class CashCheck(msgspec.Struct):
    """Books what no order of ours moved; never P&L.

    A difference counts only when snapshots show the same one for `LASTING_NS` of wall time and
    nothing of ours is under way that could still explain it.
    """

    books: Bookkeeper
    answers: OrderAnswers
    market_clock: MarketClock
    _off_usdc: int = 0
    _since_ns: int = 0

    def check(self, snapshot: AccountSnapshot, mono_ns: int) -> None:
        """Compare the balances of a snapshot taken at `mono_ns` with the books."""
        state = self.books.state
        if state.cash_usdc is None:
            detail = "the balance found at the first reconcile"
            self._book(OPENING_BALANCE, snapshot.balance_usdc, detail)
            return
        for token_id, shares in list(state.unredeemed.items()):
            if snapshot.shares.get(token_id) == 0:
                detail = "the exchange paid the winning shares out"
                self._book(REDEMPTION, shares, detail, token_id=token_id)
        expected = state.cash_usdc - sum(state.unredeemed.values())
        off_usdc = 0 if self._anything_moving() else snapshot.balance_usdc - expected
        if off_usdc != self._off_usdc:
            self._off_usdc, self._since_ns = off_usdc, mono_ns
        if off_usdc and mono_ns - self._since_ns >= LASTING_NS:
            self._off_usdc = 0
            detail = "the balance differs from our books twice in a row with nothing under way"
            self._book(UNEXPLAINED, off_usdc, detail)
            logger.warning("reconcile: $%.6f booked as external: %s", off_usdc / 1e6, detail)

    def _anything_moving(self) -> bool:
        state = self.books.state
        now = self.market_clock.now_ns()
        closed = {slug for slug, market in state.markets.items() if market.close_ns <= now}
        unsettled = any(
            position.shares
            and position.slug in closed
            # A split is left to a person: for days its shares may wait for their half dollar.
            and position.slug not in state.split
            and position.token_id not in state.settled
            for position in state.positions.values()
        )
        in_flight = any(
            order.status in (OrderStatus.SUBMITTED, OrderStatus.UNKNOWN)
            for order in state.open_orders()
        )
        # The balance follows the chain, our books the match.
        on_its_way = any(not fill.is_final for fill in state.fills.values())
        return unsettled or in_flight or on_its_way or bool(self.answers.closing)

    def _book(self, kind: str, amount_usdc: int, detail: str, *, token_id: str = "") -> None:
        self.books.record(
            ExternalFlowBooked(kind=kind, amount_usdc=amount_usdc, token_id=token_id, detail=detail)
        )
