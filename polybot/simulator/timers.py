"""What the exchange will do by itself at a market time: releases, expiries, settlement steps."""

import enum
import heapq
from typing import NamedTuple

import msgspec

from polybot.domain.fill import FillStatus
from polybot.simulator.accounts import TradeRow, WindowRow
from polybot.simulator.ledger_lookups import LedgerLookups
from polybot.simulator.records import (
    AnyRecord,
    Execution,
    OrderAccepted,
    OrderReleased,
    OrderState,
    RestingFilled,
    TradeAdvanced,
    WindowResolved,
)

NS_PER_MS = 1_000_000
NS_PER_S = 1_000_000_000


class ExchangeRules(msgspec.Struct, frozen=True, kw_only=True):
    """How long things take on the simulated exchange, in nanoseconds of market time.

    A match is MINED `mined_after_ns` and CONFIRMED `confirmed_after_ns` after it was made; winning
    shares become money `redeem_after_ns` after the outcome is known.
    """

    taker_delay_ns: int = 150 * NS_PER_MS
    mined_after_ns: int = 2 * NS_PER_S
    confirmed_after_ns: int = 6 * NS_PER_S
    redeem_after_ns: int = 10 * NS_PER_S


class TimerKind(enum.IntEnum):
    """What a timer does; at one moment the lower numbers come first."""

    EXPIRE = 0
    RELEASE = 1
    ADVANCE = 2
    REDEEM = 3


class Timer(NamedTuple):
    """Something due at a market time; `key` is an order id, a trade id or a slug."""

    ts_ns: int
    kind: TimerKind
    key: str


class Timers:
    """The timers of one exchange, in an order that a restart reproduces."""

    def __init__(self, rules: ExchangeRules) -> None:
        self._rules = rules
        self._heap: list[Timer] = []

    def restore(self, ledger: LedgerLookups) -> None:
        """Set every timer that the state of the books calls for."""
        self._heap.clear()
        for order in ledger.all_open_orders():
            self._set_order(order.order_id, order.state, order.release_ns, order.expires_ns)
        for trade in ledger.state.trades.values():
            self._set_trade(trade)
        for window in ledger.state.windows.values():
            self._set_window(window)

    def set_for(self, record: AnyRecord) -> None:
        """Set the timers a record calls for."""
        if isinstance(record, OrderAccepted):
            self._set_order(record.order_id, OrderState.HELD, record.release_ns, record.expires_ns)
        elif isinstance(record, OrderReleased):
            self._set_mined(record.ts_ns, record.executions)
        elif isinstance(record, RestingFilled):
            self._set_mined(record.ts_ns, (record.execution,))
        elif isinstance(record, TradeAdvanced) and record.status is FillStatus.MINED:
            rest = self._rules.confirmed_after_ns - self._rules.mined_after_ns
            self._set(record.ts_ns + rest, TimerKind.ADVANCE, record.trade_id)
        elif isinstance(record, WindowResolved):
            self._set(record.ts_ns + self._rules.redeem_after_ns, TimerKind.REDEEM, record.slug)

    def first(self) -> Timer | None:
        """Return the earliest timer, None when there is none."""
        return self._heap[0] if self._heap else None

    def pop_due(self, until_ns: int) -> Timer | None:
        """Take the earliest timer due at or before a time, None when there is none."""
        if self._heap and self._heap[0].ts_ns <= until_ns:
            return heapq.heappop(self._heap)
        return None

    def _set(self, ts_ns: int, kind: TimerKind, key: str) -> None:
        heapq.heappush(self._heap, Timer(ts_ns, kind, key))

    def _set_order(self, order_id: str, state: OrderState, release: int, expires: int) -> None:
        if state is OrderState.HELD:
            self._set(release, TimerKind.RELEASE, order_id)
        if expires:
            self._set(expires, TimerKind.EXPIRE, order_id)

    def _set_mined(self, ts_ns: int, executions: tuple[Execution, ...]) -> None:
        for execution in executions:
            due = ts_ns + self._rules.mined_after_ns
            self._set(due, TimerKind.ADVANCE, execution.trade_id)

    def _set_trade(self, trade: TradeRow) -> None:
        if trade.status is FillStatus.MATCHED:
            due = trade.matched_ns + self._rules.mined_after_ns
            self._set(due, TimerKind.ADVANCE, trade.trade_id)
        elif trade.status is FillStatus.MINED:
            due = trade.matched_ns + self._rules.confirmed_after_ns
            self._set(due, TimerKind.ADVANCE, trade.trade_id)

    def _set_window(self, window: WindowRow) -> None:
        if window.resolved_ns and not window.redeemed_ns:
            due = window.resolved_ns + self._rules.redeem_after_ns
            self._set(due, TimerKind.REDEEM, window.slug)
