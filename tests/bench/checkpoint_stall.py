"""The worst moment in which the trader's event loop stands still while a checkpoint is written.

What other programs of a shared machine take is the kernel's business and known to it: the time in
which the loop could have run and had no processor is left out of the figure and shown beside it.
"""

import asyncio
import tempfile
from dataclasses import dataclass, field
from math import ceil
from pathlib import Path
from statistics import median
from time import perf_counter_ns

import msgspec

from polybot.adapters.clock import SystemClock
from polybot.domain.market import Outcome
from polybot.domain.order import Order, OrderStatus, OrderType, Side
from polybot.messages.trading import DecisionMade
from polybot.runtime.checkpoint import CheckpointStore
from polybot.runtime.journal import Journal
from polybot.runtime.outbox import JournaledOutbox
from polybot.services.trader.agents import Agent
from polybot.services.trader.snapshot import Snapshot
from polybot.services.trader.state import SCHEMA, TraderState
from polybot.services.trader.upkeep import Upkeep
from polybot.services.trader.windows import WindowSchedule
from polybot.strategies.registry import build
from tests.bench.harness import Budget, Row
from tests.bench.sample_market import MARKET, OPEN_S, SECOND_NS, TOKEN_UP
from tests.bench.trader_past import AGENT, MEMORY, past
from tests.bench.trading_stand import SESSION, NoCatalog, Published

ORDERS = 200
RECORDS = 50_000
# More in a run than in a day of trading: one is written, then as long without, and so on.
PER_ROUND = 20
# Nanoseconds on a processor, nanoseconds waiting for one, and how often (proc(5)).
SCHEDULED = Path("/proc/thread-self/schedstat")
# The loop wakes as often as it can: a timer of asyncio is exact to a millisecond.
TICK_S = 0.001
# A turn in which something happens: its record is made durable on the loop, as in production.
EVENT_EVERY = 4
BUDGET_MS = 5.0


def measure(rounds: int) -> list[Row]:
    """Return the row."""
    with tempfile.TemporaryDirectory() as name:
        stand = Stand(Path(name) / "trader")
        writing, idle = asyncio.run(stand.run(rounds * PER_ROUND))
        size = stand.check(rounds * PER_ROUND)
        stand.close()
    handed = [spell.handed_ns for spell in writing]
    worst = [spell.worst_ns for spell in writing]
    seen = [spell.seen_ns for spell in writing]
    return [
        Row(
            name="loop stall by a checkpoint, p99",
            unit="ms",
            ours=_p99(worst) / 1e6,
            peer=_p99([spell.worst_ns for spell in idle]) / 1e6,
            budget=Budget(BUDGET_MS, unit="ms"),
            beside=(
                f"{len(writing)} checkpoints of {size // 1000} kB; the peer is the same loop "
                f"without one; p50 {median(worst) / 1e6:.1f} ms, worst {max(worst) / 1e6:.1f} ms; "
                f"with the wait for a processor p99 {_p99(seen) / 1e6:.1f} ms; handing the state "
                f"over: {median(handed) / 1e6:.2f} ms of the loop, p99 {_p99(handed) / 1e6:.2f} ms"
            ),
        )
    ]


@dataclass(slots=True)
class Spell:
    """The worst gap between two wakes of the loop, beyond the sleep that was asked for.

    `worst_ns` leaves out the wait for a processor, `seen_ns` does not.
    """

    worst_ns: int = 0
    seen_ns: int = 0
    handed_ns: int = 0


@dataclass(frozen=True, slots=True)
class Moment:
    """When the loop woke, and how long it has waited for a processor in its life."""

    at_ns: int
    queued_ns: int

    @classmethod
    def now(cls) -> "Moment":
        """Return this moment of this thread."""
        with SCHEDULED.open("rb", buffering=0) as file:
            queued_ns = int(file.read(100).split()[1])
        return cls(perf_counter_ns(), queued_ns)


@dataclass(slots=True)
class Stand:
    """The trader's upkeep and outbox over a journal and a state of a busy day."""

    directory: Path
    state: TraderState = field(init=False)
    journal: Journal = field(init=False)
    outbox: JournaledOutbox = field(init=False)
    checkpoints: CheckpointStore = field(init=False)
    upkeep: Upkeep = field(init=False)
    _ticks: int = field(init=False, default=0)

    def __post_init__(self) -> None:
        clock = SystemClock()
        self.state = _busy(past(TraderState()))
        self.journal = Journal.open(self.directory)
        self.outbox = JournaledOutbox(
            "trader", SESSION, journal=self.journal, sender=Published(), clock=clock
        )
        while self.journal.last_seq < RECORDS:
            self._record()
            if self.journal.last_seq % 500 == 0:
                self.outbox.commit()
        self.outbox.commit()
        self.checkpoints = CheckpointStore(self.directory, clock=clock)
        agent = Agent(
            name=AGENT,
            strategy=build("capture_99c", {}),
            capital_usdc=200_000_000,
            series=frozenset(),
        )
        agent.restore(MARKET.slug, MEMORY)
        self.upkeep = Upkeep(
            state=self.state,
            schedule=WindowSchedule((), NoCatalog()),
            agents=(agent,),
            access=None,  # type: ignore[arg-type]
            outbox=self.outbox,
            checkpoints=self.checkpoints,
            market_clock=None,  # type: ignore[arg-type]
            checkpoint_ns=0,
            exchange_heartbeat=False,
        )

    async def run(self, count: int) -> tuple[list[Spell], list[Spell]]:
        """Write checkpoints, with as long a spell without after each."""
        writing: list[Spell] = []
        idle: list[Spell] = []
        for _ in range(count):
            began = perf_counter_ns()
            writing.append(await self._write())
            took = perf_counter_ns() - began
            idle.append(await self._rest(took))
        return writing, idle

    async def _write(self) -> Spell:
        spell = Spell()
        seq = self.outbox.last_seq()
        last = Moment.now()
        self.upkeep.checkpoint()
        spell.handed_ns = perf_counter_ns() - last.at_ns
        while self.checkpoints.saved_seq < seq:
            last = await self._tick(spell, last)
        return spell

    async def _rest(self, span_ns: int) -> Spell:
        spell = Spell()
        last = Moment.now()
        until = last.at_ns + span_ns
        while last.at_ns < until:
            last = await self._tick(spell, last)
        return spell

    async def _tick(self, spell: Spell, last: Moment) -> Moment:
        self._ticks += 1
        if self._ticks % EVENT_EVERY == 0:
            self._record()
            self.outbox.commit()
        await asyncio.sleep(TICK_S)
        now = Moment.now()
        seen_ns = now.at_ns - last.at_ns - int(TICK_S * 1e9)
        spell.seen_ns = max(spell.seen_ns, seen_ns)
        spell.worst_ns = max(spell.worst_ns, seen_ns - (now.queued_ns - last.queued_ns))
        return now

    def _record(self) -> None:
        number = self.journal.last_seq
        self.outbox.record(
            DecisionMade(
                decision_id=f"d-{SESSION}-{number}",
                agent=AGENT,
                strategy="capture_99c",
                slug=MARKET.slug,
                action="hold",
                reason="confidence",
                inputs={f"figure_{index}": 1_000_000 + index for index in range(24)},
            )
        )

    def check(self, count: int) -> int:
        """Assert that what was written is the state, whole, and return its size."""
        self.checkpoints.flush()
        assert not self.checkpoints.skipped
        assert self.checkpoints.last_error is None
        found = CheckpointStore(self.directory, clock=SystemClock()).load_newest(SCHEMA)
        assert found is not None
        assert RECORDS <= found.seq <= self.journal.synced_seq
        restored = TraderState.from_snapshot(msgspec.json.decode(found.state, type=Snapshot))
        assert restored == self.state, f"expected the state, was another after {count} checkpoints"
        return len(found.state)

    def close(self) -> None:
        """Let go of the files."""
        self.checkpoints.close()
        self.journal.close()


def _busy(state: TraderState) -> TraderState:
    """Add orders that rest."""
    for number in range(ORDERS):
        order = Order(
            intent_id=f"i-open-{number}",
            venue_order_id=f"0x{5000 + number:064x}",
            agent=AGENT,
            slug=MARKET.slug,
            token_id=TOKEN_UP,
            outcome=Outcome.UP,
            side=Side.BUY,
            order_type=OrderType.GTC,
            price_bps=100 + number,
            size_shares=5_000_000,
            budget_usdc=0,
            created_ns=OPEN_S * SECOND_NS,
            purpose="entry",
            status=OrderStatus.ACCEPTED,
        )
        state.orders[order.venue_order_id] = order
    return state


def _p99(figures: list[int]) -> int:
    return sorted(figures)[ceil(len(figures) * 0.99) - 1]
