"""What the exchange will do by itself at a market time: releases, expiries, settlement steps."""

import enum
import heapq
from typing import NamedTuple

from polybot.domain.fill import FillStatus
from polybot.domain.order import Side
from polybot.simulator.books.accounts import TradeRow, WindowRow
from polybot.simulator.books.ledger_lookups import LedgerLookups
from polybot.simulator.books.records import (
    AnyRecord,
    OrderAccepted,
    OrderReleased,
    OrderState,
    Phase,
    PhaseChanged,
    RebatesPaid,
    RestingFilled,
    TradeAdvanced,
    WindowResolved,
    WorldOpened,
)
from polybot.simulator.rules import NS_PER_MS, NS_PER_S, ExchangeRules

__all__ = ["NS_PER_MS", "NS_PER_S", "ExchangeRules", "Timer", "TimerKind", "Timers"]


class TimerKind(enum.IntEnum):
    """What a timer does; at one moment the lower numbers come first."""

    PHASE = 0
    EXPIRE = 1
    RELEASE = 2
    ADVANCE = 3
    ARRIVE = 4
    REDEEM = 5
    REBATE = 6


# What the exchange does by the calendar, whether or not anything is under way.
_CALENDAR = (TimerKind.PHASE, TimerKind.REBATE)


class Timer(NamedTuple):
    """Something due at a market time; `key` is an order id, a trade id, a slug or empty."""

    ts_ns: int
    kind: TimerKind
    key: str


class Timers:
    """The timers of one exchange, in an order that a restart reproduces."""

    def __init__(self, rules: ExchangeRules) -> None:
        self.rules = rules
        self._heap: list[Timer] = []
        self._calendar: list[Timer] = []

    def restore(self, ledger: LedgerLookups) -> None:
        """Set every timer that the state of the books calls for."""
        self._heap.clear()
        self._calendar.clear()
        state = ledger.state
        for order in ledger.all_open_orders():
            self._set_order(order.order_id, order.state, order.release_ns, order.expires_ns)
        for trade in state.trades.values():
            self._set_trade(trade)
        for window in state.windows.values():
            self._set_window(window)
        if state.phase is not Phase.NORMAL:
            self.set_phase(state.phase_until_ns)
        if state.start_ns or state.rebated_ns:
            self._set_rebate(state.rebated_ns or state.start_ns)

    def go_by(self, rules: ExchangeRules, ledger: LedgerLookups) -> None:
        """Go by other rules: what is under way gets the times these give it."""
        self.rules = rules
        self.restore(ledger)

    def set_for(self, record: AnyRecord) -> None:
        """Set the timers a record calls for."""
        if isinstance(record, OrderAccepted):
            self._set_order(record.order_id, OrderState.HELD, record.release_ns, record.expires_ns)
        elif isinstance(record, OrderReleased):
            for execution in record.executions:
                self._set_step(execution.trade_id, FillStatus.MATCHED, record.ts_ns)
        elif isinstance(record, RestingFilled):
            self._set_step(record.execution.trade_id, FillStatus.MATCHED, record.ts_ns)
        elif isinstance(record, TradeAdvanced):
            self._set_step(record.trade_id, record.status, record.ts_ns)
            if record.status is FillStatus.MINED:
                self._set_arrival(record.trade_id, record.ts_ns)
        elif isinstance(record, WindowResolved):
            self.set_redemption(record.slug, record.ts_ns + self.rules.redeem_after_ns)
        elif isinstance(record, PhaseChanged) and record.phase is not Phase.NORMAL:
            self.set_phase(record.until_ns)
        elif isinstance(record, WorldOpened | RebatesPaid):
            self._set_rebate(record.ts_ns)

    def first(self, *, with_calendar: bool = True) -> Timer | None:
        """Return the earliest timer, None when there is none."""
        # Asked before every change of every book, so without a list or a generator.
        first = self._heap[0] if self._heap else None
        if not with_calendar or not self._calendar:
            return first
        dated = self._calendar[0]
        return dated if first is None or dated < first else first

    def pop_due(self, until_ns: int) -> Timer | None:
        """Take the earliest timer due at or before a time, None when there is none."""
        timer = self.first()
        if timer is None or timer.ts_ns > until_ns:
            return None
        return heapq.heappop(self._calendar if timer.kind in _CALENDAR else self._heap)

    def set_release(self, order_id: str, ts_ns: int) -> None:
        """Match a held order at a time."""
        self._set(ts_ns, TimerKind.RELEASE, order_id)

    def set_redemption(self, slug: str, ts_ns: int) -> None:
        """Redeem a window at a time."""
        self._set(ts_ns, TimerKind.REDEEM, slug)

    def set_phase(self, until_ns: int) -> None:
        """End a phase at a time; 0 stands for never."""
        if until_ns:
            self._set(until_ns, TimerKind.PHASE, "")

    def _set(self, ts_ns: int, kind: TimerKind, key: str) -> None:
        heap = self._calendar if kind in _CALENDAR else self._heap
        heapq.heappush(heap, Timer(ts_ns, kind, key))

    def _set_rebate(self, since_ns: int) -> None:
        if self.rules.rebate_every_ns:
            self._set(since_ns + self.rules.rebate_every_ns, TimerKind.REBATE, "")

    def _set_order(self, order_id: str, state: OrderState, release: int, expires: int) -> None:
        if state is OrderState.HELD:
            self.set_release(order_id, release)
        if expires:
            self._set(expires, TimerKind.EXPIRE, order_id)

    def _set_step(self, trade_id: str, status: FillStatus, since_ns: int) -> None:
        step = self.rules.next_step(trade_id, status)
        if step is not None:
            self._set(since_ns + step[1], TimerKind.ADVANCE, trade_id)

    def _set_arrival(self, trade_id: str, mined_ns: int) -> None:
        self._set(mined_ns + self.rules.share_lag_ns, TimerKind.ARRIVE, trade_id)

    def _set_trade(self, trade: TradeRow) -> None:
        if not trade.taker_order_id:
            self._set_step(trade.trade_id, trade.status, trade.updated_ns)
        if trade.pending and trade.side is Side.BUY and trade.mined_ns:
            self._set_arrival(trade.trade_id, trade.mined_ns)

    def _set_window(self, window: WindowRow) -> None:
        if window.resolved_ns and not window.redeemed_ns:
            self.set_redemption(window.slug, window.resolved_ns + self.rules.redeem_after_ns)
