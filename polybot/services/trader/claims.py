"""Who wants trading reduced or stopped, and why: the trader's trading state."""

import logging

from polybot.domain.trading_state import (
    Claim,
    TradingState,
    add_claim,
    effective_state,
    strictest_first,
    take_back,
)
from polybot.messages.safety import TradingStateChanged
from polybot.ports import Clock
from polybot.services.trader.bookkeeping import Bookkeeper

logger = logging.getLogger(__name__)

RECONCILE = "reconcile"
NOTHING = "nothing holds it back"
# Every start reconciles: that alone is nothing to wake anybody for.
_WORRYING = (TradingState.REDUCING, TradingState.HALTED)


class TradingClaims:
    """Adds and takes back claims; every change is a durable event with all claims in it."""

    def __init__(self, books: Bookkeeper, clock: Clock) -> None:
        self._books = books
        self._clock = clock

    @property
    def state(self) -> TradingState:
        """The strictest state claimed now."""
        return effective_state(self._books.state.claims)

    def is_claimed_by(self, source: str) -> bool:
        """Return whether a source claims anything now."""
        return any(claim.source == source for claim in self._books.state.claims)

    def claim(self, source: str, state: TradingState, reason: str) -> None:
        """Let a source claim a state; repeating a claim keeps its first time."""
        held = self._books.state.claims
        # The reason of a standing claim may carry a changing age: it alone is no news.
        if any(c.source == source and c.state is state for c in held):
            return
        claim = Claim(source=source, state=state, reason=reason, since_ns=self._clock.now_ns())
        self._change(add_claim(held, claim))

    def insist(self, source: str, state: TradingState, reason: str) -> None:
        """Claim a state, and give a standing claim its newest reason."""
        held = self._books.state.claims
        if any(c.source == source and c.state is state and c.reason == reason for c in held):
            return
        claim = Claim(source=source, state=state, reason=reason, since_ns=self._clock.now_ns())
        self._change(add_claim(held, claim))

    def end(self, source: str) -> bool:
        """End one source's claims, a halt too, because a person decided about just that.

        Returns whether that changed anything.
        """
        held = self._books.state.claims
        left = tuple(claim for claim in held if claim.source != source)
        if left == held:
            return False
        self._change(left)
        return True

    def clear(self, source: str) -> bool:
        """Take back what a source may take back; returns whether that changed anything."""
        held = self._books.state.claims
        left = take_back(held, source)
        if left == held:
            return False
        self._change(left)
        return True

    def describe(self) -> str:
        """Return the state and its strictest reason in a few words."""
        claims = strictest_first(self._books.state.claims)
        return f"{self.state.value}: {claims[0].reason}" if claims else self.state.value

    def _change(self, claims: tuple[Claim, ...]) -> None:
        was = self.state
        now = effective_state(claims)
        self._books.record(TradingStateChanged(state=now.value, was=was.value, claims=claims))
        logger.log(
            logging.WARNING if now is not was and now in _WORRYING else logging.INFO,
            "trading %s %s: %s",
            "stays" if now is was else "is now",
            now.value,
            "; ".join(f"{c.reason} ({c.source})" for c in strictest_first(claims)) or NOTHING,
        )
