"""Events about whether trading may go on: trading state, verdicts and alerts."""

import msgspec

from polybot.domain.trading_state import Claim


class TradingStateChanged(msgspec.Struct, frozen=True, kw_only=True):
    """The trader's state is now the strictest of its claims (durable, from the trader)."""

    state: str
    was: str
    claims: tuple[Claim, ...]


class VerdictChanged(msgspec.Struct, frozen=True, kw_only=True):
    """The watchdog thinks otherwise of a process than before (durable).

    `verdict` is alive, late, dead or flapping.
    """

    process: str
    verdict: str
    was: str
    reason: str


class AlertRaised(msgspec.Struct, frozen=True, kw_only=True):
    """Something a person should know; `key` names the condition, so that it is raised once."""

    key: str
    severity: str
    text: str


class AlertCleared(msgspec.Struct, frozen=True, kw_only=True):
    """A raised condition is over."""

    key: str
    text: str


class ArmingChanged(msgspec.Struct, frozen=True, kw_only=True):
    """The leave to send real orders is another than before (durable, from the trader in live mode).

    `state` is armed, expiring, expired, not_armed or refused; `warnings` counts the warnings said
    before the end. `armed_ns` and `expires_ns` are the original wall times, 0 when there is none.
    """

    state: str
    detail: str
    warnings: int = 0
    funder: str = ""
    signature_type: int = 0
    versions: tuple[str, ...] = ()
    armed_ns: int = 0
    expires_ns: int = 0
    by: str = ""
