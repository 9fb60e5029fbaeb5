"""What the exchange does by itself when a timer is due."""

from polybot.domain.order import Side
from polybot.simulator.books.records import (
    OrderEnded,
    OrderState,
    Phase,
    SharesArrived,
    TradeAdvanced,
)
from polybot.simulator.engine.core import ExchangeCore
from polybot.simulator.engine.execution import release
from polybot.simulator.engine.flows import pay_rebates
from polybot.simulator.engine.phases import end_phase
from polybot.simulator.engine.settle import redeem_window
from polybot.simulator.engine.timers import Timer, TimerKind


def is_stale(core: ExchangeCore, timer: Timer) -> bool:
    """Say whether what a timer was set for has happened otherwise."""
    state = core.ledger.state
    match timer.kind:
        case TimerKind.PHASE:
            return timer.ts_ns != state.phase_until_ns
        case TimerKind.REBATE:
            since_ns = state.rebated_ns or state.start_ns
            return timer.ts_ns != since_ns + core.rules.rebate_every_ns
        case TimerKind.REDEEM:
            window = state.windows.get(timer.key)
            return window is None or bool(window.redeemed_ns)
        case TimerKind.ARRIVE:
            return not _arriving(core, timer.key)
        case TimerKind.ADVANCE:
            return core.rules.next_step(timer.key, state.trades[timer.key].status) is None
        case _:
            return not state.orders[timer.key].is_open


def run_timer(core: ExchangeCore, timer: Timer, ts_ns: int) -> None:
    """Do what a timer that is not stale was set for."""
    match timer.kind:
        case TimerKind.PHASE:
            end_phase(core, ts_ns)
        case TimerKind.REBATE:
            pay_rebates(core, ts_ns)
        case TimerKind.REDEEM:
            redeem_window(core, timer.key, ts_ns)
        case TimerKind.ARRIVE:
            core.emit(SharesArrived(ts_ns=ts_ns, rows=_arriving(core, timer.key)))
        case TimerKind.ADVANCE:
            _advance(core, timer.key, ts_ns)
        case TimerKind.RELEASE:
            _release(core, timer.key, ts_ns)
        case TimerKind.EXPIRE:
            _expire(core, timer.key, ts_ns)


def _arriving(core: ExchangeCore, trade_id: str) -> tuple[str, ...]:
    """Return the keys of a trade's rows whose shares were mined and cannot be sold yet."""
    rows = core.ledger.trade_rows(trade_id)
    return tuple(row.key for row in rows if row.pending and row.side is Side.BUY and row.mined_ns)


def _advance(core: ExchangeCore, trade_id: str, ts_ns: int) -> None:
    step = core.rules.next_step(trade_id, core.ledger.state.trades[trade_id].status)
    if step is not None:
        core.emit(TradeAdvanced(ts_ns=ts_ns, trade_id=trade_id, status=step[0]))


def _release(core: ExchangeCore, order_id: str, ts_ns: int) -> None:
    order = core.ledger.state.orders[order_id]
    # While the engine restarts nothing is matched; the end of that sets the timer again.
    if order.state is OrderState.HELD and core.ledger.state.phase is not Phase.RESTARTING:
        release(core, order, ts_ns)
        if order.expires_ns and order.expires_ns <= ts_ns:
            # Its end came while it was held.
            _expire(core, order_id, ts_ns)


def _expire(core: ExchangeCore, order_id: str, ts_ns: int) -> None:
    if core.ledger.state.orders[order_id].state is OrderState.LIVE:
        core.emit(OrderEnded(ts_ns=ts_ns, order_id=order_id, state=OrderState.EXPIRED))
