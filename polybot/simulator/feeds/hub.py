"""Everything clients are told: the engine's listener, with the channels' feeds behind it."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence

from polybot.domain.market import Outcome
from polybot.domain.order import Side
from polybot.simulator.books.ledger import Ledger
from polybot.simulator.books.records import (
    AnyRecord,
    OrderReleased,
    TickChanged,
    WindowClosed,
    WindowListed,
    WindowResolved,
)
from polybot.simulator.engine.window_book import UpLevel, WindowBook
from polybot.simulator.faults.injector import FaultInjector
from polybot.simulator.feeds.client_queue import ClientQueue
from polybot.simulator.feeds.market_feed import MarketFeed
from polybot.simulator.feeds.price_feed import PriceFeed
from polybot.simulator.feeds.public_price_feed import PublicPriceFeed
from polybot.simulator.feeds.user_feed import UserFeed
from polybot.simulator.happenings import TellPrice
from polybot.simulator.views.late_books import LateBooks
from polybot.simulator.views.price_history import PriceHistory


class Hub:
    """Collects what happened, and hands it to the clients when the journal holds it.

    `books` are the order books of the open windows, by slug.
    """

    def __init__(
        self,
        ledger: Ledger,
        books: Mapping[str, WindowBook],
        faults: FaultInjector | None = None,
    ) -> None:
        self.faults = faults or FaultInjector()
        self.late = LateBooks(ledger, self.faults)
        self.history = PriceHistory()
        self.market = MarketFeed()
        self.user = UserFeed(ledger, self.faults)
        self.price = PriceFeed(self.faults)
        self.public = PublicPriceFeed()
        self._ledger = ledger
        self._books = books
        self._waiting: dict[str, asyncio.Future[None]] = {}
        self._ticks: dict[str, int] = {}

    def on_record(self, record: AnyRecord) -> None:
        """Take a record that was just applied to the books."""
        self.late.on_record(record)
        self.user.on_record(record)
        windows = self._ledger.state.windows
        if isinstance(record, OrderReleased):
            self._let_go(record.order_id)
        elif isinstance(record, WindowClosed):
            self._let_go_of_ended()
        elif isinstance(record, WindowListed):
            self._ticks[record.market.slug] = record.market.tick_bps
            self.market.on_listed(windows[record.market.slug], record.ts_ns)
        elif isinstance(record, TickChanged):
            book = self._books.get(record.slug)
            old = self._ticks.get(record.slug, record.tick_bps)
            self._ticks[record.slug] = record.tick_bps
            if book is not None:
                self.market.on_tick(book, record.ts_ns, old)
        elif isinstance(record, WindowResolved):
            self._ticks.pop(record.slug, None)
            self.market.forget(windows[record.slug].market)
            if record.announced:
                self.market.on_resolved(windows[record.slug], record.outcome, record.ts_ns)

    def on_book(self, book: WindowBook, ts_ns: int, touched: Sequence[UpLevel]) -> None:
        """Take a change of a window's book."""
        self.history.on_book(book, ts_ns)
        self.market.on_book(book, ts_ns, touched)

    def on_whole_book(self, book: WindowBook, ts_ns: int) -> None:
        """Take a window's first book."""
        self.market.on_whole_book(book, ts_ns)

    def on_trade(
        self, book: WindowBook, ts_ns: int, outcome: Outcome, side: Side, level: tuple[int, int]
    ) -> None:
        """Take a trade."""
        self.market.on_trade(book, ts_ns, outcome, side, level)

    def on_price(self, price: TellPrice) -> None:
        """Take a reference price."""
        # The public channels have no words for a stand-in: they would call it the real one.
        if self.price.on_price(price) and not price.stand_in:
            self.public.on_price(price)

    def flush(self) -> None:
        """Hand everything collected to the clients' queues."""
        self.market.flush()
        self.user.flush()
        self.price.flush()
        self.public.flush()

    def when_released(self, order_id: str) -> asyncio.Future[None]:
        """Return a future that is done when a held order is not held any more."""
        waiting = asyncio.get_running_loop().create_future()
        self._waiting[order_id] = waiting
        return waiting

    @property
    def congested(self) -> bool:
        """Whether a client's queue is full."""
        return any(queue.full for queue in self._queues())

    async def room(self) -> None:
        """Return when no queue is full any more."""
        for queue in list(self._queues()):
            if queue.full:
                await queue.drained()

    async def user_flushed(self) -> None:
        """Return when every user connection was sent what waited for it."""
        for subscriber in list(self.user.subscribers):
            await subscriber.queue.sent()

    def _queues(self) -> Iterator[ClientQueue]:
        yield from (subscriber.queue for subscriber in self.market.subscribers)
        yield from (subscriber.queue for subscriber in self.user.subscribers)
        yield from (subscriber.queue for subscriber in self.price.subscribers)
        yield from (subscriber.queue for subscriber in self.public.subscribers)

    def _let_go(self, order_id: str) -> None:
        waiting = self._waiting.pop(order_id, None)
        if waiting is not None and not waiting.done():
            waiting.set_result(None)

    def _let_go_of_ended(self) -> None:
        for order_id in list(self._waiting):
            order = self._ledger.state.orders.get(order_id)
            if order is None or not order.is_open:
                self._let_go(order_id)
