from typing import Any

import pytest

from polybot.errors import OutcomeUnknown
from polybot.messages.tracking import WindowSettled, WindowSplit
from polybot.ports import CatalogAnswer
from polybot.services.tracker.settlement_queue import AskTimes, SettlementQueue
from polybot.services.tracker.settler import FIRST_ALONE, MOST_ASKED, Settler
from tests.fakes import FakeCatalog, FakeClock, FakeOutcomes
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
        self.outcomes = FakeOutcomes()
        self.settler = Settler(
            self.queue, self.catalog, self.ledger, self.clock, second=self.outcomes
        )

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


def ask_times(bench: Bench, times: int) -> list[WindowSettled | WindowSplit]:
    """Ask so many times, each when it is due; returns all that was told."""
    found = []
    for _ in range(times):
        due_ns = bench.queue.next_ns()
        if due_ns is None:
            break
        bench.settler.ask(due_ns)
        found += bench.settler.settled()
    return found


@pytest.mark.parametrize("error", [None, OutcomeUnknown("reset")])
def test_a_second_route_tells_the_outcome_that_the_catalog_keeps_back(
    bench: Bench, error: OutcomeUnknown | None
) -> None:
    bench.add(0)
    bench.catalog.known[slug_at(0)] = CatalogAnswer(slug_at(0), None, error=error)
    bench.outcomes.known[slug_at(0)] = CatalogAnswer(slug_at(0), None, resolved="Up", closed=True)
    assert ask_times(bench, FIRST_ALONE) == []
    assert bench.outcomes.asked == []
    assert ask_times(bench, 1) == [
        WindowSettled(slug=slug_at(0), condition_id="0xc000", outcome="Up", source="clob")
    ]
    assert bench.outcomes.asked == [(slug_at(0), "0xc000")]
    assert len(bench.queue) == 0


def test_both_routes_at_once_settle_a_window_once(bench: Bench) -> None:
    bench.add(0)
    assert ask_times(bench, FIRST_ALONE) == []
    told = CatalogAnswer(slug_at(0), None, resolved="Up", closed=True)
    bench.catalog.known[slug_at(0)] = bench.outcomes.known[slug_at(0)] = told
    assert len(ask_times(bench, 5)) == 1


def test_a_split_is_told_once_and_asked_on_until_it_is_mended(bench: Bench) -> None:
    bench.add(0)
    bench.catalog.known[slug_at(0)] = CatalogAnswer(slug_at(0), None, closed=True, is_split=True)
    assert ask_times(bench, 20) == [
        WindowSplit(slug=slug_at(0), condition_id="0xc000", source="gamma")
    ]
    assert len(bench.queue) == 1
    bench.catalog.known[slug_at(0)] = CatalogAnswer(slug_at(0), None, resolved="Down", closed=True)
    (settled,) = ask_times(bench, 1)
    assert isinstance(settled, WindowSettled)
