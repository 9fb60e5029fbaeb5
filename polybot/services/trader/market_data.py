"""The order books of the watched markets, kept from raw market-stream frames."""

import logging
from collections.abc import Iterable

from polybot.domain.book import OrderBook
from polybot.domain.market import Market, Outcome
from polybot.domain.money import PRICE_ONE_BPS
from polybot.domain.order import Side
from polybot.errors import InvalidValue
from polybot.exchange.price_ticks import PRICE_BPS, size_shares
from polybot.exchange.wire_market import BookLevel
from polybot.exchange.wire_market_stream import (
    BookEvent,
    MarketEvent,
    PriceChangeEvent,
    TickSizeEvent,
    market_decoder,
)
from polybot.ports import StreamFrame
from polybot.strategies.base import TokenView

logger = logging.getLogger(__name__)

REFUSED_LOG_NS = 60_000_000_000


class MarketData:
    """Books by token. A token without a snapshot since the last connection has no book.

    `touched` collects the slugs whose books changed since it was last cleared; `ticks` the tick
    sizes the exchange changed to.
    """

    def __init__(self) -> None:
        self._decoder = market_decoder()
        self._books: dict[str, OrderBook] = {}
        self._slugs: dict[str, str] = {}
        self._refused_said_ns = 0
        self._refused_said = 0
        self.touched: set[str] = set()
        self.ticks: dict[str, int] = {}
        self.events = 0

    def watch(self, markets: Iterable[Market]) -> tuple[str, ...]:
        """Keep books for exactly these markets; returns their tokens, to be subscribed."""
        self._slugs = {
            token: market.slug
            for market in markets
            for token in (market.token_up, market.token_down)
        }
        for token in [token for token in self._books if token not in self._slugs]:
            del self._books[token]
        return tuple(sorted(self._slugs))

    def accept(self, frame: StreamFrame) -> None:
        """Apply one frame of the market stream."""
        if frame.state:
            # What was missed while away is unknown, so no old book outlives a connection.
            self.touched.update(self._slugs[token] for token in self._books)
            self._books.clear()
            return
        for event in self._decoder.decode(frame.data):
            self.events += 1
            try:
                self._apply(event)
            except InvalidValue as error:
                self._decoder.refused += 1
                self._decoder.last_refusal = str(error)
                self._distrust(event)
        if self._decoder.refused > self._refused_said:
            self._say_refused(frame.mono_ns)

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
            slug = self._slugs.get(event.asset_id)
            if slug is not None:
                self.ticks[slug] = _tick_bps(event.new_tick_size)
                # The exchange sends a fresh book after a new tick; the old one no longer counts.
                self._books.pop(event.asset_id, None)
                self.touched.add(slug)

    def _apply_changes(self, event: PriceChangeEvent) -> None:
        for change in event.price_changes:
            book = self._books.get(change.asset_id)
            if book is None:
                continue
            price = PRICE_BPS[change.price]
            if change.side == "BUY":
                book.set_bid(price, size_shares(change.size))
            else:
                book.set_ask(price, size_shares(change.size))
            self.touched.add(self._slugs[change.asset_id])

    def _apply_book(self, event: BookEvent) -> None:
        slug = self._slugs.get(event.asset_id)
        if slug is None:
            return
        book = self._books.setdefault(event.asset_id, OrderBook())
        book.apply_snapshot(_levels(event.bids), _levels(event.asks))
        self.touched.add(slug)

    def _distrust(self, event: MarketEvent) -> None:
        # Half a snapshot, or a change that is missing, makes a book that never was.
        if isinstance(event, PriceChangeEvent):
            tokens = {change.asset_id for change in event.price_changes}
        else:
            tokens = {event.asset_id} if isinstance(event, BookEvent) else set()
        for token in tokens & self._books.keys():
            del self._books[token]
            self.touched.add(self._slugs[token])

    def _say_refused(self, mono_ns: int) -> None:
        if mono_ns - self._refused_said_ns < REFUSED_LOG_NS and self._refused_said:
            return
        self._refused_said_ns = mono_ns
        self._refused_said = self._decoder.refused
        logger.warning(
            "%d market events could not be read so far; the last: %s",
            self._decoder.refused,
            self._decoder.last_refusal,
        )


def _tick_bps(text: str) -> int:
    tick = PRICE_BPS[text]
    if not 0 < tick < PRICE_ONE_BPS:
        raise InvalidValue(f"expected a tick inside 0..1, was {text!r}")
    return tick


def _levels(levels: list[BookLevel]) -> list[tuple[int, int]]:
    return [(PRICE_BPS[level.price], size_shares(level.size)) for level in levels]
