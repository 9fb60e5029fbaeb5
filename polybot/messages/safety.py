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


class AlertHeard(msgspec.Struct, frozen=True, kw_only=True):
    """The watchdog heard another process's alert, to tell it a person (durable)."""

    source: str
    key: str
    severity: str
    text: str


class AlertDelivered(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a text about an alert at one chat (durable, from the watchdog).

    `key` names the alert, `channel` the chat (telegram, slack or discord); `detail` says why it was
    not delivered.
    """

    key: str
    channel: str
    delivered: bool
    tries: int = 1
    detail: str = ""


class AlertTold(msgspec.Struct, frozen=True, kw_only=True):
    """A person's chat took a text about an alert, the first one to do so (durable).

    `told_ns` is wall time. The text said that the alert came so many `times` since the last one
    (0: its end alone), and whether it is `over`.
    """

    key: str
    told_ns: int
    times: int
    over: bool


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


class FenceRaised(msgspec.Struct, frozen=True, kw_only=True):
    """The watchdog shut a silent trader out: sessions of an older epoch post nothing (durable).

    `pid` and `started_ticks` are the process that is to end (0: nobody knows it), `session` the
    last one heard. Orders up to the trader's event `trader_seq` are canceled, 0: every one of ours.
    """

    epoch: int
    reason: str
    pid: int = 0
    started_ticks: int = 0
    session: str = ""
    trader_seq: int = 0


class FencedTraderEnded(msgspec.Struct, frozen=True, kw_only=True):
    """The process behind the fence was killed, or is gone; or nobody may kill it (durable).

    Where `is_over` is False it may still run: it posts nothing, but a person should end it.
    """

    epoch: int
    is_over: bool
    detail: str
    pid: int = 0


class FencedOrdersCanceled(msgspec.Struct, frozen=True, kw_only=True):
    """The watchdog asked for orders of an older epoch to be canceled (durable).

    `foreign` counts open orders that nobody here journaled: they are left alone.
    """

    epoch: int
    order_ids: tuple[str, ...]
    refused: dict[str, str] = {}
    foreign: int = 0


class FenceCleared(msgspec.Struct, frozen=True, kw_only=True):
    """Two listings in a row, some seconds apart, showed no order of an older epoch (durable)."""

    epoch: int
    canceled: int
