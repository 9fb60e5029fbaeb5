"""A source that lost its journal and began another is heard again, by all but who stores events."""

import pytest

from tests.unit.runtime.test_inbox import Case, beat, payload


def test_a_source_whose_journal_was_begun_anew_is_heard_from_its_first_event(
    caplog: pytest.LogCaptureFixture,
) -> None:
    case = Case()
    case.inbox.resume_from({"trader": 500})
    case.hear(beat(2, session="s2"))
    # The beat alone may only be old: the source itself is asked.
    assert case.questions() == [("trader", 501)]
    assert case.inbox.position("trader") == 500

    case.answer(last_seq=2)
    assert case.take() == []
    assert case.questions()[-1] == ("trader", 1)
    case.answer(1, 2, last_seq=2)
    assert case.take() == [1, 2]
    assert "ends at event 2, 500 were heard of it" in caplog.text


def test_a_beat_that_is_only_old_changes_nothing() -> None:
    case = Case()
    case.inbox.resume_from({"trader": 5})
    case.hear(beat(3))
    case.answer(last_seq=5)
    assert case.take() == []
    assert case.inbox.position("trader") == 5

    case.hear(payload(6), beat(6, seq=2))
    assert case.inbox.position("trader") == 6


def test_who_stores_events_never_mixes_two_journals() -> None:
    case = Case(begins_anew=False)
    case.inbox.resume_from({"trader": 500})
    case.hear(beat(2, session="s2"))
    case.answer(last_seq=2)
    case.take()

    assert case.questions() == []
    assert case.inbox.position("trader") == 500
