import asyncio
from zoneinfo import ZoneInfo

import pytest

from polybot.domain.digest import Digest
from polybot.domain.grading import Grade
from polybot.domain.metrics import SettledTrade
from polybot.domain.triggers import TriggerRules
from polybot.errors import ProtocolError, StorageError
from polybot.messages.codec import encode
from polybot.messages.commands import Witness
from polybot.messages.learning import ReflectionRecorded
from polybot.messages.lifecycle import MarketTimeChanged
from polybot.ports import Analyst, Comment
from polybot.services.reflector.needs import NullAnalyst, ReflectorPorts, ReflectorSettings
from polybot.services.reflector.restore import Restored, restore
from polybot.services.reflector.service import ReflectorService
from tests.fakes import FakeCheckpoints, FakeClock, FakeInbox, FakeMarketClock, FakeOutbox
from tests.story import CLOSE_NS, SECOND_NS, graded

DAY_NS = 86_400 * SECOND_NS
SETTINGS = ReflectorSettings(
    rules=TriggerRules(losses_in_a_row=3, trades_between=4, end_of_day=True),
    zone=ZoneInfo("America/New_York"),
    lookback_ns=2 * DAY_NS,
)


class FakeHistory:
    """The settled trades, and the marks the tracker has stored."""

    def __init__(self) -> None:
        self.trades: list[SettledTrade] = []
        self.marks: frozenset[str] = frozenset()
        self.stored: dict[str, int] = {}
        self.looks = 0
        self.fails = False

    def add(self, *results: int, at_ns: int = CLOSE_NS) -> None:
        """Add trades with these results, one after the other."""
        for pnl_usdc in results:
            number = len(self.trades)
            self.trades.append(
                SettledTrade(
                    trade_id=f"capture:{number}",
                    slug=str(number),
                    agent="capture",
                    strategy="capture_99c",
                    grade=Grade.WIN if pnl_usdc > 0 else Grade.LOSS,
                    pnl_usdc=pnl_usdc,
                    fees_usdc=1,
                    cost_usdc=10,
                    bought_shares=20,
                    entered_ns=at_ns,
                    settled_ns=at_ns,
                )
            )

    def settled_trades(self) -> list[SettledTrade]:
        self.looks += 1
        if self.fails:
            raise StorageError("no database yet")
        return list(self.trades)

    def recorded_marks(self) -> frozenset[str]:
        return self.marks

    def positions(self) -> dict[str, int]:
        if self.fails:
            raise StorageError("no database yet")
        return self.stored

    def witnesses(self) -> dict[str, Witness]:
        return {name: Witness(seq=seq, hash=name) for name, seq in self.stored.items()}


class SlowAnalyst:
    """Comments only when a test lets it."""

    name = "slow"

    def __init__(self) -> None:
        self.asked: dict[str, Digest] = {}
        self.ready: list[Comment] = []
        self.stopped = False

    def ask(self, mark: str, digest: Digest) -> None:
        assert mark not in self.asked
        self.asked[mark] = digest

    def take(self) -> list[Comment]:
        ready, self.ready = self.ready, []
        return ready

    def stop(self) -> None:
        self.stopped = True


class Bench:
    """What outlives the reflector's process."""

    def __init__(self) -> None:
        self.history = FakeHistory()
        self.inbox = FakeInbox()
        self.outbox = FakeOutbox("reflector")
        self.checkpoints = FakeCheckpoints()
        self.clock = FakeClock()
        self.market = FakeMarketClock(CLOSE_NS)
        self.analyst: Analyst = NullAnalyst()
        self.lives = 0

    def start(self) -> ReflectorService:
        """Begin a life on what the one before left."""
        self.lives += 1
        self.outbox.crash(f"s{self.lives}")
        ports = ReflectorPorts(
            wake=asyncio.Event(),
            history=self.history,
            inbox=self.inbox,
            outbox=self.outbox,
            checkpoints=self.checkpoints,
            analyst=self.analyst,
            clock=self.clock,
            market_clock=self.market,
        )
        service = ReflectorService(ports, SETTINGS, self.restored())
        asyncio.run(service.start())
        return service

    def restored(self) -> Restored:
        seq, state, _ = self.checkpoints.saved or (0, None, 0)
        tail = [encode(envelope) for envelope, _ in self.outbox.committed[seq:]]
        return restore(seq, state, tail)

    def marks(self) -> list[str]:
        return [recorded.mark for recorded in self.outbox.events(ReflectionRecorded)]

    def look(self, service: ReflectorService) -> None:
        """Let the time of a look pass, and take what the analyst said."""
        self.clock.advance(11)
        service.turn()
        service.turn()


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_three_losses_in_a_row_are_looked_back_on_once(bench: Bench) -> None:
    bench.history.add(-5, -5, -5)
    service = bench.start()
    for _ in range(3):
        bench.look(service)

    [recorded] = bench.outbox.events(ReflectionRecorded)
    assert (recorded.trigger, recorded.trades) == ("3_losses", 3)
    assert recorded.digest["trades"] == 3
    assert recorded.digest["pnl_usdc"] == -15
    assert (recorded.insights, recorded.analyst) == ((), "")


def test_every_so_many_trades_are_looked_back_on(bench: Bench) -> None:
    bench.history.add(5, 5, 5)
    service = bench.start()
    bench.look(service)
    assert bench.marks() == []

    bench.history.add(5, 5)
    bench.look(service)

    assert bench.marks() == ["4_trades:4"]


def test_the_end_of_a_day_is_looked_back_on(bench: Bench) -> None:
    bench.history.add(5)
    service = bench.start()
    bench.look(service)
    assert bench.marks() == []

    bench.market.advance(86_400)
    bench.look(service)

    assert bench.marks() == ["end_of_day:2026-08-20"]


@pytest.mark.parametrize("stored", [True, False])
def test_a_restart_repeats_no_mark(bench: Bench, stored: bool) -> None:
    bench.history.add(-5, -5, -5, 5)
    bench.look(bench.start())
    before = bench.marks()
    assert len(before) == 2
    bench.history.marks = frozenset(before) if stored else frozenset()

    bench.look(bench.start())

    assert bench.marks() == before


def test_a_restart_misses_no_mark(bench: Bench) -> None:
    bench.history.add(-5, -5)
    bench.look(bench.start())
    bench.history.add(-5, 5)

    bench.look(bench.start())

    assert bench.marks() == ["3_losses:capture:2", "4_trades:4"]


def test_what_was_recorded_before_a_crash_is_not_recorded_again(bench: Bench) -> None:
    bench.history.add(-5, -5, -5)
    service = bench.start()
    bench.look(service)
    bench.checkpoints.saved = None

    bench.look(bench.start())

    assert bench.marks() == ["3_losses:capture:2"]


def test_a_mark_the_database_knows_is_done(bench: Bench) -> None:
    bench.history.add(-5, -5, -5)
    bench.history.marks = frozenset({"3_losses:capture:2"})

    bench.look(bench.start())

    assert bench.marks() == []


def test_an_analyst_is_asked_once_and_the_record_waits_for_it(bench: Bench) -> None:
    analyst = SlowAnalyst()
    bench.analyst = analyst
    bench.history.add(-5, -5, -5)
    service = bench.start()
    for _ in range(3):
        bench.look(service)
    assert bench.marks() == []

    analyst.ready = [Comment("3_losses:capture:2", ("Buys too late.",))]
    service.turn()

    [recorded] = bench.outbox.events(ReflectionRecorded)
    assert (recorded.insights, recorded.analyst) == (("Buys too late.",), "slow")
    assert analyst.asked["3_losses:capture:2"]["trades"] == 3


def test_a_failing_analyst_leaves_the_figures(bench: Bench) -> None:
    analyst = SlowAnalyst()
    bench.analyst = analyst
    bench.history.add(-5, -5, -5)
    service = bench.start()
    bench.look(service)

    analyst.ready = [Comment("3_losses:capture:2", error="timed out"), Comment("never asked")]
    service.turn()

    [recorded] = bench.outbox.events(ReflectionRecorded)
    assert (recorded.insights, recorded.digest["trades"]) == ((), 3)


def test_a_stop_while_an_analyst_thinks_leaves_the_mark_due(bench: Bench) -> None:
    analyst = SlowAnalyst()
    bench.analyst = analyst
    bench.history.add(-5, -5, -5)
    service = bench.start()
    bench.look(service)
    asyncio.run(service.stop())
    assert analyst.stopped
    bench.analyst = NullAnalyst()

    bench.look(bench.start())

    assert bench.marks() == ["3_losses:capture:2"]


def test_a_digest_reaches_back_so_many_days_and_no_further(bench: Bench) -> None:
    bench.history.add(7, at_ns=CLOSE_NS - 3 * DAY_NS)
    bench.history.add(-5, -5, -5)
    bench.history.marks = frozenset({"end_of_day:2026-08-17", "4_trades:4"})

    bench.look(bench.start())

    [recorded] = bench.outbox.events(ReflectionRecorded)
    assert (recorded.trades, recorded.digest["trades"]) == (4, 3)


def test_a_grade_brings_the_next_look_forward(bench: Bench) -> None:
    service = bench.start()
    service.turn()
    bench.history.add(-5, -5, -5)
    bench.inbox.put(graded(), source="tracker")
    service.turn()
    assert service.next_wake_s() == pytest.approx(0.5)

    bench.clock.advance(0.5)
    service.turn()

    assert bench.marks() == ["3_losses:capture:2"]


def test_it_waits_for_database_and_market_time(bench: Bench) -> None:
    bench.history.fails = True
    bench.market.known = False
    service = bench.start()
    bench.look(service)
    assert bench.history.looks == 0
    bench.market.known = True
    bench.look(service)
    assert "cannot look back: no database yet" in service.status()

    bench.history.fails = False
    bench.history.add(-5, -5, -5)
    bench.look(service)

    assert "1 reflections recorded" in service.status()
    assert service.vitals().progress >= 2


def test_it_hears_from_where_the_database_ends(bench: Bench) -> None:
    bench.history.stored = {"tracker": 9, "trader": 4}

    bench.start()

    assert bench.inbox.positions == {"tracker": 9, "simulator": 0}
    assert bench.inbox.known_by == bench.history.witnesses()


def test_market_time_is_followed(bench: Bench) -> None:
    change = MarketTimeChanged(origin_mono_ns=0, origin_market_ns=CLOSE_NS, speed=20.0)
    bench.inbox.put_volatile(change, source="simulator")

    bench.start().turn()

    assert bench.market.accepted == [change]


def test_it_has_no_commands(bench: Bench) -> None:
    with pytest.raises(ProtocolError, match="StopEntries"):
        bench.start().handle("StopEntries", None)
