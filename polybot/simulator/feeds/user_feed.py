"""What the user channel sends an account: its orders and trades, one event for each change."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import msgspec

from polybot.exchange.wire_codec import encode
from polybot.exchange.wire_user_stream import CANCELLATION, PLACEMENT, UPDATE
from polybot.simulator.books.accounts import OrderRow, maker_key
from polybot.simulator.books.ledger import Ledger
from polybot.simulator.books.records import (
    AnyRecord,
    HeartbeatsEnded,
    OrderEnded,
    OrderReleased,
    OrderState,
    RestingFilled,
    TradeAdvanced,
    WindowClosed,
)
from polybot.simulator.faults.injector import FaultInjector, draw
from polybot.simulator.faults.plan import Fault
from polybot.simulator.feeds.client_queue import ClientQueue
from polybot.simulator.views.account import order_event, trade_event


@dataclass(slots=True, eq=False)
class UserSubscriber:
    """One connection of one account; no markets (condition ids) means all of them."""

    queue: ClientQueue
    address: str
    markets: frozenset[str] = field(default_factory=frozenset)


class _Event(msgspec.Struct, frozen=True):
    data: bytes
    address: str
    market: str


class UserFeed:
    """Turns records into events for their account's connections."""

    def __init__(self, ledger: Ledger, faults: FaultInjector | None = None) -> None:
        self.subscribers: set[UserSubscriber] = set()
        self._ledger = ledger
        self._faults = faults or FaultInjector()
        self._pending: list[_Event] = []

    def on_record(self, record: AnyRecord) -> None:
        """Collect the events of a record that was just applied."""
        if not self.subscribers:
            return
        for address, market, event in self._events(record):
            self._pending.append(_Event(encode(event), address, market))

    def flush(self) -> None:
        """Hand every connection its own events, each in a frame of its own."""
        pending, self._pending = self._pending, []
        if self._faults.frames and len(pending) > 1:
            pending = self._shuffled(pending)
        for event in pending:
            for subscriber in self.subscribers:
                is_own = subscriber.address == event.address
                if is_own and (not subscriber.markets or event.market in subscriber.markets):
                    subscriber.queue.put(event.data)

    def _shuffled(self, pending: list[_Event]) -> list[_Event]:
        """Return what happened at once in another order, where a rule says so."""
        strikes = self._faults.frame("user", self._ledger.state.now_ns, (Fault.SHUFFLE,))
        for strike in strikes:
            parts = (self._faults.plan.seed, strike.number, strike.call)
            places = sorted(range(len(pending)), key=lambda place: draw(*parts, place))
            pending = [pending[place] for place in places]
        return pending

    def _events(self, record: AnyRecord) -> Iterator[tuple[str, str, msgspec.Struct]]:
        orders = self._ledger.state.orders
        if isinstance(record, OrderReleased):
            order = orders[record.order_id]
            yield from self._released(order, record)
        elif isinstance(record, RestingFilled):
            order = orders[record.order_id]
            yield self._order(order, UPDATE)
            yield self._trade(record.execution.trade_id)
        elif isinstance(record, OrderEnded):
            yield self._order(orders[record.order_id], CANCELLATION)
        elif isinstance(record, TradeAdvanced):
            for row in self._ledger.trade_rows(record.trade_id):
                yield self._trade(row.key)
        elif isinstance(record, WindowClosed | HeartbeatsEnded):
            for order in orders.values():
                if order.updated_ns == record.ts_ns and _ended_by(order, record):
                    yield self._order(order, CANCELLATION)

    def _released(
        self, order: OrderRow, record: OrderReleased
    ) -> Iterator[tuple[str, str, msgspec.Struct]]:
        if order.state is OrderState.KILLED:
            yield self._order(order, CANCELLATION)
            return
        yield self._order(order, PLACEMENT)
        if record.executions:
            yield self._order(order, UPDATE)
        for execution in record.executions:
            yield self._trade(execution.trade_id)
            for maker in execution.makers:
                yield self._order(self._ledger.state.orders[maker.order_id], UPDATE)
                yield self._trade(maker_key(execution.trade_id, maker.order_id))
        for order_id in record.canceled:
            yield self._order(self._ledger.state.orders[order_id], CANCELLATION)

    def _order(self, order: OrderRow, kind: str) -> tuple[str, str, msgspec.Struct]:
        event = order_event(self._ledger, order, kind)
        return order.address, event.market, event

    def _trade(self, key: str) -> tuple[str, str, msgspec.Struct]:
        trade = self._ledger.state.trades[key]
        event = trade_event(self._ledger, trade)
        return trade.address, event.market, event


def _ended_by(order: OrderRow, record: WindowClosed | HeartbeatsEnded) -> bool:
    if isinstance(record, WindowClosed):
        return order.slug == record.slug and order.state is OrderState.INVALID
    is_own = order.address.lower() == record.address.lower()
    return is_own and order.state is OrderState.CANCELED
