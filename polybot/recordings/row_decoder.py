"""A line of a recording to a row: JSON with numbers and milliseconds in, integers out."""

from collections.abc import Callable
from typing import Any

import msgspec

from polybot.errors import RecordingError
from polybot.recordings.numbers import RowNumbers, reference_e8
from polybot.recordings.rows import (
    NS_PER_MS,
    BboRow,
    BookRow,
    DeltaRow,
    PriceRow,
    QuoteRow,
    Row,
    TradeRow,
)

_SHOWN = 120


class _Line(msgspec.Struct, kw_only=True, tag_field="kind", gc=False):
    # Numbers are typed Any: the decoder then hands fractions over as text instead of floats.
    ts_ms: int
    src: str = ""


class _DeltaLine(_Line, kw_only=True, tag="delta", gc=False):
    outcome: str
    ex_ts_ms: int | None = None
    best_bid: Any = None
    best_ask: Any = None
    bids: list[tuple[Any, Any]]
    asks: list[tuple[Any, Any]]


class _BookLine(_DeltaLine, kw_only=True, tag="book", gc=False):
    last_trade_price: Any = None


class _BboLine(_Line, kw_only=True, tag="bbo", gc=False):
    outcome: str
    best_bid: Any = None
    best_ask: Any = None


class _TradeLine(_Line, kw_only=True, tag="trade", gc=False):
    outcome: str
    price: Any
    size: Any


class _PriceLine(_Line, kw_only=True, tag="price", gc=False):
    price_ts_ms: int
    price: Any


class _QuoteLine(_Line, kw_only=True, tag="quote", gc=False):
    up_price: Any = None
    down_price: Any = None


def _delta(line: _DeltaLine, numbers: RowNumbers) -> DeltaRow:
    return DeltaRow(
        ts_ns=line.ts_ms * NS_PER_MS,
        source=line.src,
        outcome=line.outcome,
        exchange_ts_ns=None if line.ex_ts_ms is None else line.ex_ts_ms * NS_PER_MS,
        bids=numbers.levels(line.bids),
        asks=numbers.levels(line.asks),
        best_bid_bps=numbers.best(line.best_bid),
        best_ask_bps=numbers.best(line.best_ask),
    )


def _book(line: _BookLine, numbers: RowNumbers) -> BookRow:
    return BookRow(
        ts_ns=line.ts_ms * NS_PER_MS,
        source=line.src,
        outcome=line.outcome,
        exchange_ts_ns=None if line.ex_ts_ms is None else line.ex_ts_ms * NS_PER_MS,
        bids=numbers.levels(line.bids),
        asks=numbers.levels(line.asks),
        best_bid_bps=numbers.best(line.best_bid),
        best_ask_bps=numbers.best(line.best_ask),
        last_trade_bps=numbers.best(line.last_trade_price),
    )


def _bbo(line: _BboLine, numbers: RowNumbers) -> BboRow:
    return BboRow(
        ts_ns=line.ts_ms * NS_PER_MS,
        source=line.src,
        outcome=line.outcome,
        best_bid_bps=numbers.best(line.best_bid),
        best_ask_bps=numbers.best(line.best_ask),
    )


def _trade(line: _TradeLine, numbers: RowNumbers) -> TradeRow:
    return TradeRow(
        ts_ns=line.ts_ms * NS_PER_MS,
        source=line.src,
        outcome=line.outcome,
        price_bps=numbers.prices[line.price],
        size_shares=numbers.sizes[line.size],
    )


def _price(line: _PriceLine, _numbers: RowNumbers) -> PriceRow:
    return PriceRow(
        ts_ns=line.ts_ms * NS_PER_MS,
        source=line.src,
        price_ts_ns=line.price_ts_ms * NS_PER_MS,
        price_e8=reference_e8(line.price),
    )


def _quote(line: _QuoteLine, numbers: RowNumbers) -> QuoteRow:
    return QuoteRow(
        ts_ns=line.ts_ms * NS_PER_MS,
        source=line.src,
        up_bps=numbers.best(line.up_price),
        down_bps=numbers.best(line.down_price),
    )


_AnyLine = _BookLine | _DeltaLine | _BboLine | _TradeLine | _PriceLine | _QuoteLine
_READERS: dict[type[_Line], Callable[[Any, RowNumbers], Row]] = {
    _BookLine: _book,
    _DeltaLine: _delta,
    _BboLine: _bbo,
    _TradeLine: _trade,
    _PriceLine: _price,
    _QuoteLine: _quote,
}


class RowDecoder:
    """Decode the lines of recordings, remembering the numbers it has met."""

    def __init__(self) -> None:
        self._lines: msgspec.json.Decoder[Any] = msgspec.json.Decoder(_AnyLine, float_hook=str)
        self._numbers = RowNumbers()

    def decode(self, line: bytes) -> Row:
        """Return the row of one line; RecordingError when it is damaged or of an unknown kind."""
        try:
            parsed = self._lines.decode(line)
            return _READERS[type(parsed)](parsed, self._numbers)
        except (msgspec.DecodeError, ValueError, ArithmeticError, TypeError) as error:
            raise RecordingError(
                f"expected a row as JSON, was {line[:_SHOWN]!r}: {error!r}"
            ) from error
