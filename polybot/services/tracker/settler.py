"""Asks the catalog for official outcomes, and says which windows are settled."""

import logging

import msgspec

from polybot.domain.market import Outcome
from polybot.domain.stored import OpenQuestion
from polybot.messages.tracking import WindowSettled, WindowSplit
from polybot.ports import CatalogAnswer, Clock, MarketCatalog, NullOutcomeSource, OutcomeSource
from polybot.services.tracker.needs import TrackerLedger
from polybot.services.tracker.settlement_queue import SettlementQueue

logger = logging.getLogger(__name__)

ROUTE = "gamma"
SECOND_ROUTE = "clob"
# The catalog has so many questions for itself before the order book's service is asked as well.
FIRST_ALONE = 3
# Questions under way at one time; the rest waits its turn.
MOST_ASKED = 8
# An answer that did not come by then (wall time) never will.
ANSWER_TIMEOUT_NS = 15_000_000_000


class Settler(msgspec.Struct):
    """Turns answers of the catalog, and of a second route beside it, into outcomes, each once.

    Before a restart loads the queue again, the caller must have stored what was settled here.
    """

    queue: SettlementQueue
    catalog: MarketCatalog
    ledger: TrackerLedger
    clock: Clock
    second: OutcomeSource = msgspec.field(default_factory=NullOutcomeSource)
    _asked_ns: dict[str, int] = msgspec.field(default_factory=dict)
    _failing: set[str] = msgspec.field(default_factory=set)
    _split: set[str] = msgspec.field(default_factory=set)

    def ask(self, market_ns: int) -> None:
        """Ask for every window that is due, a few at a time."""
        now = self.clock.monotonic_ns()
        self._asked_ns = {
            slug: asked for slug, asked in self._asked_ns.items() if now - asked < ANSWER_TIMEOUT_NS
        }
        for question in self.queue.due(market_ns):
            if len(self._asked_ns) >= MOST_ASKED:
                return
            if question.slug in self._asked_ns:
                continue
            self._asked_ns[question.slug] = now
            asked = self.queue.asked(question.slug, market_ns)
            self.ledger.note_question(asked.slug, asks=asked.asks, next_ask_ns=asked.next_ask_ns)
            self.catalog.request(question.slug)
            if asked.asks > FIRST_ALONE:
                self.second.request(question.slug, question.condition_id)

    def settled(self) -> list[WindowSettled | WindowSplit]:
        """Return the windows whose outcome arrived since the last call."""
        found = []
        for answer in self.catalog.take():
            self._asked_ns.pop(answer.slug, None)
            found.append(self._read(answer, ROUTE))
        found += [self._read(answer, SECOND_ROUTE) for answer in self.second.take()]
        return [event for event in found if event is not None]

    def _read(self, answer: CatalogAnswer, route: str) -> WindowSettled | WindowSplit | None:
        question = self.queue.get(answer.slug)
        if question is None:
            return None
        if answer.error is not None:
            # Once a window: the question is repeated, the line need not be.
            if answer.slug not in self._failing:
                self._failing.add(answer.slug)
                logger.warning("no outcome of %s yet: %s", answer.slug, answer.error)
            return None
        if answer.is_split:
            return self._read_split(question, route)
        if answer.resolved not in {outcome.value for outcome in Outcome}:
            return None
        self._failing.discard(answer.slug)
        self.queue.remove(answer.slug)
        # The grade that follows tells the outcome; alone it says little.
        logger.debug(
            "settled: %s is %s, after %d questions", answer.slug, answer.resolved, question.asks
        )
        return WindowSettled(
            slug=answer.slug,
            condition_id=question.condition_id,
            outcome=answer.resolved,
            source=route,
        )

    def _read_split(self, question: OpenQuestion, route: str) -> WindowSplit | None:
        """Tell a split once; the window stays open, and is asked for ever more rarely."""
        if question.slug in self._split:
            return None
        self._split.add(question.slug)
        return WindowSplit(slug=question.slug, condition_id=question.condition_id, source=route)
