"""Rows and a window that the recordings tests share."""

from polybot.recordings.rows import (
    BboRow,
    BookRow,
    DeltaRow,
    PriceRow,
    QuoteRow,
    Row,
    TradeRow,
)
from polybot.recordings.windows_csv import RecordedWindow

MS = 1_000_000
OPEN_S = 1_795_000_500
SLUG = f"btc-updown-5m-{OPEN_S}"

WINDOW = RecordedWindow(
    slug=SLUG,
    interval_s=300,
    open_ns=OPEN_S * 1_000_000_000,
    close_ns=(OPEN_S + 300) * 1_000_000_000,
    source="test",
    outcome="Up",
    outcome_source="official_gamma",
    rule="chainlink_twap_60s",
    condition_id="0x" + "ab" * 32,
    token_up="11",
    token_down="22",
    price_to_beat_e8=7_148_523_965_785,
    close_price_e8=7_148_523_965_785,
)

ROWS: list[Row] = [
    BookRow(
        ts_ns=1000 * MS,
        source="clob",
        outcome="Up",
        exchange_ts_ns=990 * MS,
        bids=((5200, 398_000_000), (5100, 155_850_000)),
        asks=((5300, 15_310_000),),
        best_bid_bps=5200,
        best_ask_bps=5300,
        last_trade_bps=5250,
    ),
    DeltaRow(
        ts_ns=1001 * MS,
        outcome="Up",
        bids=((5200, 0),),
        asks=(),
        best_bid_bps=5100,
        best_ask_bps=5300,
    ),
    BboRow(ts_ns=1002 * MS, outcome="Down", best_bid_bps=None, best_ask_bps=9990),
    TradeRow(ts_ns=1003 * MS, outcome="Down", price_bps=4800, size_shares=11_034_481),
    PriceRow(
        ts_ns=1004 * MS, source="chainlink", price_ts_ns=1000 * MS, price_e8=7_148_523_965_785
    ),
    QuoteRow(ts_ns=1005 * MS, source="log", up_bps=5100, down_bps=None),
]
