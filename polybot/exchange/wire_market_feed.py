"""Market websocket frames as the simulated exchange sends them: every field of the real ones.

`event_type` comes last in the recorded frames, so it is an ordinary last field here.
"""

import msgspec

from polybot.exchange.wire_market import BookLevel


class BookFrame(msgspec.Struct, frozen=True, kw_only=True):
    """A whole book: bids ascending, asks descending."""

    market: str
    asset_id: str
    timestamp: str
    hash: str
    bids: list[BookLevel]
    asks: list[BookLevel]
    tick_size: str
    event_type: str = "book"
    last_trade_price: str = ""


class LevelChangeRow(msgspec.Struct, frozen=True, kw_only=True):
    """One changed level and the best prices after it."""

    asset_id: str
    price: str
    size: str
    side: str
    hash: str
    best_bid: str
    best_ask: str


class PriceChangeFrame(msgspec.Struct, frozen=True, kw_only=True):
    """Changed levels of both tokens."""

    market: str
    price_changes: list[LevelChangeRow]
    timestamp: str
    event_type: str = "price_change"


class LastTradeFrame(msgspec.Struct, frozen=True, kw_only=True):
    """A trade; the fee rate always reads 0."""

    market: str
    asset_id: str
    price: str
    size: str
    side: str
    fee_rate_bps: str = "0"
    transaction_hash: str = ""
    timestamp: str
    event_type: str = "last_trade_price"


class TickSizeFrame(msgspec.Struct, frozen=True, kw_only=True):
    """A new tick."""

    market: str
    asset_id: str
    old_tick_size: str
    new_tick_size: str
    timestamp: str
    event_type: str = "tick_size_change"


class BestPricesFrame(msgspec.Struct, frozen=True, kw_only=True):
    """The best prices of one token; "0" and "1" stand for an empty side."""

    market: str
    asset_id: str
    best_bid: str
    best_ask: str
    spread: str
    timestamp: str
    event_type: str = "best_bid_ask"


class NewMarketFrame(msgspec.Struct, frozen=True, kw_only=True):
    """A market was created."""

    id: str
    question: str
    market: str
    slug: str
    description: str = ""
    assets_ids: list[str]
    outcomes: list[str]
    timestamp: str
    event_type: str = "new_market"


class MarketResolvedFrame(msgspec.Struct, frozen=True, kw_only=True):
    """A market was resolved."""

    id: str
    market: str
    assets_ids: list[str]
    winning_asset_id: str
    winning_outcome: str
    timestamp: str
    event_type: str = "market_resolved"
