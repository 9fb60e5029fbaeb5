"""Heartbeats, warm connections, checkpoints and forgetting, each at its own interval."""

import msgspec
import pytest

from polybot.domain.window import parse_series
from polybot.services.trader.agents import Agent
from polybot.services.trader.snapshot import Snapshot
from polybot.services.trader.state import FORGET_AFTER_NS, SCHEMA, TraderState
from polybot.services.trader.upkeep import BEAT_NS, FORGET_NS, WARM_NS, Upkeep
from polybot.services.trader.windows import WindowSchedule
from polybot.strategies.base import Decision
from tests.fakes import FakeCatalog, FakeCheckpoints
from tests.story import CLOSE_NS, bought, market_at, opening, paid_out
from tests.unit.services.trader.books import Books
from tests.unit.services.trader.fakes_exchange import ScriptedMemory, ScriptedStrategy

S = 1_000_000_000


class Case:
    """Upkeep over books, checkpointing every 5 s."""

    def __init__(self, *, heartbeat: bool = True) -> None:
        self.books = Books()
        self.agent = Agent("capture", ScriptedStrategy(), 1, frozenset())
        self.checkpoints = FakeCheckpoints()
        self.schedule = WindowSchedule((parse_series("btc-updown-5m"),), FakeCatalog())
        self.upkeep = Upkeep(
            state=self.books.state,
            schedule=self.schedule,
            agents=(self.agent,),
            access=self.books.access,
            outbox=self.books.outbox,
            checkpoints=self.checkpoints,
            market_clock=self.books.market_clock,
            checkpoint_ns=5 * S,
            exchange_heartbeat=heartbeat,
        )

    def run(self, until_ns: int) -> None:
        for mono in range(0, until_ns, S // 2):
            self.upkeep.turn(mono)


def test_the_exchange_hears_a_heartbeat_every_five_seconds_and_connections_stay_warm() -> None:
    case = Case()
    case.run(60 * S)
    assert (case.books.gateway.beats, case.books.gateway.warmed) == (12, 3)
    assert (BEAT_NS, WARM_NS) == (5 * S, 20 * S)


def test_without_the_dead_man_switch_no_heartbeat_is_sent() -> None:
    case = Case(heartbeat=False)
    case.run(60 * S)
    assert (case.books.gateway.beats, case.books.gateway.warmed) == (0, 3)


def test_nothing_is_asked_of_an_exchange_that_does_not_know_us() -> None:
    case = Case()
    case.books.access.is_ready = False
    case.run(60 * S)
    assert (case.books.gateway.beats, case.books.gateway.warmed) == (0, 0)


def test_a_checkpoint_holds_the_state_of_the_newest_event_and_all_memories() -> None:
    case = Case()
    case.agent.note(market_at().slug, Decision("hold", "low", memory=ScriptedMemory(looks=2)))
    case.upkeep.turn(0)
    assert case.checkpoints.saved is None
    case.upkeep.turn(5 * S - 1)
    assert case.checkpoints.saved is None
    case.upkeep.turn(5 * S)
    seq, data, schema = case.checkpoints.saved
    assert (seq, schema) == (case.books.count(), SCHEMA)
    snapshot = msgspec.json.decode(data, type=Snapshot)
    assert TraderState.from_snapshot(snapshot) == case.books.state
    assert bytes(snapshot.memories[f"capture/{market_at().slug}"]) == b'{"looks":2}'


def test_checkpoints_follow_each_other_at_their_interval() -> None:
    case = Case()
    saved = []
    for mono in range(0, 20 * S, S):
        case.books.keeper.record(opening())
        case.upkeep.turn(mono)
        if case.checkpoints.saved is not None:
            saved.append((mono // S, case.checkpoints.saved[0]))
            case.checkpoints.saved = None
    assert [second for second, _ in saved] == [5, 10, 15]
    assert [seq for _, seq in saved] == sorted(seq for _, seq in saved)


def test_windows_that_are_over_leave_the_schedule() -> None:
    case = Case()
    case.schedule.known[market_at().slug] = market_at()
    case.books.market_clock.market_ns = CLOSE_NS + 10 * S
    case.upkeep.turn(0)
    assert case.schedule.known == {}


@pytest.mark.parametrize("past", [False, True])
def test_what_is_long_over_is_forgotten_once_a_minute(past: bool) -> None:
    case = Case()
    for event in (*bought(), paid_out(won=False)):
        case.books.keeper.record(event)
    case.upkeep.turn(0)
    case.books.market_clock.market_ns = CLOSE_NS + FORGET_AFTER_NS + past
    case.upkeep.turn(FORGET_NS - 1)
    assert case.books.state.markets
    case.upkeep.turn(FORGET_NS)
    assert bool(case.books.state.markets) is not past
