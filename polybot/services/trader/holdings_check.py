"""Compares the wallet's shares with the sum of all agents': what is left over is external."""

import logging
from collections.abc import Iterator

import msgspec

from polybot.domain.market import Market
from polybot.domain.money import format_shares
from polybot.domain.order import OrderStatus
from polybot.messages.trading import DriftFound, ExternalFlowBooked
from polybot.ports import AccountSnapshot, MarketClock
from polybot.services.trader.bookkeeping import Bookkeeper
from polybot.services.trader.order_answers import OrderAnswers

logger = logging.getLogger(__name__)

SHARES = "shares"
HOLDINGS = "holdings"
# Balances lag behind trades by seconds, and the parts of one snapshot are of different moments.
LASTING_NS = 5_000_000_000
_IN_FLIGHT = (OrderStatus.SUBMITTED, OrderStatus.UNKNOWN)


class HoldingsCheck(msgspec.Struct):
    """Holds, at every reconcile, each token's balance against all agents' positions in it.

    A difference counts only when snapshots show the same one for `LASTING_NS` of wall time and
    nothing of ours in that token is under way. Then it is drift, and booked as external: never
    P&L, and never an agent's. Windows that are over are left out: their shares become money.
    """

    books: Bookkeeper
    answers: OrderAnswers
    market_clock: MarketClock
    _off: dict[str, tuple[int, int]] = msgspec.field(default_factory=dict)
    _by_hand: set[str] = msgspec.field(default_factory=set)

    def tokens(self) -> set[str]:
        """Return the tokens of open windows whose balance is to be asked for."""
        state = self.books.state
        touched = {token for _, token in state.positions}
        touched |= state.not_ours.shares.keys() | self._by_hand
        return touched & self._open_tokens().keys()

    def check(self, snapshot: AccountSnapshot, mono_ns: int) -> None:
        """Compare a snapshot taken at `mono_ns` (monotonic) with the books."""
        state = self.books.state
        open_tokens = self._open_tokens()
        moving = set(self._moving())
        off: dict[str, tuple[int, int]] = {}
        for token_id, there in snapshot.shares.items():
            if token_id not in open_tokens or token_id in moving:
                continue
            difference = there - self._expected(token_id)
            before, since_ns = self._off.get(token_id, (0, mono_ns))
            if not difference:
                continue
            if difference != before:
                since_ns = mono_ns
            if mono_ns - since_ns >= LASTING_NS:
                self._book(open_tokens[token_id], token_id, difference)
            else:
                off[token_id] = difference, since_ns
        self._off = off
        told = {fill.token_id for fill in snapshot.fills if fill.venue_order_id not in state.orders}
        self._by_hand = (self._by_hand | told) & open_tokens.keys()

    def describe(self) -> str:
        """Return which shares of open windows are not ours, "" when none is."""
        if not self.books.state.not_ours.shares:
            return ""
        open_tokens = self._open_tokens()
        told = [
            f"{_signed(shares)} {_name(open_tokens[token_id], token_id)}"
            for token_id, shares in self.books.state.not_ours.shares.items()
            if token_id in open_tokens
        ]
        return f"external shares: {', '.join(told)}" if told else ""

    def _expected(self, token_id: str) -> int:
        state = self.books.state
        ours = sum(p.shares for (_, token), p in state.positions.items() if token == token_id)
        return ours + state.not_ours.shares.get(token_id, 0)

    def _open_tokens(self) -> dict[str, Market]:
        now = self.market_clock.now_ns()
        settled = self.books.state.settled
        return {
            token: market
            for market in self.books.state.markets.values()
            if now < market.close_ns
            for token in (market.token_up, market.token_down)
            if token not in settled
        }

    def _moving(self) -> Iterator[str]:
        """Yield the tokens in which something of ours is under way."""
        state = self.books.state
        for order in state.open_orders():
            if order.status in _IN_FLIGHT or order.venue_order_id in self.answers.closing:
                yield order.token_id
        for fill in state.fills.values():
            if not fill.is_final:
                yield fill.token_id

    def _book(self, market: Market, token_id: str, difference: int) -> None:
        detail = (
            f"{_name(market, token_id)}: expected {format_shares(self._expected(token_id))} "
            f"shares for all agents, was {_signed(difference)} twice in a row"
        )
        logger.warning("reconcile: booked as external: %s", detail)
        self.books.record(DriftFound(kind=HOLDINGS, subject=token_id, detail=detail))
        self.books.record(
            ExternalFlowBooked(
                kind=SHARES,
                amount_usdc=0,
                token_id=token_id,
                size_shares=difference,
                detail=detail,
            )
        )


def _name(market: Market, token_id: str) -> str:
    return f"{market.outcome_of(token_id).value} of {market.slug}"


def _signed(shares: int) -> str:
    return f"{'-' if shares < 0 else '+'}{format_shares(abs(shares))}"
