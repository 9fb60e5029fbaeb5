from collections.abc import Iterator
from pathlib import Path
from zoneinfo import ZoneInfo

import peewee
import pytest

from polybot.adapters.storage import belief, explain, newest_state, window_reports, work_lists
from polybot.adapters.storage.connection import open_for_reading
from polybot.adapters.storage.ledger import Ledger
from polybot.adapters.storage.reader import LedgerReader
from polybot.adapters.storage.statements import execute
from polybot.domain.grading import Grade
from polybot.domain.stored import WindowStatus
from polybot.domain.trading_state import Claim, TradingState
from polybot.errors import InvalidValue, StorageError
from polybot.messages.learning import ReflectionRecorded
from polybot.messages.safety import TradingStateChanged
from polybot.messages.tracking import WindowGraded, WindowSettled
from polybot.messages.trading import IntentDenied, WindowDiscovered
from tests.fakes import FakeClock
from tests.story import (
    AGENT,
    CLOSE_NS,
    SECOND_NS,
    SHARES,
    STRATEGY,
    bought,
    market_at,
    opening,
    order_at,
    paid_out,
    records,
    slug_at,
    summarized,
)

NEW_YORK = ZoneInfo("America/New_York")


def settled(number: int, outcome: str = "Up") -> WindowSettled:
    return WindowSettled(slug=slug_at(number), condition_id="0xc", outcome=outcome, source="gamma")


def graded(number: int, pnl_usdc: int, *, grade: str = "WIN", trades: int = 1) -> WindowGraded:
    return WindowGraded(
        slug=slug_at(number),
        agent=AGENT,
        strategy=STRATEGY,
        grade=grade,
        pnl_usdc=pnl_usdc,
        fees_usdc=83_120,
        cost_usdc=23_750_000,
        trades=trades,
    )


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    opened = Ledger.open(tmp_path / "ledger.sqlite", FakeClock())
    yield opened
    opened.close()


@pytest.fixture
def reader(ledger: Ledger, tmp_path: Path) -> Iterator[LedgerReader]:
    opened = LedgerReader.open(tmp_path / "ledger.sqlite")
    yield opened
    opened.close()


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


def test_a_window_is_explained_from_discovery_to_grade(
    ledger: Ledger, reader: LedgerReader
) -> None:
    ledger.store(records([opening(), *bought(0), *bought(1)]))
    ledger.store(records([settled(0), graded(0, 5)], source="tracker", first=1))

    explanation = reader.explain(slug_at(0))

    assert explanation is not None
    assert (explanation.kind, explanation.slug) == ("window", slug_at(0))
    assert {entry.type for entry in explanation.entries} == {
        "WindowDiscovered",
        "DecisionMade",
        "IntentApproved",
        "OrderSubmitted",
        "OrderStatusChanged",
        "FillMatched",
        "FillStatusChanged",
        "WindowSummarized",
        "WindowSettled",
        "WindowGraded",
    }
    times = [entry.recorded_ns for entry in explanation.entries]
    assert times == sorted(times)


def test_an_order_is_explained_with_decision_checks_and_outcome(
    ledger: Ledger, reader: LedgerReader
) -> None:
    ledger.store(records([*bought(0), *bought(1), paid_out(0)]))
    other = graded(0, 5)
    ledger.store(records([settled(0), other], source="tracker"))

    for key in (order_at(0).venue_order_id, order_at(0).intent_id):
        explanation = reader.explain(key)

        assert explanation is not None
        assert (explanation.kind, explanation.key) == ("order", order_at(0).venue_order_id)
        assert [entry.type for entry in explanation.entries].count("FillMatched") == 1
        assert {
            "DecisionMade",
            "IntentApproved",
            "OrderSubmitted",
            "PositionSettled",
            "WindowSettled",
            "WindowGraded",
        } <= {entry.type for entry in explanation.entries}


def test_a_denied_intent_shows_in_the_story_of_its_window(
    ledger: Ledger, reader: LedgerReader
) -> None:
    denied = IntentDenied(
        intent_id="i9",
        decision_id="d9",
        agent=AGENT,
        slug=slug_at(0),
        purpose="entry",
        reason="window limit",
        checks={"window_usdc": 100},
    )
    ledger.store(records([denied]))

    explanation = reader.explain(slug_at(0))

    assert explanation is not None
    assert explanation.entries[0].body["reason"] == "window limit"


def test_a_prefix_that_fits_several_orders_names_them(ledger: Ledger, reader: LedgerReader) -> None:
    ledger.store(records([*bought(0), *bought(1)]))

    with pytest.raises(InvalidValue, match="0xaaaa000, 0xaaaa001"):
        reader.explain("0xaaaa")


def test_the_beginning_of_an_id_is_enough(ledger: Ledger, reader: LedgerReader) -> None:
    ledger.store(records(bought(0)))

    explanation = reader.explain("0xaaa")

    assert explanation is not None
    assert explanation.key == order_at(0).venue_order_id


@pytest.mark.parametrize(
    ("query", "index"),
    [
        (window_reports.RESULTS, "COVERING INDEX window_grade_by_close"),
        (window_reports.TRADES, "INDEX fill_by_time"),
        (window_reports.WINDOWS, "INDEX market_window_by_close"),
        (explain.OF_WINDOW, "INDEX event_by_window"),
        (work_lists.TO_GRADE, "INDEX market_window_to_grade"),
        (newest_state.NEWEST, "INDEX event_state"),
        (belief.FOREIGN, "INDEX event_drift"),
    ],
)
def test_a_query_is_answered_through_its_index(ledger: Ledger, query: str, index: str) -> None:
    parameters = [0] * query.count("?")
    plan = execute(ledger.database, f"EXPLAIN QUERY PLAN {query}", parameters)

    assert index in " ".join(str(row[-1]) for row in plan)


@pytest.mark.parametrize("key", ["", "0x", "btc-updown-5m-1", "0xbbbb"])
def test_what_is_not_known_is_none(ledger: Ledger, reader: LedgerReader, key: str) -> None:
    ledger.store(records([opening(), *bought(0)]))

    assert reader.explain(key) is None


def test_settled_trades_keep_the_order_of_their_first_grades(
    ledger: Ledger, reader: LedgerReader
) -> None:
    ledger.store(records([*bought(0), *bought(1), summarized(2)]))
    grades = [graded(1, -5, grade="LOSS"), graded(2, 0, trades=0), graded(0, 7), graded(1, 9)]
    ledger.store(records(grades, source="tracker"))

    trades = reader.settled_trades()

    assert [(t.trade_id, t.grade, t.pnl_usdc) for t in trades] == [
        (f"{AGENT}:{slug_at(1)}", Grade.WIN, 9),
        (f"{AGENT}:{slug_at(0)}", Grade.WIN, 7),
    ]
    assert trades[0].bought_shares == SHARES
    assert trades[0].entered_ns == order_at(1).created_ns + SECOND_NS


def test_recorded_marks_and_positions_are_told(ledger: Ledger, reader: LedgerReader) -> None:
    mark = ReflectionRecorded(trigger="10_trades", mark="10_trades:10", trades=10, digest={})
    ledger.store(records([mark, mark], source="reflector"))
    ledger.store(records([opening()]))

    assert reader.recorded_marks() == {"10_trades:10"}
    assert reader.positions() == {"reflector": 2, "trader": 1}
    assert reader.last_commit_ns() == FakeClock().now_ns()


def test_the_newest_trading_state_is_told_with_its_claims(
    ledger: Ledger, reader: LedgerReader
) -> None:
    assert reader.trading_state() is None
    claim = Claim(source="operator", state=TradingState.HALTED, reason="lunch", since_ns=5)
    ledger.store(
        records(
            [
                TradingStateChanged(state="ACTIVE", was="RECONCILING", claims=()),
                TradingStateChanged(state="HALTED", was="ACTIVE", claims=(claim,)),
            ]
        )
    )

    state = reader.trading_state()

    assert state is not None
    assert (state.state, state.claims) == ("HALTED", (claim,))


def test_the_newest_market_time_is_that_of_window_events(
    ledger: Ledger, reader: LedgerReader
) -> None:
    assert reader.newest_event_ns() == 0

    ledger.store(records(bought(0)))

    assert reader.newest_event_ns() == CLOSE_NS + len(bought(0)) - 1


def test_a_reader_cannot_write(ledger: Ledger, tmp_path: Path) -> None:
    database = open_for_reading(tmp_path / "ledger.sqlite")

    with pytest.raises(peewee.OperationalError, match="readonly"):
        execute(database, "DELETE FROM event")


def test_a_reader_sees_what_is_stored_after_it_opened(ledger: Ledger, reader: LedgerReader) -> None:
    assert reader.trades() == []

    ledger.store(records(bought(0)))

    assert len(reader.trades()) == 1


def test_a_database_whose_writer_is_gone_can_be_read(tmp_path: Path) -> None:
    ledger = Ledger.open(tmp_path / "ledger.sqlite", FakeClock())
    ledger.store(records(bought(0)))
    ledger.close()

    reader = LedgerReader.open(tmp_path / "ledger.sqlite")

    assert len(reader.trades()) == 1
    reader.close()


def test_a_missing_database_says_what_makes_one(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="has the tracker run"):
        LedgerReader.open(tmp_path / "ledger.sqlite")


def test_an_older_database_is_left_to_the_tracker(tmp_path: Path) -> None:
    ledger = Ledger.open(tmp_path / "ledger.sqlite", FakeClock())
    execute(ledger.database, "DELETE FROM schema_version WHERE version > 1")
    ledger.close()

    with pytest.raises(StorageError, match="start the tracker"):
        LedgerReader.open(tmp_path / "ledger.sqlite")
