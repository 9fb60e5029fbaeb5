"""The order books of the watched markets, kept from raw market-stream frames."""

import logging
from collections.abc import Iterable

from polybot.domain.book import OrderBook
from polybot.domain.market import Market, Outcome
from polybot.domain.money import PRICE_ONE_BPS
from polybot.domain.order import Side
from polybot.domain.refusals import Refusals
from polybot.errors import InvalidValue
from polybot.exchange.price_ticks import PRICE_BPS, size_shares
from polybot.exchange.wire_market import BookAnswer, BookLevel
from polybot.exchange.wire_market_stream import (
    BookEvent,
    LevelChange,
    MarketEvent,
    PriceChangeEvent,
    TickSizeEvent,
    market_decoder,
)
from polybot.ports import StreamFrame
from polybot.services.trader.book_checks import BookFault, Fault, HashCheck, crossing
from polybot.services.trader.feed_gaps import CONNECTED
from polybot.services.trader.missed_changes import MissedChanges
from polybot.strategies.base import TokenView

logger = logging.getLogger(__name__)


class MarketData:
    """Books by token. A token without a snapshot since the last connection has no book.

    `touched` collects the slugs whose books changed since it was last cleared; `ticks` the tick
    sizes the exchange changed to; `faults` the books that were dropped because they cannot be true.
    """

    def __init__(self) -> None:
        self._decoder = market_decoder()
        self._books: dict[str, OrderBook] = {}
        self._markets: dict[str, Market] = {}
        self._slugs: dict[str, str] = {}
        self._missed: dict[str, MissedChanges] = {}
        self._refusals = Refusals()
        self.hashes = HashCheck()
        self.touched: set[str] = set()
        self.ticks: dict[str, int] = {}
        self.faults: list[Fault] = []
        self.events = 0
        self.is_connected = False

    def watch(self, markets: Iterable[Market]) -> tuple[str, ...]:
        """Keep books for exactly these markets; returns their tokens, to be subscribed."""
        self._markets = {
            token: market for market in markets for token in (market.token_up, market.token_down)
        }
        self._slugs = {token: market.slug for token, market in self._markets.items()}
        for kept in (self._books, self._missed):
            for token in [token for token in kept if token not in self._markets]:
                del kept[token]
        return tuple(sorted(self._markets))

    def missing(self) -> list[str]:
        """Return the watched tokens without a book."""
        if len(self._books) == len(self._markets):
            return []
        return [token for token in self._markets if token not in self._books]

    def slug(self, token: str) -> str:
        """Return the window a watched token belongs to."""
        return self._slugs[token]

    def accept(self, frame: StreamFrame) -> None:
        """Apply one frame of the market stream."""
        if frame.state:
            # What was missed while away is unknown, so no old book outlives a connection.
            self.is_connected = frame.state == CONNECTED
            self.touched.update(self._markets[token].slug for token in self._books)
            self._books.clear()
            self._missed.clear()
            return
        refused = self._decoder.refused
        for event in self._decoder.decode(frame.data):
            self.events += 1
            try:
                self._apply(event)
            except InvalidValue as error:
                self._decoder.refused += 1
                self._decoder.last_refusal = str(error)
                self._distrust(event)
        if self._decoder.refused > refused:
            self._say_refused(self._decoder.refused - refused, frame.mono_ns)

    def restore(self, answer: BookAnswer) -> str:
        """Take a whole book that was asked for, and what the stream told since.

        Returns why it cannot be used, "" when it can or is no longer needed. Raises InvalidValue
        for a level that is none.
        """
        token = answer.asset_id
        market = self._markets.get(token)
        if market is None or token in self._books or not self.is_connected:
            return ""
        stamp_ms = _stamp_ms(answer.timestamp)
        missed = self._missed.get(token)
        changes = missed.since(stamp_ms) if missed is not None else []
        if changes is None:
            return "it is older than the changes that were kept"
        book = OrderBook()
        book.apply_snapshot(_levels(answer.bids), _levels(answer.asks))
        for change in changes:
            _set_level(book, change)
        fault = self.hashes.check(answer) or crossing(token, book)
        if fault is not None:
            return fault.detail
        self._books[token] = book
        self._missed.pop(token, None)
        self.touched.add(market.slug)
        return ""

    def token_view(self, market: Market, outcome: Outcome) -> TokenView:
        """Return what a strategy sees of one token; empty when there is no book."""
        token = market.token(outcome)
        book = self._books.get(token)
        if book is None:
            return TokenView(outcome, token)
        bid, ask = book.best_bid, book.best_ask
        return TokenView(
            outcome,
            token,
            bid_bps=bid,
            bid_shares=None if bid is None else book.size_at(Side.BUY, bid),
            ask_bps=ask,
            ask_shares=None if ask is None else book.size_at(Side.SELL, ask),
            imbalance=book.imbalance(),
        )

    def _apply(self, event: MarketEvent) -> None:
        if isinstance(event, PriceChangeEvent):
            self._apply_changes(event)
        elif isinstance(event, BookEvent):
            self._apply_book(event)
        elif isinstance(event, TickSizeEvent):
            market = self._markets.get(event.asset_id)
            if market is not None:
                self.ticks[market.slug] = _tick_bps(event.new_tick_size)
                # The exchange sends a fresh book after a new tick; the old one no longer counts.
                self._drop(event.asset_id)

    def _apply_changes(self, event: PriceChangeEvent) -> None:
        crosses = False
        books, slugs, touched = self._books, self._slugs, self.touched
        for change in event.price_changes:
            token = change.asset_id
            book = books.get(token)
            if book is None:
                self._keep(event, change)
                continue
            # Written out: this runs for every change of every token.
            if change.side == "BUY":
                book.set_bid(PRICE_BPS[change.price], size_shares(change.size))
            else:
                book.set_ask(PRICE_BPS[change.price], size_shares(change.size))
            touched.add(slugs[token])
            bid, ask = book.best_bid, book.best_ask
            if bid is not None and ask is not None and bid >= ask:
                crosses = True
        # Judged only after all of them: a match is several changes, and may cross in between.
        if crosses:
            # In the order they came, never that of a set: a replay must find the same faults first.
            for token in dict.fromkeys(change.asset_id for change in event.price_changes):
                if token in self._books:
                    self._judge(crossing(token, self._books[token]))

    def _apply_book(self, event: BookEvent) -> None:
        token = event.asset_id
        market = self._markets.get(token)
        if market is None:
            return
        book = self._books.setdefault(token, OrderBook())
        book.apply_snapshot(_levels(event.bids), _levels(event.asks))
        self._missed.pop(token, None)
        self.touched.add(market.slug)
        self._judge(crossing(token, book) or self.hashes.sampled(event, market))

    def _keep(self, event: PriceChangeEvent, change: LevelChange) -> None:
        if change.asset_id in self._markets:
            missed = self._missed.setdefault(change.asset_id, MissedChanges())
            missed.add(_stamp_ms(event.timestamp), change)

    def _judge(self, fault: Fault | None) -> None:
        if fault is not None:
            self.faults.append(fault)
            self._drop(fault.token_id)

    def _distrust(self, event: MarketEvent) -> None:
        # Half a snapshot, or a change that is missing, makes a book that never was.
        if isinstance(event, PriceChangeEvent):
            tokens = [change.asset_id for change in event.price_changes]
        else:
            tokens = [event.asset_id] if isinstance(event, BookEvent) else []
        for token in dict.fromkeys(tokens):
            if token not in self._books:
                continue
            self._judge(Fault(token, BookFault.UNREADABLE, self._decoder.last_refusal))

    def _drop(self, token: str) -> None:
        if self._books.pop(token, None) is not None:
            self.touched.add(self._markets[token].slug)
        self._missed.pop(token, None)

    def _say_refused(self, count: int, mono_ns: int) -> None:
        for _ in range(count):
            line = self._refusals.note(self._decoder.last_refusal, mono_ns)
            if line:
                logger.warning("market events that could not be read: %s", line)


def _set_level(book: OrderBook, change: LevelChange) -> None:
    side = Side.BUY if change.side == "BUY" else Side.SELL
    book.apply_level(side, PRICE_BPS[change.price], size_shares(change.size))


def _stamp_ms(text: str) -> int:
    return int(text) if text.isdecimal() else 0


def _tick_bps(text: str) -> int:
    tick = PRICE_BPS[text]
    if not 0 < tick < PRICE_ONE_BPS:
        raise InvalidValue(f"expected a tick inside 0..1, was {text!r}")
    return tick


def _levels(levels: list[BookLevel]) -> list[tuple[int, int]]:
    return [(PRICE_BPS[level.price], size_shares(level.size)) for level in levels]
