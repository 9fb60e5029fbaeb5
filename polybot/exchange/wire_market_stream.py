"""Market websocket frames as polybot reads them: only the fields it uses, prices as text."""

from typing import Final, TypeAlias

import msgspec

from polybot.exchange.wire_codec import FrameDecoder
from polybot.exchange.wire_market import BookLevel


class MarketSubscription(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a client sends: `type` "market" in the first frame, `operation` in later ones."""

    assets_ids: list[str]
    type: str = ""
    operation: str = ""
    custom_feature_enabled: bool = False
    initial_dump: bool = True
    level: int = 2


class LevelChange(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A level's new total size ("0" removes it)."""

    asset_id: str
    price: str
    size: str
    side: str


# Where the changes of a price_change frame begin: a market's id is all that stands before them.
_CHANGES: Final = b'"price_changes"'
_CHANGES_WITHIN: Final = 128


class _Event(msgspec.Struct, frozen=True, kw_only=True, tag_field="event_type"):
    # `timestamp` is the exchange's, milliseconds as text.
    timestamp: str = ""


class BookEvent(_Event, frozen=True, kw_only=True, tag="book"):
    """A whole book of one token; the best price is the LAST level of both sides."""

    market: str = ""
    asset_id: str
    hash: str = ""
    bids: list[BookLevel] = []
    asks: list[BookLevel] = []
    tick_size: str = ""
    last_trade_price: str = ""


class PriceChangeEvent(_Event, frozen=True, kw_only=True, tag="price_change", gc=False):
    """Changed levels; each change arrives for both tokens, mirrored."""

    price_changes: list[LevelChange]


class LastTradeEvent(_Event, frozen=True, kw_only=True, tag="last_trade_price"):
    """A trade, from the taker's side."""

    asset_id: str
    price: str
    size: str = ""
    side: str = ""


class TickSizeEvent(_Event, frozen=True, kw_only=True, tag="tick_size_change"):
    """A new tick; the book must be dropped until its next snapshot."""

    asset_id: str
    old_tick_size: str = ""
    new_tick_size: str


class BestPricesEvent(_Event, frozen=True, kw_only=True, tag="best_bid_ask"):
    """The best prices of one token."""

    asset_id: str
    best_bid: str = ""
    best_ask: str = ""


class NewMarketEvent(_Event, frozen=True, kw_only=True, tag="new_market"):
    """A market was created."""

    id: str = ""
    slug: str = ""
    question: str = ""
    market: str = ""
    assets_ids: list[str] = []
    outcomes: list[str] = []


class MarketResolvedEvent(_Event, frozen=True, kw_only=True, tag="market_resolved"):
    """A market was resolved; not always sent, so the outcome is polled as well."""

    id: str = ""
    market: str = ""
    assets_ids: list[str] = []
    winning_asset_id: str = ""
    winning_outcome: str = ""


MarketEvent: TypeAlias = (
    BookEvent
    | PriceChangeEvent
    | LastTradeEvent
    | TickSizeEvent
    | BestPricesEvent
    | NewMarketEvent
    | MarketResolvedEvent
)


class MarketDecoder(FrameDecoder[MarketEvent]):
    """Decodes market frames; nine in ten are changes of levels, and those are tried first."""

    def __init__(self) -> None:
        super().__init__(MarketEvent)
        self._change = msgspec.json.Decoder(PriceChangeEvent)

    def decode(self, data: bytes | str) -> list[MarketEvent]:
        """Return the events of a frame in order; a PONG has none."""
        if isinstance(data, bytes) and data.find(_CHANGES, 0, _CHANGES_WITHIN) > 0:
            try:
                return [self._change.decode(data)]
            except msgspec.DecodeError:
                # An array of them, or one that cannot be read: the general way finds out which.
                return super().decode(data)
        return super().decode(data)


def market_decoder() -> MarketDecoder:
    """Return a decoder of market frames with its own count of what it could not read."""
    return MarketDecoder()
