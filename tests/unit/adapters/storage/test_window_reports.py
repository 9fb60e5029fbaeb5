from zoneinfo import ZoneInfo

from polybot.adapters.storage.ledger import Ledger
from polybot.adapters.storage.reader import LedgerReader
from polybot.domain.stored import WindowStatus
from polybot.messages.trading import WindowDiscovered
from tests.story import (
    CLOSE_NS,
    SECOND_NS,
    SHARES,
    bought,
    graded,
    market_at,
    order_at,
    records,
    settled,
    slug_at,
)

NEW_YORK = ZoneInfo("America/New_York")


def test_a_window_shows_how_far_it_got(ledger: Ledger, reader: LedgerReader) -> None:
    ledger.store(records([WindowDiscovered(market=market_at(n)) for n in range(4)]))
    ledger.store(records([settled(0), graded(0, 1_000), settled(1)], source="tracker"))
    # The second window is over, the third open, the fourth to come.
    now_ns = CLOSE_NS + 400 * SECOND_NS

    windows = reader.windows(now_ns=now_ns)

    assert [(w.slug, w.status, w.outcome, w.pnl_usdc) for w in windows] == [
        (slug_at(3), WindowStatus.UPCOMING, None, 0),
        (slug_at(2), WindowStatus.OPEN, None, 0),
        (slug_at(1), WindowStatus.SETTLED, "Up", 0),
        (slug_at(0), WindowStatus.GRADED, "Up", 1_000),
    ]
    assert windows[3].grades[0].grade == "WIN"
    later = reader.windows(now_ns=now_ns + 300 * SECOND_NS, since_ns=market_at(2).close_ns)
    assert [w.status for w in later] == [WindowStatus.OPEN, WindowStatus.CLOSED]


def test_trades_come_newest_first_with_the_purpose_of_their_order(
    ledger: Ledger, reader: LedgerReader
) -> None:
    ledger.store(records([*bought(0), *bought(1)]))

    trades = reader.trades(limit=1)

    assert [(t.slug, t.purpose, t.price_bps, t.size_shares, t.status) for t in trades] == [
        (slug_at(1), "entry", 9500, SHARES, "CONFIRMED")
    ]
    assert trades[0].is_maker is False
    assert len(reader.trades(since_ns=order_at(1).created_ns)) == 1


def test_pnl_is_summed_by_trading_day_and_leaves_idle_windows_out(
    ledger: Ledger, reader: LedgerReader
) -> None:
    # 2026-08-20 12:00 UTC is 08:00 in New York; 200 windows later it is the next day there.
    ledger.store(records([WindowDiscovered(market=market_at(n)) for n in (0, 1, 2, 200)]))
    ledger.store(
        records(
            [
                graded(0, 1_000_000),
                graded(1, -3_000_000, grade="LOSS"),
                graded(2, 0, grade="IDLE", trades=0),
                graded(200, 2_000_000),
            ],
            source="tracker",
        )
    )

    rows = reader.pnl(zone=NEW_YORK)

    assert [(r.day, r.windows, r.wins, r.losses, r.pnl_usdc) for r in rows] == [
        ("2026-08-20", 2, 1, 1, -2_000_000),
        ("2026-08-21", 1, 1, 0, 2_000_000),
    ]
    assert rows[0].win_rate == 0.5
    assert [r.day for r in reader.pnl(zone=NEW_YORK, since_ns=market_at(200).close_ns)] == [
        "2026-08-21"
    ]
