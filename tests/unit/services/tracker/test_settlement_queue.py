from itertools import pairwise

import pytest

from polybot.domain.stored import OpenQuestion
from polybot.services.tracker.settlement_queue import AskTimes, SettlementQueue

SECOND_NS = 1_000_000_000
CLOSE_NS = 1_000 * SECOND_NS
TIMES = AskTimes(first_ns=10 * SECOND_NS, retry_ns=5 * SECOND_NS, slow_ns=30 * SECOND_NS)


@pytest.fixture
def queue() -> SettlementQueue:
    queue = SettlementQueue(TIMES)
    queue.add("a", "0xa", CLOSE_NS)
    return queue


def ask_until(queue: SettlementQueue, end_s: float) -> list[int]:
    """Ask whenever a question is due, second by second; return the seconds after the close."""
    asked = []
    for second in range(int(end_s) + 1):
        now_ns = CLOSE_NS + second * SECOND_NS
        for question in queue.due(now_ns):
            queue.asked(question.slug, now_ns)
            asked.append(second)
    return asked


def test_nothing_is_asked_before_the_first_time(queue: SettlementQueue) -> None:
    assert queue.due(CLOSE_NS + 9 * SECOND_NS) == []
    assert queue.next_ns() == CLOSE_NS + 10 * SECOND_NS


def test_six_quick_questions_follow_the_first_then_slow_ones(queue: SettlementQueue) -> None:
    assert ask_until(queue, 160) == [10, 15, 20, 25, 30, 35, 40, 70, 100, 130, 160]


def test_a_window_that_stays_open_is_asked_for_ever_more_rarely(queue: SettlementQueue) -> None:
    asked = ask_until(queue, 40_000)

    pauses = [after - before for before, after in pairwise(asked)]
    assert pauses[-1] > 3_000
    assert pauses == sorted(pauses)


def test_a_settled_window_is_asked_for_no_more(queue: SettlementQueue) -> None:
    queue.remove("a")
    queue.remove("a")

    assert len(queue) == 0
    assert queue.next_ns() is None


def test_newer_metadata_keeps_the_count(queue: SettlementQueue) -> None:
    queue.asked("a", CLOSE_NS + 10 * SECOND_NS)

    queue.add("a", "0xa", CLOSE_NS + SECOND_NS)

    question = queue.get("a")
    assert question is not None
    assert (question.asks, question.close_ns) == (1, CLOSE_NS + SECOND_NS)
    assert question.next_ask_ns == CLOSE_NS + 15 * SECOND_NS


def test_a_loaded_queue_goes_on_where_it_stopped() -> None:
    queue = SettlementQueue(TIMES)

    queue.load([OpenQuestion("b", "0xb", CLOSE_NS, 6, CLOSE_NS + 40 * SECOND_NS)])

    assert ask_until(queue, 70) == [40, 70]


def test_the_window_that_closed_first_comes_first(queue: SettlementQueue) -> None:
    queue.add("b", "0xb", CLOSE_NS - SECOND_NS)

    slugs = [question.slug for question in queue.due(CLOSE_NS + 60 * SECOND_NS)]

    assert slugs == ["b", "a"]
