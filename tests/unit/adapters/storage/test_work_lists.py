from polybot.adapters.storage.ledger import Ledger
from polybot.adapters.storage.work_lists import (
    read_grade_cases,
    read_grades,
    read_open_questions,
)
from polybot.domain.market import Outcome
from polybot.domain.stored import StoredGrade, Summary
from tests.story import (
    AGENT,
    STRATEGY,
    bought,
    graded,
    market_at,
    records,
    settled,
    slug_at,
    summarized,
)


def test_windows_without_an_outcome_are_asked_for_by_close(ledger: Ledger) -> None:
    ledger.store(records([*bought(1)[:1], *bought(0)[:1], *bought(2)[:1]]))
    ledger.store(records([settled(0)], source="tracker"))

    questions = read_open_questions(ledger.database)

    assert [question.slug for question in questions] == [slug_at(1), slug_at(2)]
    assert questions[0].condition_id == market_at(1).condition_id


def test_settled_windows_are_graded_by_close_a_few_at_a_time(ledger: Ledger) -> None:
    ledger.store(records([*bought(1), *bought(0)]))
    ledger.store(records([settled(1), settled(0, "Down")], source="tracker"))

    cases = read_grade_cases(ledger.database, 1)

    assert [(case.market.slug, case.outcome) for case in cases] == [(slug_at(0), Outcome.DOWN)]
    assert [order.slug for order in cases[0].orders] == [slug_at(0)]


def test_an_idle_agent_is_known_by_its_summary(ledger: Ledger) -> None:
    ledger.store(records([*bought()[:1], summarized()]))
    ledger.store(records([settled(), graded(grade="IDLE", trades=0, pnl_usdc=0)], source="tracker"))

    [case] = read_grade_cases(ledger.database, 10)

    assert case.summaries == (Summary(AGENT, STRATEGY, 600, {"price": 590}, entered=False),)
    assert case.strategies == {AGENT: STRATEGY}
    assert case.grades == read_grades(ledger.database, slug_at())
    assert case.grades == (StoredGrade(AGENT, STRATEGY, "IDLE", 0, 83_120, 23_750_000, 0),)
