"""Phases of the exchange in which it takes not everything: restarting, post-only and worse."""

import msgspec

from polybot.exchange import error_texts as texts
from polybot.simulator.books.ledger_lookups import LedgerState
from polybot.simulator.books.records import OrderState, Phase, PhaseChanged
from polybot.simulator.engine.core import ExchangeCore
from polybot.simulator.rules import NS_PER_S

# After every restart only post-only orders are taken for so long (the exchange's documentation).
POST_ONLY_NS = 120 * NS_PER_S


class PhaseRefusal(msgspec.Struct, frozen=True, kw_only=True):
    """Why something is not taken now; `retry_after_s` is 0 when nobody knows how long."""

    phase: Phase
    text: str
    code: str
    retry_after_s: int


_ORDERS = {
    Phase.RESTARTING: (texts.ENGINE_RESTARTING, "engine_restarting"),
    Phase.POST_ONLY: (texts.POST_ONLY_MODE, "post_only_mode"),
    Phase.CANCEL_ONLY: (texts.CANCEL_ONLY, "cancel_only"),
    Phase.DISABLED: (texts.TRADING_DISABLED, "trading_disabled"),
}
_REFUSE_CANCELS = (Phase.RESTARTING, Phase.DISABLED)


def phase_refusal(
    state: LedgerState, now_ns: int, *, post_only: bool = False, is_cancel: bool = False
) -> PhaseRefusal | None:
    """Return why an order (or a cancel) is not taken now, None when it is."""
    phase = state.phase
    if phase is Phase.NORMAL or (phase is Phase.POST_ONLY and (post_only or is_cancel)):
        return None
    if is_cancel and phase not in _REFUSE_CANCELS:
        return None
    text, code = _ORDERS[phase]
    left_ns = max(state.phase_until_ns - now_ns, 0)
    return PhaseRefusal(phase=phase, text=text, code=code, retry_after_s=-(-left_ns // NS_PER_S))


def set_phase(core: ExchangeCore, phase: Phase, ts_ns: int, until_ns: int = 0) -> None:
    """Begin a phase that lasts until a time (0: until the next call); the same again is nothing."""
    state = core.ledger.state
    before = state.phase
    if (before, state.phase_until_ns) == (phase, until_ns):
        return
    core.emit(PhaseChanged(ts_ns=ts_ns, phase=phase, until_ns=until_ns))
    if before is Phase.RESTARTING:
        # What was held when the restart began is matched after it.
        for order in core.ledger.all_open_orders():
            if order.state is OrderState.HELD and order.release_ns <= ts_ns:
                core.timers.set_release(order.order_id, ts_ns)


def end_phase(core: ExchangeCore, ts_ns: int) -> None:
    """End the phase that is over: a restart in two minutes of post-only, the others in NORMAL."""
    if core.ledger.state.phase is Phase.RESTARTING:
        set_phase(core, Phase.POST_ONLY, ts_ns, ts_ns + POST_ONLY_NS)
    else:
        set_phase(core, Phase.NORMAL, ts_ns)
