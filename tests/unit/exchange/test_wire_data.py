from decimal import Decimal

import msgspec
import pytest

from polybot.exchange.wire_codec import decode, encode
from polybot.exchange.wire_data import (
    DataPage,
    Pagination,
    PositionRow,
    ResolutionRow,
    UserTradeRow,
)

POSITION = PositionRow(
    proxy_wallet="0x1",
    token_id="12",
    condition_id="0xab",
    current_size=Decimal("25.000001"),
    avg_price=Decimal("0.93"),
    status="OPEN",
    outcome="Up",
)
TRADE = UserTradeRow(side="BUY", token_id="12", size=Decimal("78.55"), price=Decimal("0.62"))
RESOLUTION = ResolutionRow(condition_id="0xab", status="resolved", price="1")


@pytest.mark.parametrize("row", [POSITION, TRADE, RESOLUTION])
def test_a_page_of_any_row_reads_back(row: msgspec.Struct) -> None:
    page = DataPage(data=[row], pagination=Pagination(limit=100, has_more=True, next_cursor="c"))
    assert decode(encode(page), DataPage[type(row)]) == page  # type: ignore[misc, arg-type]


def test_the_envelope_and_its_numbers_are_those_of_the_exchange() -> None:
    wire = msgspec.json.decode(encode(DataPage(data=[POSITION])))
    assert wire["pagination"] == {"limit": 0, "has_more": False, "next_cursor": None}
    assert wire["data"][0]["current_size"] == 25.000001
    assert wire["data"][0]["end_date"] is None


def test_numbers_are_read_exactly_and_new_fields_are_ignored() -> None:
    wire = b'{"data":[{"size":14.285715,"price":0.9300000035,"bio":""}],"pagination":{"limit":1}}'
    row = decode(wire, DataPage[UserTradeRow]).data[0]
    assert (row.size, row.price) == (Decimal("14.285715"), Decimal("0.9300000035"))


def test_an_empty_page_has_no_rows() -> None:
    assert decode(b'{"data":[]}', DataPage[PositionRow]).data == []
