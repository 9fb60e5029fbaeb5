"""The tracker process: stores every durable event, settles and grades windows, has them audited."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import msgspec

from polybot.errors import DatabaseDamaged, FatalError, ProtocolError, StorageError
from polybot.messages.lifecycle import MarketTimeChanged
from polybot.messages.safety import AlertRaised
from polybot.messages.tracking import WindowSettled, WindowSplit
from polybot.messages.trading import WindowDiscovered
from polybot.ports import Vitals
from polybot.services.tracker.activity import ActivityWatch
from polybot.services.tracker.audits import Audits
from polybot.services.tracker.grading import grade_case, in_words
from polybot.services.tracker.intake import Intake
from polybot.services.tracker.needs import Record, TrackerPorts, TrackerSettings
from polybot.services.tracker.rebuild import Rebuild
from polybot.services.tracker.restore import SCHEMA, Restored, Snapshot
from polybot.services.tracker.settlement_queue import AskTimes, SettlementQueue
from polybot.services.tracker.settler import Settler

logger = logging.getLogger(__name__)

SECOND_NS = 1_000_000_000
# Windows graded in one turn, so that a turn stays short after a long absence.
MOST_GRADED = 50
CHECKPOINT_NS = 30 * SECOND_NS
LONGEST_NAP_S = 1.0
SHORTEST_NAP_S = 0.02
SPLIT_ADVICE = (
    "%s was resolved 50/50: every share pays $0.50. Its positions stay in the books and its series "
    "takes no entries: redeem it (polybot redeem), then polybot resume"
)


class TrackerService:
    """Decides from the database alone: whatever it is about to say is stored before it looks again.

    So a restart at any moment finds either the event and what follows from it, or neither.
    """

    name = "tracker"

    def __init__(self, ports: TrackerPorts, settings: TrackerSettings, restored: Restored) -> None:
        self.wake = ports.wake
        self.restored = (restored.checkpoint_seq, 0)
        self._ports = ports
        self._settings = settings
        self._intake = Intake(ports.inbox, ports.ledger, ports.own, self.name)
        self._rebuild = Rebuild(
            intake=self._intake,
            ledger=ports.ledger,
            history=ports.history,
            rescue=ports.rescue,
            clock=ports.clock,
            remembered=restored.stored,
        )
        times = AskTimes(
            settings.settle_first_ns, settings.settle_retry_ns, settings.settle_slow_ns
        )
        self._queue = SettlementQueue(times)
        self._settler = Settler(
            self._queue, ports.catalog, ports.ledger, ports.clock, ports.outcomes
        )
        self._activity = ActivityWatch(ports, settings.activity_ns)
        self._audits = Audits(ports.auditor, ports.clock, settings.audit_ns)
        self._alerted: set[str] = set()
        self._graded = 0
        self._checkpoint_at_ns = 0
        self._refused = ""
        self._more_to_grade = False
        self._gone = False

    async def start(self) -> None:
        """Continue where the database ends; what it lost is read again first."""
        self._audits.begin()
        with self._rescuing():
            self._rebuild.begin()
            if not self._rebuild.active:
                self._continue()

    @contextmanager
    def _rescuing(self) -> Iterator[None]:
        """Move a database aside that turns out to be damaged; raises FatalError then."""
        try:
            yield
        except DatabaseDamaged as damage:
            # Under a new name it stays for a person to look at; the next life begins another.
            self._ports.ledger.close()
            self._gone = True
            self._ports.rescue.set_aside(damage)
            raise FatalError(f"{damage}; starting again to rebuild it") from damage

    def _continue(self) -> None:
        ledger = self._ports.ledger
        replayed = self._intake.take_own()
        self.restored = (self.restored[0], len(replayed))
        positions = ledger.positions()
        self._ports.inbox.resume_from(
            {source: positions.get(source, 0) for source in self._settings.sources},
            ledger.witnesses(),
        )
        self._queue.load(ledger.open_questions())
        logger.info(
            "the database holds %d events of %d sources; %d windows wait for their outcome",
            sum(positions.values()),
            len(positions),
            len(self._queue),
        )

    def turn(self) -> None:
        """Store what arrived, then settle, grade and audit by what is stored."""
        with self._rescuing():
            self._work()

    def _work(self) -> None:
        if self._rebuild.active:
            self._fill()
            return
        self._follow(self._intake.take())
        self._hear()
        self._store_own()
        if self._ports.ledger.store_position(self.name) == self._ports.outbox.last_seq():
            self._decide()
            self._store_own()
        self._checkpoint()

    def next_wake_s(self) -> float:
        """Sleep until the next question is due."""
        clock = self._ports.market_clock
        due_ns = self._queue.next_ns()
        if self._rebuild.active:
            return 0.0
        if self._intake.problem:
            return LONGEST_NAP_S
        if self._more_to_grade:
            return 0.0
        if due_ns is None or not clock.ready() or clock.speed() <= 0:
            return LONGEST_NAP_S
        wait_s = (due_ns - clock.now_ns()) / SECOND_NS / clock.speed()
        return min(LONGEST_NAP_S, max(SHORTEST_NAP_S, wait_s))

    def vitals(self) -> Vitals:
        """Return the number of stored events as progress."""
        clock = self._ports.market_clock
        return Vitals(
            progress=self._intake.stored, market_ns=clock.now_ns() if clock.ready() else 0
        )

    def handle(self, request_type: str, body: Any) -> msgspec.Struct:
        """Refuse: the tracker has no commands of its own."""
        raise ProtocolError(f"expected a request the tracker knows, was {request_type}: {body}")

    def status(self) -> str:
        """Say how much is stored and what waits."""
        if self._rebuild.active:
            return self._rebuild.describe()
        if self._intake.problem:
            return f"the database refuses events: {self._intake.problem}"
        audit = f"{self._audits.said}; " if self._audits.said else ""
        rebuilt = f"; {self._rebuild.outcome}" if self._rebuild.outcome else ""
        return (
            f"{audit}{self._intake.stored} events stored, {len(self._queue)} windows not settled, "
            f"{self._graded} grades given{rebuilt}"
        )

    async def stop(self) -> None:
        """Store what is left and let go of the database."""
        self._ports.auditor.stop()
        if self._gone:
            return
        if self._rebuild.active:
            self._ports.ledger.close()
            return
        self._store_own()
        self._checkpoint_at_ns = 0
        self._checkpoint()
        self._ports.ledger.close()

    def _fill(self) -> None:
        """Go on with the rebuild; after its end everything is as at any other start."""
        self._follow(self._rebuild.turn())
        if self._rebuild.active:
            return
        self._continue()
        for event in self._rebuild.finish():
            self._ports.outbox.record(event)
        self._store_own()
        # Journals and exchange made these books: whether they agree is the first question.
        self._audits.want_all()

    def _decide(self) -> None:
        try:
            self._settle()
            self._grade()
            for event in self._activity.turn():
                self._record(event, event.slug)
            self._refused = ""
        except DatabaseDamaged:
            raise
        except StorageError as error:
            # The next turn tries again: nothing was said that is not stored.
            if not self._refused:
                logger.warning("settling and grading wait: %s", error)
            self._refused = str(error)
        completed = self._audits.turn()
        if completed is not None:
            self._ports.outbox.record(completed)
        self._raise_alerts()

    def _store_own(self) -> None:
        self._ports.outbox.commit()
        self._follow(self._intake.take_own())

    def _checkpoint(self) -> None:
        now = self._ports.clock.monotonic_ns()
        if now < self._checkpoint_at_ns:
            return
        self._checkpoint_at_ns = now + CHECKPOINT_NS
        state = msgspec.json.encode(Snapshot(stored=self._ports.ledger.positions()))
        self._ports.checkpoints.save_in_background(self._ports.outbox.last_seq(), state, SCHEMA)

    def _hear(self) -> None:
        for message in self._intake.volatile:
            if isinstance(message, MarketTimeChanged):
                self._ports.market_clock.accept(message)

    def _follow(self, records: list[Record]) -> None:
        for _, body, _ in records:
            if isinstance(body, WindowDiscovered):
                market = body.market
                if not self._ports.ledger.is_settled(market.slug):
                    self._queue.add(market.slug, market.condition_id, market.close_ns)
            elif isinstance(body, WindowSettled):
                self._queue.remove(body.slug)

    def _settle(self) -> None:
        clock = self._ports.market_clock
        if not clock.ready():
            return
        for event in self._settler.settled():
            self._record(event, event.slug)
            if isinstance(event, WindowSplit):
                self._alert(f"split:{event.slug}", SPLIT_ADVICE % event.slug)
        if clock.speed() > 0:
            self._settler.ask(clock.now_ns())

    def _grade(self) -> None:
        if not self._ports.market_clock.ready():
            return
        cases = self._ports.ledger.grade_cases(MOST_GRADED)
        self._more_to_grade = len(cases) == MOST_GRADED
        done = []
        for case in cases:
            graded = grade_case(case)
            for event in graded.news:
                self._graded += 1
                self._record(event, event.slug)
                logger.info("graded: %s", in_words(event, case.outcome))
            # With news, the window stays on the list until they are stored.
            if not graded.news:
                done.append(graded.slug)
            if graded.waits:
                logger.info("not graded yet: %s (%s)", graded.slug, "; ".join(graded.waits))
        if done:
            self._ports.ledger.note_graded(done)
        self._more_to_grade = self._more_to_grade or len(done) < len(cases)

    def _raise_alerts(self) -> None:
        for source, text in self._intake.replaced().items():
            self._alert(f"journal:{source}", text)
        for text in self._intake.conflicts:
            self._alert(f"conflict:{text}", text)

    def _alert(self, key: str, text: str) -> None:
        if key not in self._alerted:
            self._alerted.add(key)
            self._ports.outbox.record(AlertRaised(key=key, severity="critical", text=text))

    def _record(self, event: msgspec.Struct, slug: str) -> None:
        self._ports.outbox.record(
            event, ts_event=self._ports.market_clock.now_ns(), correlation_id=slug
        )
