import pytest

from polybot.adapters.storage import belief, explain, newest_state, window_reports, work_lists
from polybot.adapters.storage.ledger import Ledger
from polybot.adapters.storage.statements import execute


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
