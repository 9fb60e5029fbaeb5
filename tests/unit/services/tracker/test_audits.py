import pytest

from polybot.domain.audit import AuditPoint, AuditResult
from polybot.services.tracker.audits import Audits
from tests.fakes import FakeClock
from tests.unit.services.tracker.floor import FakeAuditor

SECOND_NS = 1_000_000_000
POINT = AuditPoint(seq=9, at_ns=8, since_seq=7)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def runner() -> FakeAuditor:
    return FakeAuditor()


@pytest.fixture
def audits(clock: FakeClock, runner: FakeAuditor) -> Audits:
    audits = Audits(runner, clock, 60 * SECOND_NS)
    audits.begin()
    return audits


def test_an_audit_begins_each_interval_and_not_while_one_runs(
    audits: Audits, clock: FakeClock, runner: FakeAuditor
) -> None:
    audits.turn()
    assert runner.started == 0
    clock.advance(60)
    audits.turn()
    clock.advance(120)
    audits.turn()

    assert runner.complete == [False]


def test_a_complete_one_that_is_wanted_comes_at_once_and_is_the_only_one(
    audits: Audits, clock: FakeClock, runner: FakeAuditor
) -> None:
    audits.want_all()
    audits.turn()
    runner.busy = False
    clock.advance(60)
    audits.turn()

    assert runner.complete == [True, False]


def test_without_an_interval_nothing_is_audited(clock: FakeClock, runner: FakeAuditor) -> None:
    audits = Audits(runner, clock, 0)
    audits.begin()
    audits.want_all()
    clock.advance(3600)
    audits.turn()

    assert runner.started == 0


def test_a_result_is_an_event_that_says_how_far_was_compared(
    audits: Audits, runner: FakeAuditor
) -> None:
    runner.result = AuditResult((), 30, 20, 10, compared=3, through=POINT)

    completed = audits.turn()

    assert completed is not None
    assert (completed.orders, completed.compared) == (30, 3)
    assert (completed.through_seq, completed.through_ns, completed.since_seq) == (9, 8, 7)
    assert audits.said == "audit agrees"


def test_a_difference_is_in_the_status_and_an_error_is_no_event(
    audits: Audits, runner: FakeAuditor
) -> None:
    runner.result = AuditResult(("cash: off",), 30, 20, 10)
    completed = audits.turn()
    assert completed is not None
    assert completed.through_seq == 0
    assert audits.said == "audit found 1 differences"

    runner.result = AuditResult((), 0, 0, 0, error="no answer")
    assert audits.turn() is None
    assert audits.said == "audit not possible: no answer"
