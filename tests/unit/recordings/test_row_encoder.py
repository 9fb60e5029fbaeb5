import json

import msgspec
import pytest

from polybot.recordings.row_decoder import RowDecoder
from polybot.recordings.row_encoder import encode_row, row_kind
from polybot.recordings.rows import Row
from tests.unit.recordings.examples import MS, ROWS


@pytest.mark.parametrize("row", ROWS, ids=row_kind)
def test_a_row_reads_back_as_it_was_written(row: Row) -> None:
    line = encode_row(row)
    assert line.endswith(b"}\n")
    assert RowDecoder().decode(line) == row


def test_numbers_are_written_as_numbers() -> None:
    assert encode_row(ROWS[0]) == (
        b'{"ts_ms":1000,"kind":"book","src":"clob","outcome":"Up","best_bid":0.52,"best_ask":0.53,'
        b'"ex_ts_ms":990,"bids":[[0.52,398],[0.51,155.85]],"asks":[[0.53,15.31]],'
        b'"last_trade_price":0.525}\n'
    )


def test_times_are_floored_to_the_millisecond() -> None:
    row = msgspec.structs.replace(ROWS[2], ts_ns=1002 * MS + 999_999)
    assert json.loads(encode_row(row))["ts_ms"] == 1002


def test_every_kind_of_row_has_its_name() -> None:
    assert [row_kind(row) for row in ROWS] == ["book", "delta", "bbo", "trade", "price", "quote"]
