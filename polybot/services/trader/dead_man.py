"""The trader's own brakes: a silent watchdog or tracker, failing requests, ids that do not fit."""

import msgspec

from polybot.domain.trading_state import TradingState
from polybot.services.trader.claims import TradingClaims
from polybot.services.trader.order_answers import OrderAnswers

SECOND_NS = 1_000_000_000
# Design: who must be heard, and for how long (wall time) silence is borne.
SILENCE_NS = {"watchdog": 15 * SECOND_NS, "tracker": 60 * SECOND_NS}
API_ERRORS = "api_errors"
ORDER_IDS = "order_ids"


class DeadMan(msgspec.Struct):
    """Claims REDUCING while somebody who must watch over us is silent, or the exchange fails us.

    Order ids that cannot be trusted claim HALTED, which only a person ends.
    """

    claims: TradingClaims
    answers: OrderAnswers
    max_api_errors: int
    started_ns: int
    _heard_ns: dict[str, int] = msgspec.field(default_factory=dict)

    def heard(self, process: str, mono_ns: int) -> None:
        """Note a heartbeat."""
        self._heard_ns[process] = mono_ns

    def turn(self, mono_ns: int) -> None:
        """Claim or clear, by what was heard and answered so far."""
        for process, limit in SILENCE_NS.items():
            silent = mono_ns - self._heard_ns.get(process, self.started_ns)
            source = f"silent_{process}"
            if silent > limit:
                reason = f"no heartbeat of the {process} for {silent // SECOND_NS} s"
                self.claims.claim(source, TradingState.REDUCING, reason)
            else:
                self.claims.clear(source)
        if self.answers.mistrust:
            self.claims.claim(ORDER_IDS, TradingState.HALTED, self.answers.mistrust)
            self.answers.mistrust = ""
        if self.answers.errors_in_a_row >= self.max_api_errors:
            reason = f"{self.answers.errors_in_a_row} failed requests in a row"
            self.claims.claim(API_ERRORS, TradingState.REDUCING, reason)
        elif self.answers.errors_in_a_row == 0:
            self.claims.clear(API_ERRORS)
