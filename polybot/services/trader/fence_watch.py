"""The trader's side of the fence: it ends behind one, and sends no entry before it is cleared."""

import msgspec

from polybot.domain.trading_state import TradingState
from polybot.errors import FatalError
from polybot.ports.fence import Fence
from polybot.services.trader.claims import TradingClaims

SECOND_NS = 1_000_000_000
FENCE = "fence"
REASON = "the watchdog still cancels what the trader before this one left at the exchange"


class FenceWatch(msgspec.Struct):
    """Looks at the fence at each turn, and once a second whether it is cleared.

    A session that finds the fence raised is over: nothing it knows may be acted on any more, and
    the next one reconciles first.
    """

    fence: Fence
    claims: TradingClaims
    _look_ns: int = 0

    def begin(self) -> None:
        """Claim REDUCING while orders of an older epoch may rest; raises FatalError as `turn`."""
        self.end_if_raised()
        if self.fence.is_cleared():
            self.claims.clear(FENCE)
        else:
            self.claims.claim(FENCE, TradingState.REDUCING, REASON)

    def turn(self, mono_ns: int) -> None:
        """Take back the claim once the fence is cleared."""
        if mono_ns < self._look_ns or not self.claims.is_claimed_by(FENCE):
            return
        self._look_ns = mono_ns + SECOND_NS
        if self.fence.is_cleared():
            self.claims.clear(FENCE)

    def end_if_raised(self) -> None:
        """Raise FatalError when this session is shut out: the service manager starts the next."""
        if self.fence.is_raised():
            raise FatalError(
                f"shut out: {self.fence.refusal(0)}; nothing more is sent, the next start "
                "reconciles first"
            )
