import random
from pathlib import Path

import msgspec
import pytest

from polybot.adapters.storage.ledger import Ledger
from polybot.adapters.storage.models import ALL_TABLES, table_name
from polybot.adapters.storage.statements import execute
from polybot.domain.fill import FillStatus
from polybot.domain.market import Outcome
from polybot.errors import DiskFull, StorageError
from polybot.messages.commands import Witness
from polybot.messages.lifecycle import Heartbeat
from polybot.messages.trading import FillMatched
from tests.fakes import FakeClock, make_envelope
from tests.story import (
    AGENT,
    CLOSE_NS,
    SHARES,
    bought,
    fill_at,
    graded,
    market_at,
    opening,
    order_at,
    paid_out,
    records,
    reported,
    settled,
    slug_at,
)

SETTLED = settled()


def contents(path: Path) -> dict[str, list[tuple[object, ...]]]:
    """Return every row of every table; wall times of the store itself left out."""
    ledger = Ledger.open(path, FakeClock())
    tables = {}
    for table in ALL_TABLES:
        name = table_name(table)
        if name not in ("schema_version", "source_position"):
            tables[name] = execute(ledger.database, f"SELECT * FROM {name} ORDER BY 1")  # noqa: S608
    tables["positions"] = sorted(ledger.positions().items())
    ledger.close()
    return tables


def rows(ledger: Ledger, sql: str) -> list[tuple[object, ...]]:
    return execute(ledger.database, sql)


def test_a_batch_is_stored_with_what_follows_from_it(ledger: Ledger) -> None:
    batch = records([opening(), *bought()])
    result = ledger.store(batch)

    assert ledger.witnesses() == {"trader": Witness(seq=10, hash=batch[-1][2])}
    assert (result.stored, result.duplicates, result.conflicts) == (10, 0, ())
    assert ledger.positions() == {"trader": 10}
    assert rows(ledger, "SELECT status, filled_shares, fee_usdc FROM venue_order") == [
        ("FILLED", SHARES, 83_120)
    ]
    assert rows(ledger, "SELECT status FROM fill") == [("CONFIRMED",)]


def test_events_that_are_here_already_change_nothing(ledger: Ledger, path: Path) -> None:
    batch = records([opening(), *bought()])
    ledger.store(batch)
    before = contents(path)

    result = ledger.store(batch)

    assert (result.stored, result.duplicates, result.conflicts) == (0, 10, ())
    assert contents(path) == before


def test_a_repeat_inside_one_batch_is_stored_once(ledger: Ledger) -> None:
    batch = records([opening()])

    result = ledger.store(batch + batch)

    assert (result.stored, result.duplicates) == (1, 1)
    assert rows(ledger, "SELECT COUNT(*) FROM flow") == [(1,)]


def test_a_known_number_with_other_bytes_is_a_finding_and_stays_out(ledger: Ledger) -> None:
    ledger.store(records([opening()]))

    first = ledger.store(records([SETTLED]))
    second = ledger.store(records([SETTLED]))

    assert len(first.conflicts) == 1
    assert "expected event 1 of trader with hash" in first.conflicts[0]
    assert second.conflicts == ()
    assert rows(ledger, "SELECT source, seq FROM conflict") == [("trader", 1)]
    assert rows(ledger, "SELECT type FROM event") == [("ExternalFlowBooked",)]


def test_volatile_messages_are_left_out(ledger: Ledger) -> None:
    beat = Heartbeat(process="trader", pid=1, last_seq=0, turns=1, progress=0, status="")
    envelope = make_envelope(beat, durable=False)

    assert ledger.store([(envelope, beat, "")]).stored == 0


def test_an_event_without_a_table_of_its_own_is_kept_too(ledger: Ledger) -> None:
    envelope = msgspec.structs.replace(make_envelope(opening()), type="MadeTomorrow")

    ledger.store([(envelope, None, "00")])

    assert rows(ledger, "SELECT seq, type FROM event") == [(1, "MadeTomorrow")]


def test_a_failing_batch_leaves_nothing_behind(ledger: Ledger) -> None:
    good = records([opening(), *bought()])
    broken = [*good[:6], (good[6][0], good[6][1], None)]

    with pytest.raises(StorageError):
        ledger.store(broken)  # type: ignore[arg-type]

    assert ledger.positions() == {}
    assert rows(ledger, "SELECT COUNT(*) FROM event") == [(0,)]
    assert rows(ledger, "SELECT COUNT(*) FROM market_window") == [(0,)]
    assert ledger.store(good).stored == 10


def test_a_full_disk_is_said_as_such_and_the_batch_can_come_again(ledger: Ledger) -> None:
    pages = rows(ledger, "PRAGMA page_count")[0][0]
    rows(ledger, f"PRAGMA max_page_count = {pages}")
    batch = [record for number in range(40) for record in records(bought(number))]
    batch = records([record[1] for record in batch])

    with pytest.raises(DiskFull, match="make room"):
        ledger.store(batch)

    rows(ledger, "PRAGMA max_page_count = 100000")
    assert ledger.store(batch).stored == len(batch)


@pytest.mark.parametrize("seed", range(5))
def test_any_split_into_batches_with_repeats_ends_in_the_same_database(
    tmp_path: Path, seed: int
) -> None:
    trader = records([opening(), *bought(0), *bought(1), paid_out(0), paid_out(1, won=False)])
    tracker = records([SETTLED, graded()], source="tracker")
    whole = Ledger.open(tmp_path / "whole.sqlite", FakeClock())
    whole.store(trader)
    whole.store(tracker)
    whole.close()
    random_source = random.Random(seed)
    path = tmp_path / "pieces.sqlite"
    position = 0
    while position < len(trader):
        # A new process each time: it may see again what it stored, never miss what it did not.
        ledger = Ledger.open(path, FakeClock())
        stored = ledger.store_position("trader")
        begin = random_source.randint(0, stored)
        end = random_source.randint(stored + 1, len(trader))
        ledger.store(trader[begin:end])
        position = ledger.store_position("trader")
        ledger.close()
    ledger = Ledger.open(path, FakeClock())
    for record in tracker:
        ledger.store([record, record])
    ledger.close()

    assert contents(path) == contents(tmp_path / "whole.sqlite")


def test_a_failed_fill_no_longer_counts_in_its_order(ledger: Ledger) -> None:
    events = [*bought()[:6], reported(0, FillStatus.FAILED)]

    ledger.store(records(events))

    assert rows(ledger, "SELECT filled_shares, filled_usdc, fee_usdc FROM venue_order") == [
        (0, 0, 0)
    ]


def test_a_fill_told_in_two_events_counts_once(ledger: Ledger) -> None:
    ledger.store(records([*bought()[:6], FillMatched(fill=fill_at())]))

    assert rows(ledger, "SELECT filled_shares FROM venue_order") == [(SHARES,)]


def test_newer_metadata_of_a_window_keeps_its_place_in_the_queue(ledger: Ledger) -> None:
    ledger.store(records(bought()[:1]))
    ledger.note_question(slug_at(), asks=3, next_ask_ns=CLOSE_NS)

    ledger.store(records(bought()[:1], first=2))

    [question] = ledger.open_questions()
    assert (question.asks, question.next_ask_ns) == (3, CLOSE_NS)


def test_a_question_survives_a_restart(ledger: Ledger, path: Path) -> None:
    ledger.store(records(bought()[:1]))
    ledger.note_question(slug_at(), asks=2, next_ask_ns=CLOSE_NS + 7)
    ledger.close()

    again = Ledger.open(path, FakeClock())

    assert [(q.slug, q.asks, q.next_ask_ns) for q in again.open_questions()] == [
        (slug_at(), 2, CLOSE_NS + 7)
    ]
    again.close()


def test_a_settled_window_asks_for_a_grade_with_everything_it_takes(ledger: Ledger) -> None:
    ledger.store(records(bought()))
    assert ledger.grade_cases(10) == []

    ledger.store(records([SETTLED], source="tracker"))

    [case] = ledger.grade_cases(10)
    assert case.market == market_at()
    assert case.outcome is Outcome.UP
    assert [order.venue_order_id for order in case.orders] == [order_at().venue_order_id]
    assert [fill.status for fill in case.fills] == [FillStatus.CONFIRMED]
    assert case.strategies == {AGENT: "capture_99c"}
    assert ledger.open_questions() == []
    assert ledger.is_settled(slug_at())


def test_a_graded_window_comes_back_when_something_happens_to_it(ledger: Ledger) -> None:
    ledger.store(records(bought()))
    ledger.store(records([SETTLED, graded()], source="tracker"))
    ledger.note_graded([slug_at()])
    assert ledger.grade_cases(10) == []

    late = fill_at(trade_id="late", size_shares=1_000_000)
    ledger.store(records([FillMatched(fill=late)], first=10))

    assert [case.market.slug for case in ledger.grade_cases(10)] == [slug_at()]


def test_a_grade_of_our_own_does_not_ask_for_another(ledger: Ledger) -> None:
    ledger.store(records(bought()))
    ledger.store(records([SETTLED], source="tracker"))
    ledger.note_graded([slug_at()])

    ledger.store(records([graded()], source="tracker", first=2))

    assert ledger.grade_cases(10) == []


def test_a_newer_grade_replaces_the_older_and_keeps_its_first_moment(ledger: Ledger) -> None:
    ledger.store(records(bought()))
    ledger.store(records([graded(), graded(pnl_usdc=5)], source="tracker"))

    assert rows(ledger, "SELECT pnl_usdc, settled_ns, graded_ns FROM window_grade") == [
        (5, CLOSE_NS, CLOSE_NS + 1)
    ]


def test_two_writers_of_a_directory_that_cannot_be_made_say_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(StorageError, match="state directory"):
        Ledger.open(tmp_path / "file" / "ledger.sqlite", FakeClock())


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    path.write_bytes(b"not a database, but long enough to look like one" * 50)

    with pytest.raises(StorageError, match=r"ledger\.sqlite"):
        Ledger.open(path, FakeClock())
