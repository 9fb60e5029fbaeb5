"""Asks the trader to stop entries while there is a reason, and to go on when there is none."""

import msgspec

from polybot.domain.trading_state import TradingState
from polybot.messages.commands import ResumeTrading, StopEntries
from polybot.messages.lifecycle import Heartbeat
from polybot.services.watchdog.needs import CommandSender

SOURCE = "watchdog"
TRADER = "trader"
SECOND_NS = 1_000_000_000
# A command may be lost: a wish that does not show in the trader's state is repeated. Others may
# claim REDUCING too, so that state alone says little about a wish to go on.
STOP_AGAIN_NS = 5 * SECOND_NS
RESUME_AGAIN_NS = 60 * SECOND_NS


class EntryBrake(msgspec.Struct):
    """Repeats what it wants; both commands change nothing at the trader when they come again.

    The trader keeps our claim over restarts of either side, so a fresh watchdog without a reason
    takes back what its predecessor claimed.
    """

    commands: CommandSender
    reasons: tuple[str, ...] = ()
    _told: tuple[str, ...] | None = None
    _repeat_at_ns: int = 0

    def want(self, reasons: tuple[str, ...], beat: Heartbeat | None, now_ns: int) -> None:
        """Tell the trader to stop entries for these reasons; without any, to go on."""
        self.reasons = reasons
        if beat is None:
            return
        changed = bool(reasons) != bool(self._told) or self._told is None
        reducing = beat.trading_state == TradingState.REDUCING.value
        off = reducing != bool(reasons) and now_ns >= self._repeat_at_ns
        if not (changed or off):
            return
        self._told = reasons
        self._repeat_at_ns = now_ns + (STOP_AGAIN_NS if reasons else RESUME_AGAIN_NS)
        if reasons:
            self.commands.send(TRADER, StopEntries(source=SOURCE, reason="; ".join(reasons)))
        else:
            reason = "what stopped entries is over"
            self.commands.send(TRADER, ResumeTrading(source=SOURCE, reason=reason))

    def trader_began(self) -> None:
        """Tell again: the trader has a new life."""
        self._told = None
