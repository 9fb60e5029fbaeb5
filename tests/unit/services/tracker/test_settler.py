from typing import Any

import pytest

from polybot.errors import OutcomeUnknown
from polybot.messages.tracking import WindowSettled
from polybot.ports import CatalogAnswer
from polybot.services.tracker.settlement_queue import AskTimes, SettlementQueue
from polybot.services.tracker.settler import MOST_ASKED, Settler
from tests.fakes import FakeCatalog, FakeClock
from tests.story import CLOSE_NS, SECOND_NS, market_at, slug_at


class NotingLedger:
    """Keeps the questions that were noted."""

    def __init__(self) -> None:
        self.noted: list[tuple[str, int, int]] = []

    def note_question(self, slug: str, *, asks: int, next_ask_ns: int) -> None:
        self.noted.append((slug, asks, next_ask_ns))

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"the settler has no use for {name}")


class Bench:
    def __init__(self) -> None:
        self.catalog = FakeCatalog()
        self.ledger = NotingLedger()
        self.clock = FakeClock()
        times = AskTimes(10 * SECOND_NS, 5 * SECOND_NS, 30 * SECOND_NS)
        self.queue = SettlementQueue(times)
        self.settler = Settler(self.queue, self.catalog, self.ledger, self.clock)

    def add(self, *numbers: int) -> None:
        for number in numbers:
            market = market_at(number)
            self.queue.add(market.slug, market.condition_id, market.close_ns)


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_a_question_is_noted_before_it_is_asked(bench: Bench) -> None:
    bench.add(0)

    bench.settler.ask(CLOSE_NS + 10 * SECOND_NS)

    assert bench.ledger.noted == [(slug_at(0), 1, CLOSE_NS + 15 * SECOND_NS)]
    assert bench.catalog.asked == [slug_at(0)]


def test_a_few_questions_are_under_way_at_one_time(bench: Bench) -> None:
    bench.add(*range(MOST_ASKED + 2))
    late_ns = market_at(20).close_ns
    bench.catalog.silent = True

    bench.settler.ask(late_ns)
    bench.settler.ask(late_ns)
    assert len(bench.catalog.asked) == MOST_ASKED

    bench.catalog.silent = False
    bench.settler.settled()
    bench.settler.ask(late_ns)

    assert len(bench.catalog.asked) == MOST_ASKED + 2


def test_an_outcome_settles_its_window_once(bench: Bench) -> None:
    bench.add(0)
    bench.catalog.known[slug_at(0)] = CatalogAnswer(slug_at(0), market_at(0), resolved="Down")
    bench.settler.ask(CLOSE_NS + 10 * SECOND_NS)

    assert bench.settler.settled() == [
        WindowSettled(slug=slug_at(0), condition_id="0xc000", outcome="Down", source="gamma")
    ]
    assert len(bench.queue) == 0
    bench.catalog.request(slug_at(0))
    assert bench.settler.settled() == []


@pytest.mark.parametrize(
    "answer",
    [
        CatalogAnswer(slug_at(0), None),
        CatalogAnswer(slug_at(0), market_at(0)),
        CatalogAnswer(slug_at(0), market_at(0), closed=True),
        CatalogAnswer(slug_at(0), market_at(0), resolved="Maybe"),
        CatalogAnswer(slug_at(0), None, error=OutcomeUnknown("reset")),
    ],
)
def test_without_an_outcome_the_window_stays_in_the_queue(
    bench: Bench, answer: CatalogAnswer
) -> None:
    bench.add(0)
    bench.catalog.known[slug_at(0)] = answer
    bench.settler.ask(CLOSE_NS + 10 * SECOND_NS)

    assert bench.settler.settled() == []
    assert len(bench.queue) == 1


def test_an_error_is_said_once_a_window(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    bench.add(0)
    bench.catalog.known[slug_at(0)] = CatalogAnswer(slug_at(0), None, error=OutcomeUnknown("reset"))
    for second in (10, 15, 20):
        bench.settler.ask(CLOSE_NS + second * SECOND_NS)
        bench.settler.settled()

    assert len([record for record in caplog.records if "no outcome" in record.message]) == 1
