"""A mirror's order books: market-stream frames as happenings, and no book that is not fresh.

Only the Up token's frames move a book, because the exchange sends every change mirrored for both.
A book that was missed, froze or crosses is emptied, so that nothing fills on it, and asked for
anew.
"""

import logging
from collections.abc import Iterable
from dataclasses import dataclass, field

from polybot.domain.book import OrderBook
from polybot.domain.market import Market
from polybot.domain.money import PRICE_ONE_BPS
from polybot.domain.order import Side
from polybot.domain.resting import TradePrint
from polybot.errors import InvalidValue
from polybot.exchange.price_ticks import PRICE_BPS, size_shares
from polybot.exchange.wire_codec import FrameDecoder
from polybot.exchange.wire_market import BookLevel
from polybot.exchange.wire_market_stream import (
    BookEvent,
    LastTradeEvent,
    MarketEvent,
    MarketResolvedEvent,
    PriceChangeEvent,
    TickSizeEvent,
    market_decoder,
)
from polybot.ports import Stream, StreamFrame
from polybot.simulator.happenings import (
    ChangeTick,
    Happening,
    Level,
    PrintTrade,
    SetBook,
    SetLevels,
)

logger = logging.getLogger(__name__)

NS_PER_MS = 1_000_000
NS_PER_S = 1_000_000_000
# A token is left out of the subscription this long (wall time) to get a whole book with its return.
PAUSE_NS = NS_PER_S
CONNECTED = "connected"


@dataclass(slots=True)
class _Watched:
    """A followed market: its book while it is fresh, and when something was last heard of it."""

    market: Market
    heard_ns: int
    book: OrderBook | None = None
    paused_until_ns: int = 0


@dataclass(slots=True)
class MirrorBooks:
    """Turns frames into happenings.

    `silent_ns` (wall time) is how long an open window may say nothing before its book counts as
    frozen. `resolved` collects the condition ids that the stream calls resolved, for others to ask
    about.
    """

    stream: Stream
    silent_ns: int
    connected: bool = False
    resolved: set[str] = field(default_factory=set)
    dropped: int = 0
    _watched: dict[str, _Watched] = field(default_factory=dict)
    _slugs: dict[str, str] = field(default_factory=dict)
    _decoder: FrameDecoder[MarketEvent] = field(default_factory=market_decoder)
    _newest_ns: int = 0

    def watch(self, markets: Iterable[Market], mono_ns: int) -> None:
        """Follow exactly these markets."""
        wanted = {market.slug: market for market in markets}
        for slug in [slug for slug in self._watched if slug not in wanted]:
            del self._watched[slug]
        for slug, market in wanted.items():
            self._watched.setdefault(slug, _Watched(market, mono_ns))
        tokens = {
            token: each.market.slug
            for each in self._watched.values()
            if mono_ns >= each.paused_until_ns
            for token in (each.market.token_up, each.market.token_down)
        }
        if tokens != self._slugs:
            self._slugs = tokens
            self.stream.subscribe(sorted(tokens))

    def fresh(self) -> int:
        """Return how many of the followed markets have a book."""
        return sum(each.book is not None for each in self._watched.values())

    def take(self, until_ns: int) -> list[Happening]:
        """Return what the stream told, each with the exchange's time, at most `until_ns`."""
        told: list[Happening] = []
        for frame in self.stream.take():
            if frame.state:
                told += self._connection(frame, until_ns)
            else:
                told += self._frame(frame, until_ns)
        return told

    def drop_frozen(self, market_ns: int, mono_ns: int) -> list[Happening]:
        """Empty the books of open windows that say nothing any more, and ask for them anew."""
        told: list[Happening] = []
        for slug, each in self._watched.items():
            is_open = each.market.open_ns <= market_ns < each.market.close_ns
            if not self.connected or not is_open or mono_ns - each.heard_ns < self.silent_ns:
                continue
            each.heard_ns = mono_ns
            told += self._drop(slug, market_ns, mono_ns, "nothing was heard of it")
        return told

    def _connection(self, frame: StreamFrame, until_ns: int) -> list[Happening]:
        """Take a change of the connection: what is missed while away is unknown."""
        self.connected = frame.state == CONNECTED
        told: list[Happening] = []
        for slug, each in self._watched.items():
            each.heard_ns = frame.mono_ns
            if each.book is not None:
                each.book = None
                told.append(SetBook(until_ns, slug, (), ()))
        return told

    def _frame(self, frame: StreamFrame, until_ns: int) -> list[Happening]:
        told: list[Happening] = []
        for event in self._decoder.decode(frame.data):
            try:
                _append(told, self._event(event, until_ns, frame.mono_ns))
            except InvalidValue as error:
                for slug in self._slugs_of(event):
                    told += self._drop(slug, until_ns, frame.mono_ns, str(error))
        for slug in sorted({each.slug for each in told if isinstance(each, SetBook | SetLevels)}):
            book = self._watched[slug].book
            if book is not None and book.is_crossed:
                # A book that cannot be is never shown: it would fill what rests here.
                told = [each for each in told if not _is_book_of(slug, each)]
                told += self._drop(slug, until_ns, frame.mono_ns, "its book crosses")
        return told

    def _event(self, event: MarketEvent, until_ns: int, mono_ns: int) -> list[Happening]:
        ts_ns = self._time_of(event, until_ns)
        for slug in self._slugs_of(event):
            self._watched[slug].heard_ns = mono_ns
        match event:
            case BookEvent():
                return self._whole(event, ts_ns)
            case PriceChangeEvent():
                return self._changes(event, ts_ns)
            case LastTradeEvent():
                return self._trade(event, ts_ns)
            case TickSizeEvent() if event.asset_id in self._slugs:
                tick_bps = PRICE_BPS[event.new_tick_size]
                return [ChangeTick(ts_ns, self._slugs[event.asset_id], tick_bps)]
            case MarketResolvedEvent():
                self.resolved.add(event.market)
        return []

    def _time_of(self, event: MarketEvent, until_ns: int) -> int:
        """Return an event's time: the exchange's own, never going back, never ahead of ours."""
        stamped = int(event.timestamp) * NS_PER_MS if event.timestamp.isdecimal() else until_ns
        self._newest_ns = min(max(self._newest_ns, stamped), until_ns)
        return self._newest_ns

    def _whole(self, event: BookEvent, ts_ns: int) -> list[Happening]:
        each = self._up(event.asset_id)
        if each is None:
            return []
        bids, asks = _levels(event.bids), _levels(event.asks)
        book = each.book or OrderBook()
        book.apply_snapshot(bids, asks)
        each.book = book
        return [SetBook(ts_ns, each.market.slug, bids, asks)]

    def _changes(self, event: PriceChangeEvent, ts_ns: int) -> list[Happening]:
        levels: dict[str, list[tuple[Side, int, int]]] = {}
        for change in event.price_changes:
            each = self._up(change.asset_id)
            if each is None or each.book is None:
                continue
            side = Side.BUY if change.side == Side.BUY.value else Side.SELL
            level = (side, PRICE_BPS[change.price], size_shares(change.size))
            each.book.apply_level(*level)
            levels.setdefault(each.market.slug, []).append(level)
        return [SetLevels(ts_ns, slug, tuple(changed)) for slug, changed in levels.items()]

    def _trade(self, event: LastTradeEvent, ts_ns: int) -> list[Happening]:
        slug = self._slugs.get(event.asset_id)
        price, size = PRICE_BPS[event.price], size_shares(event.size)
        if slug is None or not 0 < price < PRICE_ONE_BPS or size <= 0:
            return []
        aggressor = Side(event.side) if event.side in (Side.BUY.value, Side.SELL.value) else None
        outcome = self._watched[slug].market.outcome_of(event.asset_id)
        trade = TradePrint(outcome=outcome, price_bps=price, size_shares=size, aggressor=aggressor)
        return [PrintTrade(ts_ns, slug, trade)]

    def _up(self, token_id: str) -> _Watched | None:
        each = self._watched.get(self._slugs.get(token_id, ""))
        return each if each is not None and each.market.token_up == token_id else None

    def _slugs_of(self, event: MarketEvent) -> set[str]:
        if isinstance(event, PriceChangeEvent):
            tokens = {change.asset_id for change in event.price_changes}
        elif isinstance(event, BookEvent | LastTradeEvent | TickSizeEvent):
            tokens = {event.asset_id}
        else:
            tokens = set()
        return {self._slugs[token] for token in tokens if token in self._slugs}

    def _drop(self, slug: str, ts_ns: int, mono_ns: int, why: str) -> list[Happening]:
        """Empty a window's book and leave it out of the subscription for a moment."""
        each = self._watched[slug]
        logger.info("%s: %s; no fills on it until a whole book arrives", slug, why)
        self.dropped += 1
        each.book = None
        each.paused_until_ns = mono_ns + PAUSE_NS
        return [SetBook(ts_ns, slug, (), ())]


def _levels(levels: list[BookLevel]) -> tuple[Level, ...]:
    return tuple((PRICE_BPS[level.price], size_shares(level.size)) for level in levels)


def _append(told: list[Happening], happenings: list[Happening]) -> None:
    """Add happenings; changes of one book in a row become one, so that none shows half a move."""
    for happening in happenings:
        last = told[-1] if told else None
        if (
            isinstance(last, SetLevels)
            and isinstance(happening, SetLevels)
            and last.slug == happening.slug
        ):
            levels = {(side, price): size for side, price, size in last.levels + happening.levels}
            merged = tuple((side, price, size) for (side, price), size in levels.items())
            told[-1] = SetLevels(happening.ts_ns, happening.slug, merged)
        else:
            told.append(happening)


def _is_book_of(slug: str, happening: Happening) -> bool:
    return isinstance(happening, SetBook | SetLevels) and happening.slug == slug
