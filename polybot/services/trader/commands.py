"""The trader's commands: what the operator and the watchdog ask of it between two turns."""

import logging
from dataclasses import dataclass
from typing import Any

import msgspec

from polybot.domain.trading_state import OPERATOR, TradingState
from polybot.errors import ProtocolError
from polybot.messages.commands import (
    AdoptOrders,
    CheckArming,
    Done,
    HaltTrading,
    ResumeTrading,
    StopEntries,
)
from polybot.services.trader.parts import TraderParts

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Commands:
    """Carries out one command at a time; its events become durable before it is answered."""

    parts: TraderParts

    def carry_out(self, request_type: str, body: Any) -> msgspec.Struct:
        """Carry out a command.

        Raises ProtocolError for what is no command of the trader, InvalidValue for one that cannot
        be carried out as asked.
        """
        claims = self.parts.ledger.claims
        if isinstance(body, CheckArming):
            return Done(detail=f"{self.parts.leave.look_now()}; trading is {claims.describe()}")
        if isinstance(body, AdoptOrders):
            return self.parts.ledger.strangers.adopt(body)
        answer = self.parts.operator.handle(body)
        if answer is not None:
            return answer
        if isinstance(body, StopEntries):
            claims.claim(body.source, TradingState.REDUCING, body.reason)
        elif isinstance(body, HaltTrading):
            claims.claim(body.source, TradingState.HALTED, body.reason)
        elif isinstance(body, ResumeTrading):
            if not self._resume(body):
                return Done(detail=f"nothing to resume; trading is {claims.describe()}")
        else:
            raise ProtocolError(f"expected a command for the trader, was {request_type}")
        return Done(detail=f"trading is {claims.describe()}")

    def _resume(self, command: ResumeTrading) -> bool:
        claims = self.parts.ledger.claims
        if command.source != OPERATOR:
            return claims.clear(command.source)
        # A person who resumes has decided about every stranger seen so far, too.
        self.parts.ledger.strangers.resumed(command.reason)
        changed = claims.clear(command.source)
        changed = self.parts.crash_brake.resume() or changed
        logger.warning("resumed by the operator: %s", command.reason)
        self.parts.flattener.end_all("resumed by the operator")
        return self.parts.settler.resume(command.reason) or changed
