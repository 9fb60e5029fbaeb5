"""The tracker over a real database: whole windows, restarts, bad days."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from polybot.adapters.storage.ledger import Ledger
from polybot.domain.audit import AuditResult
from polybot.domain.fill import FillStatus
from polybot.domain.order import OrderStatus, OrderTrigger
from polybot.errors import OutcomeUnknown, ProtocolError, StorageError
from polybot.messages.lifecycle import MarketTimeChanged
from polybot.messages.safety import AlertRaised
from polybot.messages.tracking import (
    AuditCompleted,
    DatabaseRebuilt,
    WindowGraded,
    WindowSettled,
    WindowSplit,
)
from polybot.messages.trading import FillMatched, WindowDiscovered
from polybot.ports import CatalogAnswer
from tests.story import (
    CLOSE_NS,
    SHARES,
    bought,
    fill_at,
    market_at,
    moved,
    opening,
    reported,
    slug_at,
    summarized,
)
from tests.unit.services.tracker.floor import Floor, tell


@pytest.fixture
def floor(tmp_path: Path) -> Floor:
    return Floor(tmp_path / "ledger.sqlite")


def test_a_window_goes_from_its_discovery_to_its_grade(floor: Floor) -> None:
    tell(floor, opening(), *bought())
    service = floor.start()
    service.turn()
    assert floor.inbox.acknowledged == {"trader": 10}

    floor.resolve()
    floor.market.advance(309)
    service.turn()
    assert floor.catalog.asked == []
    floor.market.advance(1)
    service.turn()
    assert floor.catalog.asked == [slug_at()]
    for _ in range(3):
        service.turn()

    assert floor.outbox.events(WindowSettled) == [
        WindowSettled(slug=slug_at(), condition_id="0xc000", outcome="Up", source="gamma")
    ]
    [graded] = floor.outbox.events(WindowGraded)
    assert (graded.grade, graded.pnl_usdc) == ("WIN", SHARES - 23_750_000 - 83_120)
    assert floor.ledger.positions() == {"trader": 10, "tracker": 2}
    assert floor.ledger.grade_cases(10) == []


def test_nothing_more_happens_to_a_graded_window(floor: Floor) -> None:
    tell(floor, opening(), *bought())
    floor.resolve()
    floor.market.advance(400)
    service = floor.start()
    for _ in range(10):
        service.turn()
        floor.market.advance(60)

    assert len(floor.catalog.asked) == 1
    assert [type(body).__name__ for _, body in floor.outbox.committed] == [
        "WindowSettled",
        "WindowGraded",
    ]


def test_an_unresolved_window_is_asked_for_again_after_a_restart(floor: Floor) -> None:
    tell(floor, *bought())
    floor.market.advance(311)
    service = floor.start()
    service.turn()
    service.turn()
    assert len(floor.catalog.asked) == 1
    floor.ledger.close()

    service = floor.start()
    service.turn()
    assert len(floor.catalog.asked) == 1
    floor.market.advance(5)
    service.turn()

    assert len(floor.catalog.asked) == 2


def test_a_late_fill_is_graded_again_once_it_is_final(floor: Floor) -> None:
    tell(floor, *bought())
    floor.resolve()
    floor.market.advance(400)
    service = floor.start()
    for _ in range(4):
        service.turn()
    late = fill_at(trade_id="late", size_shares=1_000_000, fee_usdc=0)

    tell(floor, FillMatched(fill=late))
    service.turn()
    service.turn()
    assert len(floor.outbox.events(WindowGraded)) == 1
    confirmed = reported(0, FillStatus.CONFIRMED)
    tell(floor, type(confirmed)(**{**_fields(confirmed), "trade_id": "late"}))
    for _ in range(3):
        service.turn()

    first, second = floor.outbox.events(WindowGraded)
    assert second.pnl_usdc == first.pnl_usdc + 1_000_000 - 950_000
    assert second.trades == 2


def _fields(message: Any) -> dict[str, Any]:
    return {name: getattr(message, name) for name in message.__struct_fields__}


def test_an_idle_window_is_graded_when_its_summary_comes_after_the_outcome(
    floor: Floor,
) -> None:
    tell(floor, WindowDiscovered(market=market_at()))
    floor.resolve()
    floor.market.advance(400)
    service = floor.start()
    for _ in range(3):
        service.turn()
    assert floor.outbox.events(WindowGraded) == []

    tell(floor, summarized())
    for _ in range(3):
        service.turn()

    assert [graded.grade for graded in floor.outbox.events(WindowGraded)] == ["IDLE"]


def test_a_window_told_again_after_its_outcome_is_not_settled_again(floor: Floor) -> None:
    tell(floor, *bought())
    floor.resolve()
    floor.market.advance(400)
    service = floor.start()
    for _ in range(3):
        service.turn()

    tell(floor, WindowDiscovered(market=market_at()))
    for _ in range(3):
        service.turn()

    assert len(floor.outbox.events(WindowSettled)) == 1


def test_a_catalog_that_fails_is_asked_again(floor: Floor) -> None:
    tell(floor, *bought())
    floor.catalog.known[slug_at()] = CatalogAnswer(slug_at(), None, error=OutcomeUnknown("reset"))
    floor.market.advance(310)
    service = floor.start()
    service.turn()
    service.turn()
    assert floor.outbox.events(WindowSettled) == []

    floor.resolve()
    floor.market.advance(5)
    service.turn()
    service.turn()

    assert len(floor.outbox.events(WindowSettled)) == 1


def test_a_question_without_an_answer_does_not_block_the_queue(floor: Floor) -> None:
    tell(floor, *bought())
    floor.catalog.silent = True
    floor.market.advance(310)
    service = floor.start()
    service.turn()
    floor.market.advance(30)
    service.turn()
    assert len(floor.catalog.asked) == 1

    floor.clock.advance(16)
    service.turn()

    assert len(floor.catalog.asked) == 2


class Refusing:
    """A ledger that refuses to store while told to."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.refuses = True

    def __getattr__(self, name: str) -> Any:
        return getattr(self.ledger, name)

    def store(self, records: Any) -> Any:
        if self.refuses:
            raise StorageError("expected room, was none")
        return self.ledger.store(records)


def test_events_wait_while_the_database_refuses_them(floor: Floor) -> None:
    refusing: list[Refusing] = []

    def wrap(port: Any) -> Any:
        if not isinstance(port, Ledger):
            return port
        refusing.append(Refusing(port))
        return refusing[0]

    service = floor.start(wrap)
    tell(floor, opening(), *bought())
    service.turn()
    service.turn()
    assert floor.inbox.acknowledged == {}
    assert "refuses events" in service.status()
    assert service.next_wake_s() == 1.0

    refusing[0].refuses = False
    service.turn()

    assert floor.inbox.acknowledged == {"trader": 10}
    assert "10 events stored" in service.status()


def test_market_time_is_followed_and_nothing_is_settled_before_it_is_known(
    floor: Floor,
) -> None:
    tell(floor, *bought())
    floor.market.known = False
    floor.market.advance(400)
    service = floor.start()
    service.turn()
    assert floor.catalog.asked == []
    assert service.vitals().market_ns == 0
    assert service.next_wake_s() == 1.0

    change = MarketTimeChanged(origin_mono_ns=0, origin_market_ns=CLOSE_NS, speed=20.0)
    floor.inbox.put_volatile(change, source="simulator")
    service.turn()

    assert floor.market.accepted == [change]


def test_it_sleeps_until_the_next_question(floor: Floor) -> None:
    tell(floor, *bought())
    floor.market.pace = 20.0
    floor.market.advance(305)
    service = floor.start()
    service.turn()
    service.turn()

    assert service.next_wake_s() == pytest.approx(5 / 20)


def test_a_source_with_another_journal_raises_an_alert_once(floor: Floor) -> None:
    tell(floor, *bought())
    service = floor.start()
    service.turn()
    floor.inbox.other_journals = {"trader": 3}
    for _ in range(3):
        service.turn()

    [alert] = floor.outbox.events(AlertRaised)
    assert alert.key == "journal:trader"
    assert "state directory was replaced" in alert.text


def test_an_event_with_other_bytes_raises_an_alert(floor: Floor) -> None:
    tell(floor, opening())
    floor.start().turn()
    floor.ledger.close()
    floor.inbox.durable.clear()
    tell(floor, moved(0, OrderStatus.ACCEPTED, OrderTrigger.ACCEPT))
    service = floor.start()
    floor.inbox.positions = {}
    service.turn()

    [alert] = floor.outbox.events(AlertRaised)
    assert alert.key.startswith("conflict:")


def test_audits_run_at_their_interval_and_are_told(floor: Floor) -> None:
    service = floor.start()
    service.turn()
    assert floor.auditor.started == 0
    floor.clock.advance(60)
    service.turn()
    service.turn()
    assert floor.auditor.started == 1

    floor.auditor.result = AuditResult(("cash: off",), orders=3, fills=2, windows=1)
    service.turn()

    assert floor.outbox.events(AuditCompleted) == [
        AuditCompleted(agrees=False, differences=("cash: off",), orders=3, fills=2, windows=1)
    ]
    assert "1 differences" in service.status()


def test_an_audit_that_could_not_be_carried_out_is_no_finding(floor: Floor) -> None:
    service = floor.start()
    floor.auditor.result = AuditResult((), 0, 0, 0, error="no credentials yet")

    service.turn()

    assert floor.outbox.events(AuditCompleted) == []
    assert "no credentials yet" in service.status()


def test_it_has_no_commands(floor: Floor) -> None:
    with pytest.raises(ProtocolError, match="StopEntries"):
        floor.start().handle("StopEntries", None)


def test_stopping_stores_what_was_said_last(floor: Floor) -> None:
    service = floor.start()
    floor.outbox.record(AlertRaised(key="k", severity="warning", text=""))

    asyncio.run(service.stop())

    assert [row[2] for row in floor.contents()["event"]] == ["AlertRaised"]


def test_a_restart_tells_where_it_went_on(floor: Floor) -> None:
    service = floor.start()
    floor.outbox.record(AlertRaised(key="k", severity="warning", text=""))
    floor.outbox.commit()
    floor.ledger.close()

    service = floor.start()

    assert service.restored == (0, 1)


def test_a_database_that_lost_what_it_had_is_filled_again_by_its_sources_and_said(
    floor: Floor,
) -> None:
    tell(floor, opening(), *bought())
    service = floor.start()
    service.turn()
    asyncio.run(service.stop())
    for file in floor.path.parent.iterdir():
        file.unlink()

    service = floor.start()
    service.turn()
    service.turn()

    # No file holds them here; test_rebuild.py has the files.
    assert floor.ledger.store_position("trader") == 10
    [rebuilt] = floor.outbox.events(DatabaseRebuilt)
    assert "expected events of trader up to 10 in the database, was 0" in rebuilt.reason
    [alert] = floor.outbox.events(AlertRaised)
    assert alert.key == "rebuilt"


def test_a_split_window_is_one_alert_and_keeps_its_position(floor: Floor) -> None:
    tell(floor, opening(), *bought())
    service = floor.start()
    floor.catalog.known[slug_at()] = CatalogAnswer(slug_at(), None, closed=True, is_split=True)
    floor.market.advance(310)
    for _ in range(20):
        service.turn()
        floor.market.advance(30)
    assert len(floor.outbox.events(WindowSplit)) == 1
    (alert,) = floor.outbox.events(AlertRaised)
    assert alert.key == f"split:{slug_at()}"
    assert "every share pays $0.50" in alert.text
    assert "polybot redeem" in alert.text
    assert floor.outbox.events(WindowSettled) == []
    assert floor.outbox.events(WindowGraded) == []
    assert "1 windows not settled" in service.status()
