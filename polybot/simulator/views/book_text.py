"""A book's levels kept as the text they are sent as, so that a change costs what it touches.

The hash of a book covers every level of it, and each change of a level carries the hash of both
tokens' books. Writing all levels anew for every change would take nearly all of the simulator's
time; here a change rewrites its own level and joins one side.
"""

import hashlib
from bisect import bisect_left
from collections.abc import Iterable

from polybot.domain.market import Outcome
from polybot.domain.money import PRICE_ONE_BPS
from polybot.domain.order import Side
from polybot.simulator.engine.window_book import UpLevel, WindowBook
from polybot.simulator.views.wire_text import amount_text, milliseconds_text, price_text


class _SideText:
    """One side in the Up token's terms, worst price first, as both tokens show it.

    A bid for Up is an ask for Down: the same levels in the same order, at 1 - price.
    """

    __slots__ = ("_falls", "_joined", "_levels", "prices")

    def __init__(self, *, falls: bool) -> None:
        # Asks fall towards the best one; what is searched has to rise.
        self._falls = falls
        self.prices: list[int] = []
        self._levels: tuple[list[bytes], list[bytes]] = ([], [])
        self._joined: list[bytes | None] = [None, None]

    @property
    def best_bps(self) -> int | None:
        """The best price, None for an empty side."""
        if not self.prices:
            return None
        return -self.prices[-1] if self._falls else self.prices[-1]

    def set(self, price_bps: int, size: str) -> None:
        """Write a level's size, "0" for one that is gone."""
        key = -price_bps if self._falls else price_bps
        place = bisect_left(self.prices, key)
        is_known = place < len(self.prices) and self.prices[place] == key
        self._joined = [None, None]
        if size == "0":
            if is_known:
                del self.prices[place]
                for levels in self._levels:
                    del levels[place]
            return
        texts = (_level(price_bps, size), _level(PRICE_ONE_BPS - price_bps, size))
        if not is_known:
            self.prices.insert(place, key)
        for levels, text in zip(self._levels, texts, strict=True):
            if is_known:
                levels[place] = text
            else:
                levels.insert(place, text)

    def joined(self, number: int) -> bytes:
        """Return all levels as Up (0) or Down (1) shows them."""
        text = self._joined[number]
        if text is None:
            text = self._joined[number] = b",".join(self._levels[number])
        return text


class BookText:
    """Both tokens' books of one window as text.

    Sides are told apart by identity: an enum's hash is computed in Python, and this is called for
    every change of every book.
    """

    def __init__(self, book: WindowBook) -> None:
        self._book = book
        self._bids, self._asks = _SideText(falls=False), _SideText(falls=True)
        for side, text in ((Side.BUY, self._bids), (Side.SELL, self._asks)):
            for price, size in book.levels(Outcome.UP, side):
                text.set(price, amount_text(size))
        market = book.window.market
        self._tokens = (market.token_up, market.token_down)
        self._market = market.condition_id
        self._heads = tuple(
            f'{{"market":"{self._market}","asset_id":"{token}","timestamp":"'.encode()
            for token in self._tokens
        )
        self._tails = (b"", b"")
        self._told: tuple[tuple[int, Side] | None, int] = (None, 0)

    def change(self, touched: Iterable[UpLevel], ts_ns: int) -> bytes:
        """Take over levels that changed, and return the event that tells of them."""
        changes: list[tuple[bool, int, str]] = []
        for side, price in touched:
            size = amount_text(self._book.size_at(side, price))
            is_bid = side is Side.BUY
            (self._bids if is_bid else self._asks).set(price, size)
            changes.append((is_bid, price, size))
        moment = milliseconds_text(ts_ns)
        rows: list[str] = []
        for number in (0, 1):
            bid, ask = self._best(number)
            tail = (
                f'","hash":"{self._hash(number, moment)}","best_bid":"{bid}","best_ask":"{ask}"}}'
            )
            head = f'{{"asset_id":"{self._tokens[number]}","price":"'
            for is_bid, price, size in changes:
                shown = PRICE_ONE_BPS - price if number else price
                side_text = "BUY" if is_bid != bool(number) else "SELL"
                rows.append(f'{head}{price_text(shown)}","size":"{size}","side":"{side_text}{tail}')
        return (
            f'{{"market":"{self._market}","price_changes":[{",".join(rows)}],'
            f'"timestamp":"{moment}","event_type":"price_change"}}'
        ).encode()

    def hash(self, outcome: Outcome, ts_ns: int) -> str:
        """Return the hash of one token's book: SHA-1 of its JSON with an empty hash."""
        return self._hash(0 if outcome is Outcome.UP else 1, milliseconds_text(ts_ns))

    def best(self, outcome: Outcome) -> tuple[str, str]:
        """Return best bid and ask as text, "0" and "1" for an empty side."""
        return self._best(0 if outcome is Outcome.UP else 1)

    def _best(self, number: int) -> tuple[str, str]:
        bid, ask = self._bids.best_bps, self._asks.best_bps
        if number:
            bid, ask = _mirrored(ask), _mirrored(bid)
        return "0" if bid is None else price_text(bid), "1" if ask is None else price_text(ask)

    def _hash(self, number: int, moment: str) -> str:
        told = (self._book.last_trade, self._book.window.market.tick_bps)
        if told != self._told or not self._tails[0]:
            self._told = told
            self._tails = (self._tail(Outcome.UP), self._tail(Outcome.DOWN))
        bids, asks = (self._asks, self._bids) if number else (self._bids, self._asks)
        whole = b'%s%s","hash":"","bids":[%s],"asks":[%s%s' % (
            self._heads[number],
            moment.encode(),
            bids.joined(number),
            asks.joined(number),
            self._tails[number],
        )
        return hashlib.sha1(whole, usedforsecurity=False).hexdigest()

    def _tail(self, outcome: Outcome) -> bytes:
        market, last = self._book.window.market, self._book.last_price(outcome)
        return (
            f'],"min_order_size":"{amount_text(market.min_size_shares)}",'
            f'"tick_size":"{price_text(market.tick_bps)}",'
            f'"neg_risk":{"true" if market.neg_risk else "false"},'
            f'"last_trade_price":"{"" if last is None else price_text(last)}"}}'
        ).encode()


def _mirrored(price_bps: int | None) -> int | None:
    return None if price_bps is None else PRICE_ONE_BPS - price_bps


def _level(price_bps: int, size: str) -> bytes:
    return f'{{"price":"{price_text(price_bps)}","size":"{size}"}}'.encode()
