"""What the market channel sends its subscribers: books, trades, ticks and resolutions."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import msgspec

from polybot.domain.market import Market, Outcome
from polybot.domain.money import PRICE_ONE_BPS
from polybot.domain.order import Side
from polybot.exchange.wire_codec import encode
from polybot.exchange.wire_market_feed import (
    BestPricesFrame,
    LastTradeFrame,
    MarketResolvedFrame,
    NewMarketFrame,
    TickSizeFrame,
)
from polybot.simulator.books.accounts import WindowRow
from polybot.simulator.engine.window_book import UpLevel, WindowBook
from polybot.simulator.feeds.client_queue import ClientQueue
from polybot.simulator.views.book import best_texts, book_frame
from polybot.simulator.views.book_text import BookText
from polybot.simulator.views.gamma import question
from polybot.simulator.views.wire_text import amount_text, milliseconds_text, price_text


@dataclass(slots=True, eq=False)
class MarketSubscriber:
    """One connection: the tokens it asked for, and whether it wants the extra events."""

    queue: ClientQueue
    tokens: set[str] = field(default_factory=set)
    extras: bool = False


class _Event(msgspec.Struct, frozen=True, gc=False):
    """An encoded event and the tokens it is about; none means everybody with extras."""

    data: bytes
    tokens: tuple[str, ...]
    extra: bool = False


class MarketFeed:
    """Encodes each event once, and hands every subscriber its own in one array frame a flush."""

    def __init__(self) -> None:
        self.subscribers: set[MarketSubscriber] = set()
        self._pending: list[_Event] = []
        self._best: dict[str, tuple[str, str]] = {}
        self._texts: dict[str, BookText] = {}
        self._watched: frozenset[str] | None = None
        self._has_extras = False

    def snapshots(self, books: Iterable[tuple[WindowBook, Outcome]], ts_ns: int) -> bytes:
        """Return the first frame of a subscription: an array of whole books."""
        return encode([book_frame(book, outcome, ts_ns) for book, outcome in books])

    def on_whole_book(self, book: WindowBook, ts_ns: int) -> None:
        """Send both tokens' whole books."""
        # A book that begins anew, or has a new tick, is another text.
        self._texts.pop(book.window.slug, None)
        if not self._is_watched(book.window.market):
            return
        for outcome in Outcome:
            token = book.window.market.token(outcome)
            self._send(book_frame(book, outcome, ts_ns), token)
        self._send_best(book, ts_ns, None)

    def on_book(self, book: WindowBook, ts_ns: int, touched: Sequence[UpLevel]) -> None:
        """Send changed levels, each for both tokens."""
        market = book.window.market
        if not self._is_watched(market):
            self._texts.pop(market.slug, None)
            return
        text = self._texts.get(market.slug)
        if text is None:
            text = self._texts[market.slug] = BookText(book)
        data = text.change(touched, ts_ns)
        self._pending.append(_Event(data, (market.token_up, market.token_down)))
        self._send_best(book, ts_ns, text)

    def on_trade(
        self, book: WindowBook, ts_ns: int, outcome: Outcome, side: Side, level: tuple[int, int]
    ) -> None:
        """Send a trade to those who watch the token it was made in."""
        market = book.window.market
        if not self._is_watched(market):
            return
        token = market.token(outcome)
        frame = LastTradeFrame(
            market=market.condition_id,
            asset_id=token,
            price=price_text(level[0]),
            size=amount_text(level[1]),
            side=side.value,
            timestamp=milliseconds_text(ts_ns),
        )
        self._send(frame, token)

    def on_tick(self, book: WindowBook, ts_ns: int, old_bps: int) -> None:
        """Send a new tick, and whole books after it."""
        market = book.window.market
        for outcome in Outcome:
            token = market.token(outcome)
            frame = TickSizeFrame(
                market=market.condition_id,
                asset_id=token,
                old_tick_size=price_text(old_bps),
                new_tick_size=price_text(market.tick_bps),
                timestamp=milliseconds_text(ts_ns),
            )
            self._send(frame, token)
        self.on_whole_book(book, ts_ns)

    def on_listed(self, window: WindowRow, ts_ns: int) -> None:
        """Tell those with extras of a new market."""
        market = window.market
        frame = NewMarketFrame(
            id=str(window.number),
            question=question(market),
            market=market.condition_id,
            slug=market.slug,
            assets_ids=[market.token_up, market.token_down],
            outcomes=[outcome.value for outcome in Outcome],
            timestamp=milliseconds_text(ts_ns),
        )
        self._pending.append(_Event(encode(frame), (), extra=True))

    def forget(self, market: Market) -> None:
        """Forget what a market's best prices were: it has none any more."""
        self._texts.pop(market.slug, None)
        for token in (market.token_up, market.token_down):
            self._best.pop(token, None)

    def on_resolved(self, window: WindowRow, outcome: Outcome, ts_ns: int) -> None:
        """Tell those with extras of a market they watched that it was resolved."""
        market = window.market
        frame = MarketResolvedFrame(
            id=str(window.number),
            market=market.condition_id,
            assets_ids=[market.token_up, market.token_down],
            winning_asset_id=market.token(outcome),
            winning_outcome=outcome.value,
            timestamp=milliseconds_text(ts_ns),
        )
        tokens = (market.token_up, market.token_down)
        self._pending.append(_Event(encode(frame), tokens, extra=True))

    def flush(self) -> None:
        """Hand every subscriber what happened since the last flush.

        Those who watch the same share the bytes of one frame.
        """
        self._watched = None
        if not self._pending:
            return
        pending, self._pending = self._pending, []
        frames: dict[tuple[frozenset[str], bool], bytes] = {}
        for subscriber in self.subscribers:
            watches = (frozenset(subscriber.tokens), subscriber.extras)
            frame = frames.get(watches)
            if frame is None:
                parts = [event.data for event in pending if _concerns(event, *watches)]
                frame = frames[watches] = b"[" + b",".join(parts) + b"]" if parts else b""
            if frame:
                subscriber.queue.put(frame)

    def _is_watched(self, market: Market) -> bool:
        if self._watched is None:
            # Nobody subscribes between two flushes without one of their own.
            tokens = (subscriber.tokens for subscriber in self.subscribers)
            self._watched = frozenset().union(*tokens)
            self._has_extras = any(subscriber.extras for subscriber in self.subscribers)
        return market.token_up in self._watched or market.token_down in self._watched

    def _send(self, frame: msgspec.Struct, *tokens: str) -> None:
        self._pending.append(_Event(encode(frame), tokens))

    def _send_best(self, book: WindowBook, ts_ns: int, text: BookText | None) -> None:
        if not self._has_extras:
            return
        market = book.window.market
        for outcome in Outcome:
            token = market.token(outcome)
            best = text.best(outcome) if text else best_texts(book, outcome)
            if self._best.get(token) == best:
                continue
            self._best[token] = best
            bid, ask = book.best(outcome)
            spread = (PRICE_ONE_BPS if ask is None else ask) - (bid or 0)
            frame = BestPricesFrame(
                market=market.condition_id,
                asset_id=token,
                best_bid=best[0],
                best_ask=best[1],
                spread=price_text(spread),
                timestamp=milliseconds_text(ts_ns),
            )
            self._pending.append(_Event(encode(frame), (token,), extra=True))


def _concerns(event: _Event, tokens: frozenset[str], extras: bool) -> bool:  # noqa: FBT001
    if event.extra and not extras:
        return False
    return not event.tokens or any(token in tokens for token in event.tokens)
