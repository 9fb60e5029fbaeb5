"""A row to a line of a recording: the reverse of the decoder, times floored to the millisecond."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import msgspec

from polybot.domain.money import format_price, format_reference, format_shares
from polybot.recordings.rows import (
    NS_PER_MS,
    BboRow,
    BookRow,
    DeltaRow,
    Level,
    PriceRow,
    QuoteRow,
    Row,
    TradeRow,
)

_ENCODER = msgspec.json.Encoder(decimal_format="number")


def _ms(ts_ns: int | None) -> int | None:
    return None if ts_ns is None else ts_ns // NS_PER_MS


def _price_or_null(price_bps: int | None) -> Decimal | None:
    return None if price_bps is None else Decimal(format_price(price_bps))


def _pairs(levels: tuple[Level, ...]) -> list[tuple[Decimal, Decimal]]:
    return [(Decimal(format_price(price)), Decimal(format_shares(size))) for price, size in levels]


def _best(row: BookRow | DeltaRow | BboRow) -> dict[str, object]:
    return {
        "outcome": row.outcome,
        "best_bid": _price_or_null(row.best_bid_bps),
        "best_ask": _price_or_null(row.best_ask_bps),
    }


def _delta(row: DeltaRow | BookRow) -> dict[str, object]:
    levels = {"bids": _pairs(row.bids), "asks": _pairs(row.asks)}
    return {**_best(row), "ex_ts_ms": _ms(row.exchange_ts_ns), **levels}


def _book(row: BookRow) -> dict[str, object]:
    return {**_delta(row), "last_trade_price": _price_or_null(row.last_trade_bps)}


def _trade(row: TradeRow) -> dict[str, object]:
    price, size = format_price(row.price_bps), format_shares(row.size_shares)
    return {"outcome": row.outcome, "price": Decimal(price), "size": Decimal(size)}


def _price(row: PriceRow) -> dict[str, object]:
    price = Decimal(format_reference(row.price_e8))
    return {"price_ts_ms": _ms(row.price_ts_ns), "price": price}


def _quote(row: QuoteRow) -> dict[str, object]:
    return {"up_price": _price_or_null(row.up_bps), "down_price": _price_or_null(row.down_bps)}


_WRITERS: dict[type, tuple[str, Callable[[Any], dict[str, object]]]] = {
    BookRow: ("book", _book),
    DeltaRow: ("delta", _delta),
    BboRow: ("bbo", _best),
    TradeRow: ("trade", _trade),
    PriceRow: ("price", _price),
    QuoteRow: ("quote", _quote),
}


def row_kind(row: Row) -> str:
    """Return the `kind` under which a row is written."""
    return _WRITERS[type(row)][0]


def encode_row(row: Row) -> bytes:
    """Return a row as one line, newline included."""
    kind, fields = _WRITERS[type(row)]
    common = {"ts_ms": _ms(row.ts_ns), "kind": kind, "src": row.source}
    return _ENCODER.encode({**common, **fields(row)}) + b"\n"
