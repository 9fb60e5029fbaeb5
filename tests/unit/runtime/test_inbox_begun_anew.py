"""A source that lost its journal and began another is heard again, by all but who stores events."""

import pytest

from polybot.messages.commands import ReplayFrom, Witness
from polybot.runtime.inbox import REPLAY_RETRY_NS, content_hash
from tests.unit.runtime.test_inbox import Case, beat, payload

HEARD = {"trader": Witness(seq=500, hash=content_hash(payload(500)))}


def begun_anew(*, begins_anew: bool = True) -> Case:
    """Return a case that heard 500 events of another journal."""
    case = Case(begins_anew=begins_anew)
    case.inbox.resume_from({"trader": 500}, HEARD)
    return case


def test_the_newest_event_taken_tells_a_journal_again() -> None:
    case = Case()
    assert case.inbox.witnesses() == {}
    case.hear(payload(1), payload(2), payload(4))
    assert case.inbox.witnesses() == {"trader": Witness(seq=2, hash=content_hash(payload(2)))}


def test_a_new_life_is_asked_for_the_event_that_was_heard() -> None:
    case = begun_anew()
    case.hear(beat(500, session="s2"))
    [(_, question)] = case.asker.asked
    assert question == ReplayFrom(seq=501, limit=500, witness=HEARD["trader"])


@pytest.mark.parametrize("last_seq", [2, 499, 500, 501, 9_000])
def test_a_source_whose_journal_was_begun_anew_is_heard_from_its_first_event(
    last_seq: int, caplog: pytest.LogCaptureFixture
) -> None:
    case = begun_anew()
    # It may have outgrown the old one: then what it says next would even fit.
    assert case.hear(beat(last_seq, session="s2"), payload(501, session="s2")) == []
    case.answer(last_seq=last_seq, session="s2", fits=False)
    assert case.take() == []
    assert case.questions()[-1] == ("trader", 1)

    case.answer(1, 2, last_seq=last_seq, session="s2")
    assert case.hear(payload(3, session="s2")) == [1, 2, 3]
    assert f"ends at event {last_seq}, is not the one of which 500 were heard" in caplog.text


def test_without_a_witness_only_a_shorter_journal_shows() -> None:
    case = Case()
    case.inbox.resume_from({"trader": 500}, {})
    case.hear(beat(2, session="s2"))
    case.answer(last_seq=2, session="s2")
    case.take()
    assert case.questions()[-1] == ("trader", 1)


def test_what_the_old_life_still_answers_clears_up_nothing() -> None:
    case = Case()
    case.hear(payload(1), payload(3))
    case.hear(payload(2, session="s2"))
    assert len(case.questions()) == 2
    case.answer(2, 3, last_seq=3, to=1)
    assert case.take() == []

    case.answer(2, last_seq=2, session="s2", to=2)
    assert case.take() == [2]


def test_an_answer_of_a_life_not_heard_yet_is_doubted_first() -> None:
    case = Case()
    case.hear(payload(1), payload(3))
    case.answer(2, 3, last_seq=3, session="s2", to=1)
    assert case.take() == []
    assert len(case.questions()) == 2

    case.answer(2, 3, last_seq=3, session="s2")
    assert case.take() == [2, 3]


def test_a_doubted_life_is_asked_again_until_it_answers() -> None:
    case = begun_anew()
    case.hear(beat(500, session="s2"))
    for _ in range(3):
        case.take()
    assert len(case.questions()) == 1
    case.clock.advance(REPLAY_RETRY_NS / 1e9)
    case.take()
    assert len(case.questions()) == 2


def test_who_stores_events_never_mixes_two_journals() -> None:
    case = begun_anew(begins_anew=False)
    case.hear(beat(700, session="s2"))
    assert case.inbox.replaced() == {}
    case.answer(501, last_seq=700, session="s2", fits=False)
    case.take()

    assert case.hear(payload(501, session="s2"), beat(701, session="s2")) == []
    assert len(case.questions()) == 1
    assert case.inbox.position("trader") == 500
    assert case.inbox.replaced() == {"trader": 701}


def test_a_journal_that_was_put_back_is_heard_again() -> None:
    case = begun_anew(begins_anew=False)
    case.hear(beat(700, session="s2"))
    case.answer(last_seq=700, session="s2", fits=False)
    case.take()

    assert case.hear(payload(501, session="s3")) == []
    case.answer(501, last_seq=501, session="s3")
    assert case.take() == [501]
    assert case.inbox.replaced() == {}
