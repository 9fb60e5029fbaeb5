"""What the parts of the simulated exchange share: books, timers, and how the state changes."""

from collections.abc import Sequence
from typing import Protocol

from polybot.domain.market import Outcome
from polybot.domain.order import Side
from polybot.simulator.books.accounts import OrderRow
from polybot.simulator.books.ledger import Ledger
from polybot.simulator.books.records import (
    AnyRecord,
    Execution,
    OrderReleased,
    OrderState,
    RestingFilled,
    WindowClosed,
    WindowListed,
)
from polybot.simulator.engine.order_queue import UpLevel
from polybot.simulator.engine.timers import Timers
from polybot.simulator.engine.window_book import WindowBook
from polybot.simulator.happenings import TellPrice
from polybot.simulator.rules import ExchangeRules


class Listener(Protocol):
    """Who tells the clients: called at the moment of each change, in order."""

    def on_record(self, record: AnyRecord) -> None:
        """Take a record that was just applied to the books."""

    def on_book(self, book: WindowBook, ts_ns: int, touched: Sequence[UpLevel]) -> None:
        """Take a change of a window's book and the levels it touched."""

    def on_whole_book(self, book: WindowBook, ts_ns: int) -> None:
        """Take a window's first book."""

    def on_trade(
        self, book: WindowBook, ts_ns: int, outcome: Outcome, side: Side, level: tuple[int, int]
    ) -> None:
        """Take a trade: the taker's outcome and side, price and size."""

    def on_price(self, price: TellPrice) -> None:
        """Take a reference price."""


class NullListener:
    """Tells nobody."""

    def on_record(self, record: AnyRecord) -> None:
        """Ignore a record."""

    def on_book(self, book: WindowBook, ts_ns: int, touched: Sequence[UpLevel]) -> None:
        """Ignore a change of a book."""

    def on_whole_book(self, book: WindowBook, ts_ns: int) -> None:
        """Ignore a whole book."""

    def on_trade(
        self, book: WindowBook, ts_ns: int, outcome: Outcome, side: Side, level: tuple[int, int]
    ) -> None:
        """Ignore a trade."""

    def on_price(self, price: TellPrice) -> None:
        """Ignore a price."""


class ExchangeCore:
    """The ledger, the open windows' books, the timers, and the records not yet journaled.

    Invariant: the ledger changes through `emit` alone, so the journal holds everything it holds.
    """

    def __init__(
        self,
        ledger: Ledger,
        rules: ExchangeRules,
        listener: Listener,
        books: dict[str, WindowBook],
    ) -> None:
        self.ledger = ledger
        self.rules = rules
        self.listener = listener
        self.books = books
        self.timers = Timers(rules)
        self.records: list[AnyRecord] = []
        self.timers.restore(ledger)
        for window in ledger.state.windows.values():
            if window.accepts_orders:
                restored = self.books[window.slug] = WindowBook(window)
                resting = [
                    order
                    for order in ledger.open_orders(window.slug)
                    if order.state is OrderState.LIVE
                ]
                for order in sorted(resting, key=lambda order: order.priority):
                    restored.follow(order)

    def emit(self, record: AnyRecord) -> None:
        """Apply a record, keep it for the journal, set its timers, and tell the listener.

        The books follow it before the listener hears of it; what they then look like is told last.
        """
        self.ledger.apply(record)
        self.records.append(record)
        self.timers.set_for(record)
        if isinstance(record, WindowListed):
            slug = record.market.slug
            self.books[slug] = WindowBook(self.ledger.state.windows[slug])
        elif isinstance(record, WindowClosed):
            self.books.pop(record.slug, None)
        touched = self._follow(record)
        self.listener.on_record(record)
        if isinstance(record, OrderReleased):
            self._tell_trades(record)
        for slug, levels in touched.items():
            self.listener.on_book(self.books[slug], record.ts_ns, list(dict.fromkeys(levels)))

    def _tell_trades(self, record: OrderReleased) -> None:
        order = self.ledger.state.orders[record.order_id]
        for execution in record.executions:
            level = (execution.price_bps, execution.size_shares)
            book = self.books[order.slug]
            self.listener.on_trade(book, record.ts_ns, order.outcome, order.side, level)

    def _follow(self, record: AnyRecord) -> dict[str, list[UpLevel]]:
        """Let the books follow a record; return the levels it touched, by window."""
        touched: dict[str, list[UpLevel]] = {}
        if isinstance(record, OrderReleased):
            order = self.ledger.state.orders[record.order_id]
            for execution in record.executions:
                self.books[order.slug].note_trade(order.outcome, execution.price_bps, order.side)
                self._take(order, execution, touched)
        elif isinstance(record, RestingFilled):
            order = self.ledger.state.orders[record.order_id]
            self._take(order, record.execution, touched)
        moved, self.ledger.moved = self.ledger.moved, []
        for order in moved:
            book = self.books.get(order.slug)
            levels = [] if book is None else book.follow(order)
            touched.setdefault(order.slug, []).extend(levels)
        return {slug: levels for slug, levels in touched.items() if levels}

    def _take(
        self, order: OrderRow, execution: Execution, touched: dict[str, list[UpLevel]]
    ) -> None:
        book = self.books[order.slug]
        levels = book.take(order.outcome, order.side.opposite, execution.taken)
        touched.setdefault(order.slug, []).extend(levels)
