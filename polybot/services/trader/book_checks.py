"""What a book must satisfy to be believed: it does not cross, and its hash is the exchange's."""

import enum

import msgspec

from polybot.domain.book import OrderBook
from polybot.domain.market import Market
from polybot.domain.money import format_price, format_shares
from polybot.exchange.book_hash import book_hash
from polybot.exchange.wire_market import BookAnswer
from polybot.exchange.wire_market_stream import BookEvent

# One snapshot in so many is hashed: it costs several times what applying it does.
HASH_EVERY = 32
# A check that failed this often and never once held checks another rule than the exchange's.
HOPELESS = 3


class BookFault(enum.Enum):
    """Why a book is not believed."""

    CROSSED = "crossed"
    HASH = "hash"
    UNREADABLE = "unreadable"


class Fault(msgspec.Struct, frozen=True):
    """A fault found in the book of a token, with the figures that show it."""

    token_id: str
    kind: BookFault
    detail: str


def crossing(token_id: str, book: OrderBook) -> Fault | None:
    """Return the fault of a book whose best bid reaches its best ask."""
    bid, ask = book.best_bid, book.best_ask
    if bid is None or ask is None or bid < ask:
        return None
    detail = f"expected bids below asks, was {format_price(bid)} to {format_price(ask)}"
    return Fault(token_id, BookFault.CROSSED, detail)


class HashCheck:
    """Compares the hash of snapshots with the exchange's own, some of those that come.

    `held` and `failed` count the comparisons. When the first ones all fail, the exchange hashes
    otherwise than documented, and the check ends.
    """

    def __init__(self) -> None:
        self.held = 0
        self.failed = 0
        self._seen = 0

    def is_hopeless(self) -> bool:
        """Return whether no book's hash was ever as expected."""
        return not self.held and self.failed >= HOPELESS

    def sampled(self, event: BookEvent, market: Market) -> Fault | None:
        """Check one snapshot of the stream in `HASH_EVERY`, the first one included."""
        self._seen += 1
        if self._seen % HASH_EVERY != 1 or not event.tick_size:
            return None
        return self.check(
            BookAnswer(
                market=event.market,
                asset_id=event.asset_id,
                timestamp=event.timestamp,
                hash=event.hash,
                bids=event.bids,
                asks=event.asks,
                min_order_size=format_shares(market.min_size_shares),
                tick_size=event.tick_size,
                neg_risk=market.neg_risk,
                last_trade_price=event.last_trade_price,
            )
        )

    def check(self, answer: BookAnswer) -> Fault | None:
        """Check one whole book."""
        if not answer.hash or self.is_hopeless():
            return None
        expected = book_hash(answer)
        if answer.hash == expected:
            self.held += 1
            return None
        self.failed += 1
        detail = f"expected hash {expected}, was {answer.hash}"
        return None if self.is_hopeless() else Fault(answer.asset_id, BookFault.HASH, detail)
