"""What the parts of the simulated exchange share: books, timers, and how the state changes."""

from collections.abc import Sequence
from typing import Protocol

from polybot.domain.market import Outcome
from polybot.domain.order import Side
from polybot.simulator.happenings import TellPrice
from polybot.simulator.ledger import Ledger
from polybot.simulator.records import AnyRecord, WindowClosed, WindowListed
from polybot.simulator.timers import ExchangeRules, Timers
from polybot.simulator.window_book import UpLevel, WindowBook


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
                self.books[window.slug] = WindowBook(window)

    def emit(self, record: AnyRecord) -> None:
        """Apply a record, keep it for the journal, set its timers and tell the listener."""
        self.ledger.apply(record)
        self.records.append(record)
        self.timers.set_for(record)
        if isinstance(record, WindowListed):
            slug = record.market.slug
            self.books[slug] = WindowBook(self.ledger.state.windows[slug])
        elif isinstance(record, WindowClosed):
            self.books.pop(record.slug, None)
        self.listener.on_record(record)
