"""A trader that crashed again and again enters nothing until it has run for a while."""

import logging
from dataclasses import dataclass

from polybot.domain.trading_state import TradingState
from polybot.services.trader.claims import TradingClaims

logger = logging.getLogger(__name__)

SECOND_NS = 1_000_000_000
CRASH_LOOP = "crash_loop"


@dataclass(slots=True)
class CrashBrake:
    """Claims REDUCING at a start in a crash loop, and takes it back after the quiet time.

    `crashes` says how often it crashed, "" when not too often; it comes with the session's
    settings, never from a file, so that a replay starts alike. What an earlier life claimed stands,
    with its time, until this one has run for `quiet_ns` of monotonic time.
    """

    claims: TradingClaims
    crashes: str
    quiet_ns: int
    _until_ns: int = 0

    def begin(self, mono_ns: int) -> None:
        """Claim what this start brought; the quiet time begins."""
        self._until_ns = mono_ns + self.quiet_ns
        if self.crashes:
            quiet_s = self.quiet_ns / SECOND_NS
            reason = f"{self.crashes}; entries again after {quiet_s:.0f} s without one"
            self.claims.insist(CRASH_LOOP, TradingState.REDUCING, reason)

    def turn(self, mono_ns: int) -> None:
        """Take the claim back when the quiet time is over."""
        if mono_ns >= self._until_ns and self.claims.clear(CRASH_LOOP):
            logger.info("no crash for %.0f s: out of the crash loop", self.quiet_ns / SECOND_NS)

    def resume(self) -> bool:
        """Take the claim back because a person says so; returns whether there was one."""
        return self.claims.clear(CRASH_LOOP)
