from pathlib import Path

import pytest

from polybot.errors import RecordingError
from polybot.recordings.index import load_index
from polybot.recordings.reader import read_rows
from polybot.recordings.row_decoder import RowDecoder
from polybot.recordings.rows import (
    BboRow,
    BookRow,
    DeltaRow,
    PriceRow,
    QuoteRow,
    Row,
    TradeRow,
)
from tests.unit.recordings.examples import MS


@pytest.mark.parametrize(
    ("line", "row"),
    [
        (
            (
                b'{"ts_ms":7,"kind":"book","src":"clob","outcome":"Down","ex_ts_ms":6,"best_bid":0.52,'
                b'"bid_size":398,"best_ask":0.53,"ask_size":15.31,"bids":[[0.52,398],[0.5,1027]],'
                b'"asks":[[0.53,15.31]],"last_trade_price":0.5}'
            ),
            BookRow(
                ts_ns=7 * MS,
                source="clob",
                outcome="Down",
                exchange_ts_ns=6 * MS,
                bids=((5200, 398_000_000), (5000, 1_027_000_000)),
                asks=((5300, 15_310_000),),
                best_bid_bps=5200,
                best_ask_bps=5300,
                last_trade_bps=5000,
            ),
        ),
        (
            (
                b'{"ts_ms":7,"kind":"delta","src":"clob","outcome":"Up","best_bid":null,'
                b'"best_ask":0.001,"bids":[[0.52,0]],"asks":[]}'
            ),
            DeltaRow(
                ts_ns=7 * MS,
                source="clob",
                outcome="Up",
                bids=((5200, 0),),
                asks=(),
                best_bid_bps=None,
                best_ask_bps=10,
            ),
        ),
        (
            b'{"ts_ms":7,"kind":"bbo","outcome":"Up","best_bid":0,"best_ask":0.01,"vwap_ask":{}}',
            BboRow(ts_ns=7 * MS, outcome="Up", best_bid_bps=None, best_ask_bps=100),
        ),
        (
            b'{"kind":"trade","ts_ms":7,"outcome":"Up","price":0.52,"size":11.034481}',
            TradeRow(ts_ns=7 * MS, outcome="Up", price_bps=5200, size_shares=11_034_481),
        ),
        (
            (
                b'{"ts_ms":7,"kind":"price","src":"chainlink","price_ts_ms":5,'
                b'"price":71485.23965784832}'
            ),
            PriceRow(
                ts_ns=7 * MS, source="chainlink", price_ts_ns=5 * MS, price_e8=7_148_523_965_785
            ),
        ),
        (
            b'{"ts_ms":7,"kind":"quote","src":"log","up_price":0.51,"down_price":0.49}',
            QuoteRow(ts_ns=7 * MS, source="log", up_bps=5100, down_bps=4900),
        ),
    ],
)
def test_a_line_becomes_a_row_of_integers(line: bytes, row: Row) -> None:
    assert RowDecoder().decode(line) == row


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"\n",
        b"{",
        b"\xff\xfe",
        b"[]",
        b'{"ts_ms":7,"kind":"news"}',
        b'{"kind":"trade","outcome":"Up","price":0.5,"size":1}',
        b'{"ts_ms":7,"kind":"trade","outcome":"Up","price":"half","size":1}',
        b'{"ts_ms":7,"kind":"trade","outcome":"Up","price":null,"size":1}',
        b'{"ts_ms":7,"kind":"trade","outcome":"Up","price":[0.5],"size":1}',
        b'{"ts_ms":7,"kind":"price","price_ts_ms":1,"price":{}}',
        b'{"ts_ms":7,"kind":"bbo","outcome":"Up","best_bid":"NaN"}',
        b'{"ts_ms":7,"kind":"delta","outcome":"Up","bids":[[0.5]],"asks":[]}',
        b'{"ts_ms":"now","kind":"quote"}',
    ],
)
def test_a_damaged_line_is_named(line: bytes) -> None:
    with pytest.raises(RecordingError, match="expected a row as JSON, was b"):
        RowDecoder().decode(line)


@pytest.mark.recordings
@pytest.mark.parametrize("source", ["arnav_parity", "houssem_ladder", "ligengxin", "tlawal_log"])
def test_every_row_of_a_recorded_window_is_readable(recordings: Path, source: str) -> None:
    window = load_index(recordings / "dev" / source).windows[0]
    assert sum(1 for _ in read_rows(window)) > 10


@pytest.mark.recordings
def test_replayed_levels_give_the_recorded_best_prices(recordings: Path) -> None:
    """A full-depth recording proves itself: book plus deltas yields the best prices it names."""
    window = load_index(recordings / "dev" / "cronosvirus").windows[0]
    books: dict[str, tuple[dict[int, int], dict[int, int]]] = {}
    compared = 0
    for row in read_rows(window):
        if not isinstance(row, BookRow | DeltaRow):
            continue
        if isinstance(row, BookRow):
            books[row.outcome] = ({}, {})
        for side, levels in zip(books[row.outcome], (row.bids, row.asks), strict=True):
            side.update(levels)
            for price in [price for price, size in levels if size == 0]:
                del side[price]
        bids, asks = books[row.outcome]
        assert max(bids, default=None) == row.best_bid_bps
        assert min(asks, default=None) == row.best_ask_bps
        compared += 1
    assert compared > 1000
