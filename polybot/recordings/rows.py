"""The rows of a recorded window, in integers: what happened, and when the recorder saw it."""

from typing import TypeAlias

import msgspec

NS_PER_MS = 1_000_000

# Price in 1e-4 dollars and size in micro-shares; in a delta size 0 means that the level is gone.
Level: TypeAlias = tuple[int, int]


class BookRow(msgspec.Struct, frozen=True, kw_only=True):
    """A whole book of one outcome, best level first; the best prices are None for an empty side."""

    ts_ns: int
    source: str = ""
    outcome: str
    exchange_ts_ns: int | None = None
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]
    best_bid_bps: int | None = None
    best_ask_bps: int | None = None
    last_trade_bps: int | None = None


class DeltaRow(msgspec.Struct, frozen=True, kw_only=True):
    """The changed levels of one outcome; the best prices are those after the change."""

    ts_ns: int
    source: str = ""
    outcome: str
    exchange_ts_ns: int | None = None
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]
    best_bid_bps: int | None = None
    best_ask_bps: int | None = None


class BboRow(msgspec.Struct, frozen=True, kw_only=True):
    """The best prices of one outcome, without sizes; None for an empty side."""

    ts_ns: int
    source: str = ""
    outcome: str
    best_bid_bps: int | None = None
    best_ask_bps: int | None = None


class TradeRow(msgspec.Struct, frozen=True, kw_only=True):
    """A trade print of one outcome."""

    ts_ns: int
    source: str = ""
    outcome: str
    price_bps: int
    size_shares: int


class PriceRow(msgspec.Struct, frozen=True, kw_only=True):
    """A reference price; `price_ts_ns` is the source's own time, which settlement goes by."""

    ts_ns: int
    source: str
    price_ts_ns: int
    price_e8: int


class QuoteRow(msgspec.Struct, frozen=True, kw_only=True):
    """One number a side from a log, of which it is not known whether it is an ask or a middle."""

    ts_ns: int
    source: str = ""
    up_bps: int | None = None
    down_bps: int | None = None


Row: TypeAlias = BookRow | DeltaRow | BboRow | TradeRow | PriceRow | QuoteRow
