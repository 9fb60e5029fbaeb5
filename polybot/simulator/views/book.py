"""Order books as the exchange shows them: ascending bids, descending asks, the best price last."""

import msgspec

from polybot.domain.market import Outcome
from polybot.domain.order import Side
from polybot.exchange.book_hash import book_hash
from polybot.exchange.wire_market import BookAnswer, BookLevel
from polybot.exchange.wire_market_feed import BookFrame
from polybot.simulator.engine.window_book import WindowBook
from polybot.simulator.views.wire_text import amount_text, milliseconds_text, price_text

EMPTY_BID = "0"
EMPTY_ASK = "1"


def book_answer(book: WindowBook, outcome: Outcome, ts_ns: int) -> BookAnswer:
    """Return one token's whole book, with its hash."""
    market = book.window.market
    last = book.last_price(outcome)
    answer = BookAnswer(
        market=market.condition_id,
        asset_id=market.token(outcome),
        timestamp=milliseconds_text(ts_ns),
        bids=_levels(book, outcome, Side.BUY),
        asks=_levels(book, outcome, Side.SELL),
        min_order_size=amount_text(market.min_size_shares),
        tick_size=price_text(market.tick_bps),
        neg_risk=market.neg_risk,
        last_trade_price="" if last is None else price_text(last),
    )
    return msgspec.structs.replace(answer, hash=book_hash(answer))


def book_frame(book: WindowBook, outcome: Outcome, ts_ns: int) -> BookFrame:
    """Return one token's whole book as the market channel sends it."""
    answer = book_answer(book, outcome, ts_ns)
    return BookFrame(
        market=answer.market,
        asset_id=answer.asset_id,
        timestamp=answer.timestamp,
        hash=answer.hash,
        bids=answer.bids,
        asks=answer.asks,
        tick_size=answer.tick_size,
        last_trade_price=answer.last_trade_price,
    )


def best_texts(book: WindowBook, outcome: Outcome) -> tuple[str, str]:
    """Return best bid and ask as text, "0" and "1" for an empty side."""
    bid, ask = book.best(outcome)
    return (
        EMPTY_BID if bid is None else price_text(bid),
        EMPTY_ASK if ask is None else price_text(ask),
    )


def _levels(book: WindowBook, outcome: Outcome, side: Side) -> list[BookLevel]:
    best_first = [
        BookLevel(price_text(price), amount_text(size))
        for price, size in book.levels(outcome, side)
    ]
    best_first.reverse()
    return best_first
